// SPDX-License-Identifier: Apache-2.0
#include "apply/command_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {

core::Result<CommandSocket> CommandSocket::listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return core::Error(AgentCode::kConfig, path + " is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());  // of a killed predecessor; the lock on the agent folder says that there is no other
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool good = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    ::chmod(path.c_str(), 0666) == 0 && ::listen(fd, 8) == 0;
  if (good) return CommandSocket(fd);
  const std::string reason = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  return core::Error(AgentCode::kConfig, path + ": " + reason);
}

CommandSocket::CommandSocket(CommandSocket&& other) noexcept
    : listener_(std::exchange(other.listener_, -1)), clients_(std::move(other.clients_)) {
  other.clients_.clear();
}

CommandSocket::~CommandSocket() {
  for (const Client& client : clients_) ::close(client.descriptor);
  if (listener_ >= 0) ::close(listener_);
}

void CommandSocket::accept_clients() {
  while (clients_.size() < kCommandClientsMax) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
      ::close(fd);
      continue;
    }
    // SECURITY(T-59): who asks is what the kernel says, not what the caller says.
    clients_.push_back({fd, {peer.uid, peer.uid == 0 || peer.uid == ::geteuid()}, {}});
  }
}

bool CommandSocket::read_line(Client& client, bool& complete) {
  char buffer[kCommandMax];
  const ssize_t size = ::recv(client.descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  client.line.append(buffer, static_cast<std::size_t>(size));
  const auto end = client.line.find('\n');
  complete = end != std::string::npos;
  if (complete) client.line.resize(end);
  return size > 0 && client.line.size() <= kCommandMax;
}

void CommandSocket::serve(const CommandHandler& handler) {
  accept_clients();
  std::erase_if(clients_, [&](Client& client) {
    bool complete = false;
    const bool alive = read_line(client, complete);
    if (complete) {
      const std::string answer = handler(client.line, client.caller) + "\n";
      static_cast<void>(::send(client.descriptor, answer.data(), answer.size(), MSG_NOSIGNAL));
    }
    if (alive && !complete) return false;
    ::close(client.descriptor);
    return true;
  });
}

std::vector<int> CommandSocket::descriptors() const {
  std::vector<int> all{listener_};
  for (const Client& client : clients_) all.push_back(client.descriptor);
  return all;
}

}  // namespace aseptic::agent
