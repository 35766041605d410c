// SPDX-License-Identifier: Apache-2.0
// The trusted top-level targets file: its bytes are kept, and one target at a time is looked up in them.
#pragma once

#include "aseptic/trust/trusted_metadata.h"

namespace aseptic::trust {

struct TrustedMetadata::TargetsFile {
  std::uint64_t version = 0;
  std::shared_ptr<const Delegations> delegations;
  core::Bytes bytes;
};

}  // namespace aseptic::trust
