// SPDX-License-Identifier: Apache-2.0
// splitmix64: a small generator whose numbers are the same with every compiler and library.
#pragma once

#include <cstdint>

#include "aseptic/core/bytes.h"

namespace aseptic::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  // In [0, bound), bound > 0. The bias is below 2^-32 for every bound used here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool coin() { return (next() & 1U) != 0; }
  void fill(core::ByteSpan out) {
    for (auto& byte : out)
      byte = static_cast<std::uint8_t>(next());
  }

 private:
  std::uint64_t state_;
};

// One number out of several: the seed of a case.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return Random(a ^ Random(b).next()).next();
}

}  // namespace aseptic::sim
