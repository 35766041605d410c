// SPDX-License-Identifier: Apache-2.0
// Byte views, little-endian fields and the few memory helpers of the freestanding boot parts.
// Called by every boot part and by hosted code that writes boot's formats.
// Invariants: Le<T> has alignment 1 and no padding, so a struct made of Le<T> and byte arrays *is* its wire form.
// Security: `equal` does not stop at the first difference, and compares twice (see there). No allocation, no I/O.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace aseptic::boot {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline constexpr std::size_t kDigestSize = 32;
using Digest = std::array<std::uint8_t, kDigestSize>;
using Uuid = std::array<std::uint8_t, 16>;

// A little-endian unsigned integer as it lies on the medium.
template <class T>
struct Le {
  std::uint8_t raw[sizeof(T)];

  constexpr T get() const {
    T value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(static_cast<T>(value << 8U) | raw[i]);
    return value;
  }
  constexpr void set(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = static_cast<std::uint8_t>(value >> (8U * i));
  }
};
// One byte cannot be shifted by eight.
template <>
constexpr std::uint8_t Le<std::uint8_t>::get() const {
  return raw[0];
}
template <>
constexpr void Le<std::uint8_t>::set(std::uint8_t value) {
  raw[0] = value;
}
using Le8 = Le<std::uint8_t>;
using Le16 = Le<std::uint16_t>;
using Le32 = Le<std::uint32_t>;
using Le64 = Le<std::uint64_t>;
static_assert(sizeof(Le64) == 8 && alignof(Le64) == 1);

constexpr void copy_bytes(MutableBytes to, ByteView from) {
  for (std::size_t i = 0; i < from.size() && i < to.size(); ++i) to[i] = from[i];
}
constexpr void fill_bytes(MutableBytes to, std::uint8_t value) {
  for (auto& byte : to) byte = value;
}
constexpr bool all_bytes_are(ByteView bytes, std::uint8_t value) {
  std::uint8_t difference = 0;
  for (const auto byte : bytes) difference = static_cast<std::uint8_t>(difference | (byte ^ value));
  return difference == 0;
}

// True when both views have the same length and content. The second, backward pass sits behind an optimisation
// barrier: without it the compiler would merge the two loops, and one skipped instruction could turn the verdict.
inline bool equal(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint32_t forward = 0;
  for (std::size_t i = 0; i < a.size(); ++i) forward |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  const std::uint8_t* again = b.data();
  __asm__ volatile("" : "+r"(again) : : "memory");
  std::uint32_t backward = 0;
  for (std::size_t i = a.size(); i-- > 0;) backward |= static_cast<std::uint32_t>(a[i] ^ again[i]);
  return (forward | backward) == 0;
}
inline bool is_zero(const Digest& digest) { return all_bytes_are(digest, 0); }

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

}  // namespace aseptic::boot
