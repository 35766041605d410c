// SPDX-License-Identifier: Apache-2.0
// The publisher's half of payload/decode's entropy coder: makes the bytes that RangeDecoder reads. One block after another:
// finish() ends a block.
#pragma once

#include "aseptic/core/bytes.h"

namespace aseptic::payload {

class RangeEncoder {
 public:
  static constexpr bool kEncodes = true;

  struct Hold {
    RangeEncoder& coder;
    explicit Hold(RangeEncoder& original) : coder(original) {}
  };
  bool bit_with(std::uint32_t p16, bool value) {
    const std::uint32_t bound = (range_ >> 16U) * p16;
    if (value) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    normalise();
    return value;
  }
  bool raw_bit(bool value) {
    range_ >>= 1U;
    if (value) low_ += range_;
    normalise();
    return value;
  }

  // The block: the shortest bytes that decode to what was coded, read as if followed by zeros.
  core::Bytes finish() {
    for (unsigned bits = 31; bits > 0; --bits) {
      const std::uint64_t mask = (std::uint64_t{1} << bits) - 1U;
      const std::uint64_t value = (low_ + mask) & ~mask;
      if (value >= low_ + range_) continue;
      low_ = value;
      break;
    }
    for (int i = 0; i < 5; ++i)
      shift_low();
    core::Bytes block(out_.begin() + 1, out_.end());  // the first byte is zero: nothing carries so far
    for (int i = 0; i < 4 && !block.empty() && block.back() == 0; ++i)
      block.pop_back();
    return block;
  }

 private:
  void normalise() {
    while (range_ < (1U << 24U)) {
      range_ <<= 8U;
      shift_low();
    }
  }
  void shift_low() {
    if (low_ < 0xFF000000U || low_ > 0xFFFFFFFFU) {
      const auto carry = static_cast<std::uint8_t>(low_ >> 32U);
      if (pending_ != 0) {
        out_.push_back(static_cast<std::uint8_t>(cache_ + carry));
        for (; pending_ > 1; --pending_)
          out_.push_back(static_cast<std::uint8_t>(0xFFU + carry));
        pending_ = 0;
      }
      cache_ = static_cast<std::uint8_t>(low_ >> 24U);
      pending_ = 1;
      low_ = (low_ & 0x00FFFFFFU) << 8U;
      return;
    }
    ++pending_;
    low_ = (low_ & 0x00FFFFFFU) << 8U;
  }

  core::Bytes out_;
  std::uint64_t low_ = 0;
  std::uint32_t range_ = 0xFFFFFFFFU;
  std::uint64_t pending_ = 1;  // the first byte is always zero
  std::uint8_t cache_ = 0;
};

}  // namespace aseptic::payload
