// SPDX-License-Identifier: Apache-2.0
// How many bytes two texts have in common at their start. Called by the matcher and its index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace aseptic::payload {

inline std::size_t common_prefix(const std::uint8_t* a, const std::uint8_t* b, std::size_t limit) {
  std::size_t n = 0;
  while (n + 8 <= limit) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a + n, 8);
    std::memcpy(&y, b + n, 8);
    if (x != y) return n + static_cast<std::size_t>(__builtin_ctzll(x ^ y)) / 8;
    n += 8;
  }
  while (n < limit && a[n] == b[n])
    ++n;
  return n;
}

}  // namespace aseptic::payload
