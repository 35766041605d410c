// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/boot_id.h"

#include <algorithm>

#include "aseptic/core/hash.h"

namespace aseptic::agent {

interlock::BootId boot_id_of(core::ByteView report) {
  constexpr std::string_view kDomain{"aseptic-boot-id-v1\0", 19};
  const core::Digest digest = core::Sha256().update(kDomain).update(report).finish();
  interlock::BootId id;
  std::ranges::copy_n(digest.bytes.begin(), static_cast<std::ptrdiff_t>(id.bytes.size()), id.bytes.begin());
  return id;
}

}  // namespace aseptic::agent
