// SPDX-License-Identifier: Apache-2.0
// The HTTP client fed by a server that says anything and closes. The first byte of the input chooses the request:
// bit 0 a range, bit 1 a small cap, bit 2 a post. Property: it ends, and the sink never sees more than the cap.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "aseptic/core/assert.h"
#include "aseptic/platform/posix/http_client.h"
#include "aseptic/platform/posix/posix_clock.h"

namespace {

// Answers each connection with the present input; lives as long as the process.
class OneAnswerServer {
 public:
  OneAnswerServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASEPTIC_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 4) == 0 &&
                   ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    std::thread([this] { serve(); }).detach();
  }
  std::string answer;  // changed only while no request is under way
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x"; }

 private:
  void serve() {
    while (true) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) continue;
      std::string seen;
      char buffer[2048];
      while (seen.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(peer, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        seen.append(buffer, static_cast<std::size_t>(count));
      }
      ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(peer, SHUT_WR);
      while (::recv(peer, buffer, sizeof buffer, 0) > 0) {
      }
      ::close(peer);
    }
  }
  int listener_ = -1;
  int port_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aseptic::core::ByteView;
  using aseptic::core::Result;
  if (size == 0) return 0;
  static OneAnswerServer& server = *new OneAnswerServer;  // never destroyed: its thread runs until the end
  static aseptic::platform::PosixClock clock;
  const auto client = *aseptic::platform::BeastHttpClient::create({.plain = aseptic::platform::PlainHttp::kAllow}, clock);
  server.answer.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::uint64_t cap = (data[0] & 2) != 0 ? 10 : 10'000;
  std::uint64_t seen = 0;
  const auto sink = [&](ByteView bytes) -> Result<void> {
    seen += bytes.size();
    ASEPTIC_ASSERT(seen <= cap);
    return {};
  };
  if ((data[0] & 4) != 0) {
    const auto reply = client->post({.url = server.url(), .content_type = "text/plain", .body = {'x'}, .reply_bytes_max = cap}, sink);
    ASEPTIC_ASSERT(!reply || reply->body_bytes >= seen);
    return 0;
  }
  aseptic::platform::HttpGet request{.url = server.url(), .bytes_max = cap, .stall_max = std::chrono::seconds(5)};
  if ((data[0] & 1) != 0) request.range_first = 7;
  const auto reply = client->get(request, sink);
  ASEPTIC_ASSERT(!reply || (reply->status == 200 || reply->status == 206 ? reply->body_bytes == seen : seen == 0));
  ASEPTIC_ASSERT(!reply || reply->status != 206 || request.range_first);
  return 0;
}
