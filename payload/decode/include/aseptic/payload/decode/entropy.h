// SPDX-License-Identifier: Apache-2.0
// The delta's entropy coder: adaptive binary models and a range decoder (docs/formats/delta.md).
// Called by the delta codec (delta_codec.h); payload/make holds the matching RangeEncoder. The coding procedures below are
// templates over the coder, so that publisher and device run the same lines: with a decoder the `value` arguments are
// ignored and the decoded value is returned, with an encoder they are coded and returned. Security: the decoder reads only
// inside its view (missing bytes count as zero, and more than four are noticed), allocates nothing and loops a bounded number of times
// per symbol. Freestanding, no I/O.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "aseptic/boot/format/bytes.h"

namespace aseptic::payload {

// The probability that the next bit is one: 12 bits of probability, 4 bits of experience. Young models learn fast.
class BitModel {
 public:
  [[nodiscard]] constexpr std::uint32_t p12() const { return static_cast<std::uint32_t>(state_) >> 4U; }
  [[nodiscard]] constexpr std::uint32_t experience() const { return state_ & 15U; }
  constexpr void learn(bool bit) {
    const auto p = static_cast<std::int32_t>(p12());
    const std::int32_t ones = -static_cast<std::int32_t>(bit);  // all bits set, or none
    const std::int32_t step = (((ones & 4095) - p) * static_cast<std::int32_t>(kRate[experience()]) + (ones & 0xFFFF)) >> 16;
    const std::uint32_t next = experience() + (experience() < 15U ? 1U : 0U);
    state_ = static_cast<std::uint16_t>((static_cast<std::uint32_t>(p + step) << 4U) | next);
  }

 private:
  static constexpr std::uint16_t kRate[16] = {30000, 21800, 16400, 13100, 10900, 9400, 8200, 7300,
                                              6550,  5950,  5450,  5000,  4600,  4100, 3600, 3000};
  std::uint16_t state_ = 2048U << 4U;
};
static_assert(sizeof(BitModel) == 2);

// Neither value is ever impossible.
constexpr std::uint32_t clamped(std::uint32_t p16) {
  return p16 < 64U ? 64U : p16 > 65472U ? 65472U : p16;
}

// How far to follow a model that knows more about the case at hand but has seen less of it, by its experience: learned.
class Trust {
 public:
  constexpr Trust() {
    for (std::int32_t e = 0; e < 16; ++e)
      weight_[e] = kOne * 7 * e / (10 * (e + 4));
  }
  // Codes a bit whose probability lies between the opinions of two models; all three learn.
  template <class Coder>
  bool code(Coder& coder, BitModel& common, BitModel& special, bool value) {
    std::int32_t& weight = weight_[special.experience()];
    const auto low = static_cast<std::int32_t>(common.p12());
    const std::int32_t gap = static_cast<std::int32_t>(special.p12()) - low;
    const std::int32_t p16 = low * 16 + 8 + ((gap * weight) >> 11);
    const bool bit = coder.bit_with(clamped(static_cast<std::uint32_t>(p16)), value);
    const std::int32_t error = (-static_cast<std::int32_t>(bit) & 0xFFFF) - p16;
    const std::int32_t next = weight + ((error * gap) >> 15);
    weight = next < 0 ? 0 : next >= kOne ? kOne - 1 : next;
    common.learn(bit);
    special.learn(bit);
    return bit;
  }

 private:
  static constexpr std::int32_t kOne = 1 << 15;
  std::int32_t weight_[16] = {};
};

// Decodes what payload/make's RangeEncoder wrote: 32-bit range, carry resolved by the encoder.
class RangeDecoder {
 public:
  static constexpr bool kEncodes = false;

  explicit RangeDecoder(boot::ByteView bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i)
      code_ = (code_ << 8U) | next_byte();
  }

  // A copy to work with for a while, in registers; its end is the original's state.
  struct Hold;

  // `p16`: probability of a one, 1 … 65535.
  bool bit_with(std::uint32_t p16, bool /*value*/) {
    const std::uint32_t bound = (range_ >> 16U) * p16;
    const bool one = code_ < bound;
    const std::uint32_t ones = 0U - static_cast<std::uint32_t>(one);  // no branch: bits are hard to foresee
    code_ -= bound & ~ones;
    range_ = (bound & ones) | ((range_ - bound) & ~ones);
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

struct RangeDecoder::Hold {
  explicit Hold(RangeDecoder& original_coder) : coder(original_coder), original(original_coder) {}
  ~Hold() { original = coder; }
  RangeDecoder coder;
  RangeDecoder& original;
};

template <class Coder>
bool code_bit(Coder& coder, BitModel& model, bool value) {
  const bool bit = coder.bit_with(clamped(model.p12() * 16U + 8U), value);
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
