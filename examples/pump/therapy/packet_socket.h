// SPDX-License-Identifier: Apache-2.0
// Local packet sockets (SOCK_SEQPACKET), one message per packet, peer's user checked. Nothing here blocks.
// Called by: therapy_process.cpp, pump-panel, tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aseptic::pump {

inline constexpr std::size_t kPacketSizeMax = 512;

/// Owns one descriptor; -1 = none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void reset(int fd = -1);
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

enum class Received : std::uint8_t { kPacket, kNothing, kClosed };

/// Removes a socket that an earlier process left, binds (mode 0600), listens. Not open on failure.
Descriptor listen_at(const std::string& path);
Descriptor connect_to(const std::string& path);
/// The next connection whose peer runs as `uid`; others are closed at once.
std::optional<Descriptor> accept_from(const Descriptor& listener, unsigned uid);

bool send_packet(const Descriptor& to, std::span<const std::uint8_t> packet);
/// A packet larger than kPacketSizeMax is dropped and counts as kClosed.
Received receive_packet(const Descriptor& from, std::vector<std::uint8_t>& out);

}  // namespace aseptic::pump
