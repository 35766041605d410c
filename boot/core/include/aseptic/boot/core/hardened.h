// SPDX-License-Identifier: Apache-2.0
// What keeps a single fault (a skipped instruction, a flipped bit) from turning a refusal into a start: words that are
// computed from the compared data instead of chosen by a branch. Used by the decision and by the last step of a port.
// Model and proof: docs/boot_fault.md.
#pragma once
#include "aseptic/boot/format/bytes.h"

namespace aseptic::boot {

inline constexpr std::uint32_t kSealMask = 0x5EA1C3A9;

// The compiler cannot know the value, nor that two of them are equal: a second check stays a check.
template <typename Value>
Value launder(Value value) {
  __asm__ volatile("" : "+r"(value));
  return value;
}

// What a port demands beside the entry before it jumps.
inline std::uint32_t jump_seal(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry) ^ kSealMask;
}

// 0 when equal; counted from the end, unlike raw::equal's first pass.
[[gnu::noinline]] inline std::uint32_t difference(const Digest& a, const Digest& b) {
  std::uint32_t found = 0;
  for (std::size_t i = kDigestSize; i-- > 0;)
    found |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  return launder(found);
}

}  // namespace aseptic::boot
