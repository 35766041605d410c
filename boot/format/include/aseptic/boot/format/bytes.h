// SPDX-License-Identifier: Apache-2.0
// Byte views, little-endian fields and the few memory helpers of the freestanding boot parts.
// Called by every boot part and by hosted code that writes boot's formats.
// Invariants: Le<T> has alignment 1 and no padding, so a struct made of Le<T> and byte arrays *is* its wire
// form. Security: `equal` does not stop at the first difference, and compares twice (see there). No
// allocation, no I/O.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace aseptic::boot {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline constexpr std::size_t kDigestSize = 32;
using Digest = std::array<std::uint8_t, kDigestSize>;
using Uuid = std::array<std::uint8_t, 16>;

// A little-endian unsigned integer as it lies on the medium. Every port is little-endian, so that reading one is a single
// unaligned load: byte-wise shifting costs kilobytes of code on a Cortex-M33.
static_assert(std::endian::native == std::endian::little);
template <class T>
struct Le {
  std::uint8_t raw[sizeof(T)];

  T get() const {
    T value;
    __builtin_memcpy(&value, raw, sizeof value);
    return value;
  }
  void set(T value) { __builtin_memcpy(raw, &value, sizeof value); }
};
using Le8 = Le<std::uint8_t>;
using Le16 = Le<std::uint16_t>;
using Le32 = Le<std::uint32_t>;
using Le64 = Le<std::uint64_t>;
static_assert(sizeof(Le64) == 8 && alignof(Le64) == 1);

// Copies as much as both hold.
inline void copy_bytes(MutableBytes to, ByteView from) {
  const std::size_t size = from.size() < to.size() ? from.size() : to.size();
  if (size != 0) __builtin_memmove(to.data(), from.data(), size);
}
inline void fill_bytes(MutableBytes to, std::uint8_t value) {
  if (!to.empty()) __builtin_memset(to.data(), value, to.size());
}
inline bool all_bytes_are(ByteView bytes, std::uint8_t value) {
  std::uint8_t difference = 0;
  for (const auto byte : bytes)
    difference = static_cast<std::uint8_t>(difference | (byte ^ value));
  return difference == 0;
}

// True when both views have the same length and content. The second, backward pass sits behind an
// optimisation barrier: without it the compiler would merge the two loops, and one skipped instruction could
// turn the verdict.
inline bool equal(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint32_t forward = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    forward |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  const std::uint8_t* again = b.data();
  __asm__ volatile("" : "+r"(again) : : "memory");
  std::uint32_t backward = 0;
  for (std::size_t i = a.size(); i-- > 0;)
    backward |= static_cast<std::uint32_t>(a[i] ^ again[i]);
  return (forward | backward) == 0;
}
inline bool is_zero(const Digest& digest) {
  return all_bytes_are(digest, 0);
}

// A wire struct seen as bytes. Only for structs made of Le<T> and byte arrays (alignment 1).
template <class Wire>
ByteView bytes_of(const Wire& wire) {
  static_assert(alignof(Wire) == 1);
  return {reinterpret_cast<const std::uint8_t*>(&wire), sizeof(Wire)};
}
template <class Wire>
MutableBytes mutable_bytes_of(Wire& wire) {
  static_assert(alignof(Wire) == 1);
  return {reinterpret_cast<std::uint8_t*>(&wire), sizeof(Wire)};
}

// An integer's own bytes: little-endian, like every port.
template <class T>
ByteView value_bytes(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}
template <class T>
MutableBytes mutable_value_bytes(T& value) {
  return {reinterpret_cast<std::uint8_t*>(&value), sizeof value};
}

}  // namespace aseptic::boot
