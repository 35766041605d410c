// SPDX-License-Identifier: Apache-2.0
// The PERMIT cell as the interlock sees it: the therapy side's half of the permission for a trial (protocol
// section 4). INVARIANT: a cell permits exactly one hold in exactly one start of the device; everything else
// is a cleared cell.
#pragma once

#include <cstdint>

#include "aseptic/interlock/types.h"

namespace aseptic::interlock {

enum class PermitState : std::uint32_t {
  kCleared = 0,
  kGranted = 0x7d51b4c3,
};

struct PermitCell {
  PermitState state = PermitState::kCleared;
  std::uint32_t boot_count = 0;
  Nonce hold{};
  friend bool operator==(const PermitCell&, const PermitCell&) = default;
};

}  // namespace aseptic::interlock
