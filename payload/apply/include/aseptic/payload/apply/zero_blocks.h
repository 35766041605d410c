// SPDX-License-Identifier: Apache-2.0
// Finds zero blocks quickly: most blocks that hold data show it in their first bytes.
#pragma once

#include <algorithm>
#include <array>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/format/header.h"

namespace aseptic::payload {

inline bool is_all_zero(core::ByteView bytes) {
  static constexpr std::array<std::uint8_t, kBlockSize> kZeros{};
  while (!bytes.empty()) {
    const std::size_t take = bytes.size() < kZeros.size() ? bytes.size() : kZeros.size();
    if (!std::equal(kZeros.begin(), kZeros.begin() + static_cast<std::ptrdiff_t>(take), bytes.data())) return false;
    bytes = bytes.subspan(take);
  }
  return true;
}

}  // namespace aseptic::payload
