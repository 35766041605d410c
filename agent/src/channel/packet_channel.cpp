// SPDX-License-Identifier: Apache-2.0
#include "channel/packet_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "aseptic/agent/codes.h"
#include "aseptic/agent/message.h"

namespace aseptic::agent {
namespace {

core::Error broken(const char* what) {
  return {AgentCode::kUnreachable, std::string(what) + " between the agent's processes: " + std::strerror(errno)};
}

}  // namespace

core::Result<void> PacketChannel::send(core::ByteView packet) {
  while (true) {
    const ssize_t sent = ::send(descriptor_, packet.data(), packet.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(packet.size())) return {};
    if (sent < 0 && errno == EINTR) continue;
    return broken("send");
  }
}

core::Result<std::optional<core::Bytes>> PacketChannel::receive(std::chrono::milliseconds timeout) {
  pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
  const int count = ::poll(&ready, 1, static_cast<int>(timeout.count()));
  if (count < 0 && errno != EINTR) return broken("poll");
  if (count <= 0) return std::optional<core::Bytes>{};
  // A longer packet is cut by the kernel and then refused by its length field.
  core::Bytes packet(kMessageHeaderSize + kBodyMax);
  const ssize_t size = ::recv(descriptor_, packet.data(), packet.size(), 0);
  if (size < 0 && errno == EINTR) return std::optional<core::Bytes>{};
  if (size <= 0) return broken("receive");
  packet.resize(static_cast<std::size_t>(size));
  return std::optional<core::Bytes>{std::move(packet)};
}

bool PacketChannel::has_packet() const {
  pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) > 0;
}

}  // namespace aseptic::agent
