// SPDX-License-Identifier: Apache-2.0
// What a P-256 verification answers, computed by OpenSSL: stands in for boot's own in runs where the signature's
// arithmetic is not what is faulted. Remembers its answers; thread-safe.
#pragma once
#include <array>
#include <compare>
#include <cstdint>

namespace aseptic::test {

struct P256Question {
  std::array<std::uint8_t, 64> key{};
  std::array<std::uint8_t, 32> digest{};
  std::array<std::uint8_t, 64> signature{};
  auto operator<=>(const P256Question&) const = default;
};

struct P256Answer {
  bool valid = false;
  std::array<std::uint8_t, 32> x{};  // the recomputed r; zero when a number is out of range or the point is none
};

P256Answer p256_on_host(const P256Question& question);

}  // namespace aseptic::test
