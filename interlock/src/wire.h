// SPDX-License-Identifier: Apache-2.0
// Little-endian cursor over a fixed buffer. Called by message.cpp only. Sizes are compile-time facts there;
// the cursor still never leaves its buffer: past the end it writes nothing and reads zero, and complete()
// tells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace aseptic::interlock {

class WireWriter {
 public:
  explicit WireWriter(std::span<std::uint8_t> out) : out_(out) {}

  template <std::size_t N>
  void bytes(const std::array<std::uint8_t, N>& value) {
    for (std::uint8_t byte : value)
      put(byte);
  }
  void raw(std::span<const std::uint8_t> value) {
    for (std::uint8_t byte : value)
      put(byte);
  }
  template <class T>
  void number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      put(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void zeros(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      put(0);
  }
  bool complete() const { return at_ == out_.size(); }

 private:
  void put(std::uint8_t byte) {
    if (at_ < out_.size()) out_[at_] = byte;
    ++at_;
  }
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
};

class WireReader {
 public:
  explicit WireReader(std::span<const std::uint8_t> in) : in_(in) {}

  template <std::size_t N>
  void bytes(std::array<std::uint8_t, N>& out) {
    for (std::uint8_t& byte : out)
      byte = take();
  }
  template <class T>
  T number() {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = static_cast<T>(value | static_cast<T>(T{take()} << (8 * i)));
    return value;
  }
  bool zeros(std::size_t count) {
    std::uint8_t seen = 0;
    for (std::size_t i = 0; i < count; ++i)
      seen = static_cast<std::uint8_t>(seen | take());
    return seen == 0;
  }
  bool matches(std::span<const std::uint8_t> expected) {
    bool same = true;
    for (std::uint8_t byte : expected)
      same = (take() == byte) && same;
    return same;
  }
  bool complete() const { return at_ == in_.size(); }

 private:
  std::uint8_t take() {
    const std::uint8_t byte = at_ < in_.size() ? in_[at_] : std::uint8_t{0};
    ++at_;
    return byte;
  }
  std::span<const std::uint8_t> in_;
  std::size_t at_ = 0;
};

}  // namespace aseptic::interlock
