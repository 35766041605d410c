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
#include <type_traits>

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

// The work of the helpers below, out of line and over plain pointers: on a Cortex-M33 a call that passes spans takes
// three times the code of one that passes pointers and lengths.
namespace raw {
[[gnu::noinline]] inline void move(std::uint8_t* to, const std::uint8_t* from, std::size_t size) {
  __builtin_memmove(to, from, size);
}
[[gnu::noinline]] inline bool all_are(const std::uint8_t* bytes, std::size_t size, std::uint8_t value) {
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < size; ++i)
    difference |= static_cast<std::uint32_t>(bytes[i] ^ value);
  return difference == 0;
}
// The second, backward pass sits behind an optimisation barrier: without it the compiler would merge the two loops, and
// one skipped instruction could turn the verdict.
[[gnu::noinline]] inline bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  std::uint32_t forward = 0;
  for (std::size_t i = 0; i < size; ++i)
    forward |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  __asm__ volatile("" : "+r"(b) : : "memory");
  std::uint32_t backward = 0;
  for (std::size_t i = size; i-- > 0;)
    backward |= static_cast<std::uint32_t>(a[i] ^ b[i]);
  return (forward | backward) == 0;
}
}  // namespace raw

// Copies as much as both hold.
[[gnu::always_inline]] inline void copy_bytes(MutableBytes to, ByteView from) {
  const std::size_t size = from.size() < to.size() ? from.size() : to.size();
  if (size != 0) raw::move(to.data(), from.data(), size);
}
inline void copy_digest(Digest& to, const Digest& from) {
  raw::move(to.data(), from.data(), kDigestSize);
}
[[gnu::always_inline]] inline void fill_bytes(MutableBytes to, std::uint8_t value) {
  if (!to.empty()) __builtin_memset(to.data(), value, to.size());
}
[[gnu::always_inline]] inline bool all_bytes_are(ByteView bytes, std::uint8_t value) {
  return raw::all_are(bytes.data(), bytes.size(), value);
}

// True when both views have the same length and content; does not stop at the first difference, and compares twice.
[[gnu::always_inline]] inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && raw::equal(a.data(), b.data(), a.size());
}
[[gnu::noinline]] inline bool is_zero(const Digest& digest) {
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

// All bytes of a plain object zero, padding included: one call where a list of member initialisers would cost code.
template <class T>
void clear_object(T& object) {
  static_assert(std::is_trivially_copyable_v<T>);
  __builtin_memset(static_cast<void*>(&object), 0, sizeof object);
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
