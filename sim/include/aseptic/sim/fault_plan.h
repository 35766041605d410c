// SPDX-License-Identifier: Apache-2.0
// Which I/O goes wrong, and how. Counted over all files and devices of a world, reads included.
#pragma once

#include <cstdint>
#include <string>

namespace aseptic::sim {

enum class FaultKind : std::uint8_t {
  kFailOnce,     // the n-th I/O fails, nothing of it happens
  kFailForever,  // from the n-th on every I/O fails
  kLie,          // the n-th I/O, if a write, is acknowledged, but one bit of it differs on the medium
  kPowerOff,     // from the n-th on nothing happens any more: use World::is_off() and World::reboot()
};

struct FaultPlan {
  std::uint64_t at_io = ~0ULL;  // 0 = the next one
  FaultKind kind = FaultKind::kFailOnce;
  std::string file_prefix;  // counts only I/O on files whose name starts so
};

}  // namespace aseptic::sim
