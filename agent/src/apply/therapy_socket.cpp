// SPDX-License-Identifier: Apache-2.0
#include "apply/therapy_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "aseptic/interlock/limits.h"

namespace aseptic::agent {

bool TherapySocket::connect() {
  if (descriptor_ >= 0) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool good = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == uid_;
  if (good) {
    descriptor_ = fd;
  } else {
    ::close(fd);
  }
  return good;
}

bool TherapySocket::send(core::ByteView packet) {
  if (!connect()) return false;
  if (::send(descriptor_, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
  if (errno != EAGAIN) close();
  return false;
}

std::optional<core::Bytes> TherapySocket::receive() {
  if (descriptor_ < 0) return std::nullopt;
  core::Bytes packet(interlock::kFrameSizeMax + 1);  // one more: an oversized frame shows itself
  const ssize_t size = ::recv(descriptor_, packet.data(), packet.size(), MSG_DONTWAIT);
  if (size > 0) {
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }
  if (size == 0 || (errno != EAGAIN && errno != EINTR)) close();
  return std::nullopt;
}

void TherapySocket::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace aseptic::agent
