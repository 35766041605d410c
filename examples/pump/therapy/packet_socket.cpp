// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/packet_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace aseptic::pump {
namespace {

Descriptor new_socket() {
  return Descriptor(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool fill_address(const std::string& path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return true;
}

}  // namespace

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Descriptor listen_at(const std::string& path) {
  sockaddr_un address;
  Descriptor listener = new_socket();
  if (!listener.is_open() || !fill_address(path, address)) return Descriptor();
  unlink(path.c_str());
  const mode_t before = umask(0177);
  const int bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(before);
  if (bound != 0 || listen(listener.get(), 4) != 0) return Descriptor();
  return listener;
}

Descriptor connect_to(const std::string& path) {
  sockaddr_un address;
  Descriptor socket = new_socket();
  if (!socket.is_open() || !fill_address(path, address)) return Descriptor();
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Descriptor();
  return socket;
}

std::optional<Descriptor> accept_from(const Descriptor& listener, unsigned uid) {
  Descriptor peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer.is_open()) return std::nullopt;
  ucred who{};
  socklen_t size = sizeof who;
  // SECURITY(T-61): the file mode keeps others out as well; the credential is checked because modes get
  // changed.
  if (getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.uid != uid)
    return std::nullopt;
  return peer;
}

bool send_packet(const Descriptor& to, std::span<const std::uint8_t> packet) {
  const ssize_t sent = send(to.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(packet.size());
}

Received receive_packet(const Descriptor& from, std::vector<std::uint8_t>& out) {
  out.resize(kPacketSizeMax);
  const ssize_t got = recv(from.get(), out.data(), out.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Received::kNothing;
  if (got <= 0 || static_cast<std::size_t>(got) > out.size()) return Received::kClosed;
  out.resize(static_cast<std::size_t>(got));
  return Received::kPacket;
}

}  // namespace aseptic::pump
