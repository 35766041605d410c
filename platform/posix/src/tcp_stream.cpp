// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "byte_stream.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<UniqueFd> connect_to(const addrinfo& address, const Url& url, ProgressGuard& guard) {
  UniqueFd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&](int error) {
    return Error(PlatformCode::kNetConnect, "connect to " + url.authority() + ": " + std::generic_category().message(error));
  };
  if (!socket.is_open()) return failed(errno);
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return failed(errno);
  ASEPTIC_TRY_VOID(guard.wait(socket.get(), POLLOUT).within("connect to " + url.authority()));
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failed(error);
  return socket;
}

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(UniqueFd socket) : socket_(std::move(socket)) {}

  Result<std::size_t> read_some(core::ByteSpan out, ProgressGuard& guard) override {
    while (true) {
      const ssize_t count = ::recv(socket_.get(), out.data(), out.size(), 0);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        return Error(PlatformCode::kNetProtocol, "the server dropped the connection: " + std::generic_category().message(errno));
      ASEPTIC_TRY_VOID(guard.wait(socket_.get(), POLLIN));
    }
  }

  Result<void> write(core::ByteView bytes, ProgressGuard& guard) override {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        ASEPTIC_TRY_VOID(guard.moved(static_cast<std::uint64_t>(count)));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        return Error(PlatformCode::kNetProtocol, "the server dropped the connection: " + std::generic_category().message(errno));
      ASEPTIC_TRY_VOID(guard.wait(socket_.get(), POLLOUT));
    }
    return {};
  }

  [[nodiscard]] bool is_idle() const override {
    pollfd watched{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, 0) == 0;
  }

 private:
  UniqueFd socket_;
};

}  // namespace

Result<UniqueFd> connect_tcp(const Url& url, ProgressGuard& guard) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); error != 0)
    return Error(PlatformCode::kNetConnect, "the host name " + url.host + " cannot be resolved: " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  Result<UniqueFd> outcome = Error(PlatformCode::kNetConnect, "the host name " + url.host + " has no address");
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    outcome = connect_to(*address, url, guard);
    if (outcome || outcome.error().is(PlatformCode::kNetStalled)) break;
  }
  return outcome;
}

std::unique_ptr<ByteStream> make_plain_stream(UniqueFd socket) { return std::make_unique<PlainStream>(std::move(socket)); }

}  // namespace aseptic::platform
