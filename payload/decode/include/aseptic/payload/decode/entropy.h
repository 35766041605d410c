// SPDX-License-Identifier: Apache-2.0
// The delta's entropy coder: adaptive binary models and a range decoder (docs/formats/delta.md).
// Called by the delta codec (delta_codec.h); payload/make holds the matching RangeEncoder. The coding procedures below are
// templates over the coder, so that publisher and device run the same lines: with a decoder the `value` arguments are
// ignored and the decoded value is returned, with an encoder they are coded and returned. Security: the decoder reads only
// inside its view (missing bytes count as zero, and more than four are noticed), allocates nothing and loops a bounded number of times
// per symbol. Freestanding, no I/O.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "aseptic/boot/format/bytes.h"

namespace aseptic::payload {

// The probability that the next bit is one: 12 bits of probability, 4 bits of experience. Young models learn fast.
class BitModel {
 public:
  [[nodiscard]] constexpr std::uint32_t p12() const { return static_cast<std::uint32_t>(state_) >> 4U; }
  constexpr void learn(bool bit) {
    const std::uint32_t experience = state_ & 15U;
    auto p = static_cast<std::int32_t>(p12());
    const std::int32_t target = bit ? 4095 : 0;
    p += (target - p) * static_cast<std::int32_t>(kRate[experience]) / 65536;
    const std::uint32_t next = experience < 15U ? experience + 1U : 15U;
    state_ = static_cast<std::uint16_t>((static_cast<std::uint32_t>(p) << 4U) | next);
  }

 private:
  static constexpr std::uint16_t kRate[16] = {30000, 21800, 16400, 13100, 10900, 9400, 8200, 7300,
                                              6550,  5950,  5450,  5000,  4600,  4100, 3600, 3000};
  std::uint16_t state_ = 2048U << 4U;
};
static_assert(sizeof(BitModel) == 2);

// Logistic mixing: how likely a bit is, given several models that each know something else.
namespace mixing {

// 4096 / (1 + e^(-x/256)), x in [-2047, 2047]; interpolated from 33 exact points.
inline constexpr std::int16_t kSquashPoints[33] = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                                   310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                                   3901, 3975, 4024, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};
constexpr std::int32_t squash(std::int32_t x) {
  if (x > 2047) return 4095;
  if (x < -2047) return 0;
  const std::int32_t fraction = x & 127;
  const auto at = static_cast<std::size_t>((x + 2048) >> 7);
  return (kSquashPoints[at] * (128 - fraction) + kSquashPoints[at + 1] * fraction + 64) >> 7;
}

struct StretchTable {
  std::int16_t value[4096];
  constexpr StretchTable() : value() {
    std::int32_t next = 0;
    for (std::int32_t x = -2047; x <= 2047; ++x) {
      const std::int32_t p = squash(x);
      for (; next <= p; ++next)
        value[next] = static_cast<std::int16_t>(x);
    }
    for (; next < 4096; ++next)
      value[next] = 2047;
  }
};
inline constexpr StretchTable kStretch{};

}  // namespace mixing

// Weights for N opinions. Deterministic integer arithmetic.
template <std::size_t N>
class Mixer {
 public:
  constexpr Mixer() {
    for (auto& weight : weights_)
      weight = static_cast<std::int32_t>(65536 * 5 / (4 * N));
  }
  // 16-bit probability of a one.
  std::uint32_t mix(const std::array<std::int32_t, N>& stretched) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < N; ++i)
      sum += static_cast<std::int64_t>(weights_[i]) * stretched[i];
    p12_ = mixing::squash(static_cast<std::int32_t>(sum / 65536));
    const auto p16 = static_cast<std::uint32_t>(p12_) * 16U + 8U;
    return p16;
  }
  void learn(const std::array<std::int32_t, N>& stretched, bool bit) {
    const std::int32_t error = ((bit ? 4095 : 0) - p12_) * 10;
    for (std::size_t i = 0; i < N; ++i) {
      const std::int32_t next = weights_[i] + (stretched[i] * error + 0x2000) / 16384;
      weights_[i] = next > kWeightMax ? kWeightMax : next < -kWeightMax ? -kWeightMax : next;
    }
  }

 private:
  static constexpr std::int32_t kWeightMax = 1 << 20;
  std::array<std::int32_t, N> weights_{};
  std::int32_t p12_ = 0;
};

// Decodes what payload/make's RangeEncoder wrote: 32-bit range, carry resolved by the encoder.
class RangeDecoder {
 public:
  static constexpr bool kEncodes = false;

  explicit RangeDecoder(boot::ByteView bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i)
      code_ = (code_ << 8U) | next_byte();
  }

  // `p16`: probability of a one, 1 … 65535.
  bool bit_with(std::uint32_t p16, bool /*value*/) {
    const std::uint32_t bound = (range_ >> 16U) * p16;
    bool one = code_ < bound;
    if (one) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    normalise();
    return one;
  }
  bool raw_bit(bool /*value*/) {
    range_ >>= 1U;
    const bool one = code_ >= range_;
    if (one) code_ -= range_;
    normalise();
    return one;
  }

  // All was read, and no more than the zeros that an encoder leaves out at the end.
  [[nodiscard]] bool is_consumed() const { return at_ == bytes_.size() && missing_ <= kImpliedZeros; }

 private:
  void normalise() {
    while (range_ < (1U << 24U)) {
      range_ <<= 8U;
      code_ = (code_ << 8U) | next_byte();
    }
  }
  std::uint32_t next_byte() {
    if (at_ < bytes_.size()) return bytes_[at_++];
    if (missing_ <= kImpliedZeros) ++missing_;
    return 0;
  }

  static constexpr std::uint32_t kImpliedZeros = 4;

  boot::ByteView bytes_;
  std::size_t at_ = 0;
  std::uint32_t range_ = 0xFFFFFFFFU;
  std::uint32_t code_ = 0;
  std::uint32_t missing_ = 0;
};

template <class Coder>
bool code_bit(Coder& coder, BitModel& model, bool value) {
  const std::uint32_t p16 = model.p12() * 16U + 8U;
  const bool bit = coder.bit_with(p16 < 64U ? 64U : p16 > 65472U ? 65472U : p16, value);
  model.learn(bit);
  return bit;
}

// A symbol of `bits` bits, most significant first; `models` holds 2^bits of them.
template <class Coder>
std::uint32_t code_tree(Coder& coder, std::span<BitModel> models, unsigned bits, std::uint32_t value) {
  std::uint32_t node = 1;
  for (unsigned i = bits; i-- > 0;)
    node = (node << 1U) | (code_bit(coder, models[node], ((value >> i) & 1U) != 0) ? 1U : 0U);
  return node - (1U << bits);
}

template <class Coder>
std::uint64_t code_raw(Coder& coder, unsigned bits, std::uint64_t value) {
  std::uint64_t out = 0;
  for (unsigned i = bits; i-- > 0;)
    out = (out << 1U) | (coder.raw_bit(((value >> i) & 1U) != 0) ? 1U : 0U);
  return out;
}

// An unsigned number below 2^(2^LengthBits - 1): its bit length by a tree, the two bits below the leading one by models,
// the rest raw. Every number has one form.
template <unsigned LengthBits>
struct NumberModel {
  static constexpr unsigned kLengths = 1U << LengthBits;
  BitModel length[kLengths];
  BitModel top[kLengths][4];
};

template <class Coder, unsigned LengthBits>
std::uint64_t code_number(Coder& coder, NumberModel<LengthBits>& model, std::uint64_t value) {
  const std::uint32_t length =
      code_tree(coder, model.length, LengthBits, static_cast<std::uint32_t>(64 - __builtin_clzll(value | 1U)) -
                                                     (value == 0 ? 1U : 0U));
  if (length < 2) return length;
  const unsigned rest = length - 1;
  const unsigned modelled = rest < 2 ? rest : 2;
  const std::uint32_t top = code_tree(coder, model.top[length], modelled,
                                      static_cast<std::uint32_t>(value >> (rest - modelled)) & ((1U << modelled) - 1U));
  std::uint64_t out = (std::uint64_t{1} << modelled) | top;
  if (rest > modelled) out = (out << (rest - modelled)) | code_raw(coder, rest - modelled, value);
  return out;
}

constexpr std::uint64_t fold_sign(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unfold_sign(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

template <class Coder, unsigned LengthBits>
std::int64_t code_signed(Coder& coder, NumberModel<LengthBits>& model, std::int64_t value) {
  return unfold_sign(code_number(coder, model, fold_sign(value)));
}

}  // namespace aseptic::payload
