// SPDX-License-Identifier: Apache-2.0
// A device's whole state as 128 bits, to recognise one whose future is already known. No cryptography: the states are
// those of one campaign, nobody chooses them to collide, and among a million a collision has odds of 2^-88.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace aseptic::test {

class StateDigest {
 public:
  using Value = std::array<std::uint64_t, 2>;

  // Sizes belong to the state: callers add them where they differ. A multiple of 4 bytes.
  void add(std::span<const std::uint8_t> bytes) {
    std::size_t at = 0;
    for (; at + 64 <= bytes.size(); at += 64)
      for (std::size_t lane = 0; lane < 8; ++lane) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at + 8 * lane, sizeof word);
        mix(lanes_[lane], word);
      }
    for (; at + 4 <= bytes.size(); at += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      add(word);
    }
  }
  void add(std::uint32_t word) { mix(lanes_[next_++ % 8], std::uint64_t{word} + 0x100000000ULL); }

  [[nodiscard]] Value value() const {
    Value out = {0x243F6A8885A308D3ULL, 0x13198A2E03707344ULL};
    for (std::size_t lane = 0; lane < 8; ++lane) {
      mix(out[0], lanes_[lane]);
      mix(out[1], lanes_[7 - lane] ^ 0xA4093822299F31D0ULL);
    }
    return out;
  }

 private:
  // Each step can be undone, so two states that differ in one word never meet in its lane at that step.
  static void mix(std::uint64_t& lane, std::uint64_t word) {
    lane = (lane ^ word) * 0x9E3779B97F4A7C15ULL;
    lane ^= lane >> 32U;
  }
  std::array<std::uint64_t, 8> lanes_ = {1, 2, 3, 4, 5, 6, 7, 8};
  std::size_t next_ = 0;
};

}  // namespace aseptic::test
