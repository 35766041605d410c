// SPDX-License-Identifier: Apache-2.0
// An install starts from a verified header only (VF-01, VF-04).
// As: aseptic_payload_apply
// Refused: could not convert|cannot convert|no known conversion|invalid initialization
#include "aseptic/payload/apply/installer.h"

using namespace aseptic;

auto start(const core::Verified<payload::PayloadHeader>& header, platform::BlockDevice& slot) {
  return payload::PayloadInstaller::begin(header, slot);
}

#ifdef ASEPTIC_FORBIDDEN
auto forge(const payload::PayloadHeader& header, platform::BlockDevice& slot) {
  return payload::PayloadInstaller::begin(header, slot);
}
#endif
