// SPDX-License-Identifier: Apache-2.0
#include "component/unix_line.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace aseptic::agent {
namespace {

constexpr int kSendPatienceMs = 1000;  // a serial line takes a frame in this time, or nobody reads

}  // namespace

bool UnixLine::connect() {
  if (descriptor_ >= 0) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return false;
  }
  descriptor_ = fd;
  return true;
}

bool UnixLine::send(core::ByteView bytes) {
  if (!connect()) return false;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    pollfd ready{descriptor_, POLLOUT, 0};
    const bool may_wait = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (may_wait && ::poll(&ready, 1, kSendPatienceMs) > 0 && (ready.revents & POLLOUT) != 0) continue;
    close();
    return false;
  }
  return true;
}

std::size_t UnixLine::receive(core::ByteSpan out, std::chrono::milliseconds patience) {
  if (descriptor_ < 0) return 0;
  pollfd ready{descriptor_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return 0;
  const ssize_t count = ::recv(descriptor_, out.data(), out.size(), MSG_DONTWAIT);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0 || (errno != EAGAIN && errno != EINTR)) close();
  return 0;
}

void UnixLine::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace aseptic::agent
