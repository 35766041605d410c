// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on a free loopback port that does exactly what a test tells it to, bad manners included.
//
// The handler runs on the connection's own thread, once per request; it sees every byte it sends. The server keeps the
// list of all requests. Nothing here sleeps: waiting ends when the client closes or the server is destroyed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace aseptic::test {

struct Request {
  std::string method;
  std::string target;                                 // as sent, percent-encoding included
  std::map<std::string, std::string> headers;         // names in lower case
  std::string body;
  [[nodiscard]] std::string header(const std::string& name) const;
};

// The connection as the handler sees it.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual bool send(std::string_view bytes) = 0;      // false when the client is gone
  void reply(int status, std::string_view body, std::string_view extra_headers = {});
  virtual void close() = 0;                           // no further request on this connection
  // Returns when the client closes or this time is over; true when it closed.
  virtual bool closed_within_ms(int milliseconds) = 0;
  virtual std::string peer_certificate_der() = 0;     // empty without a client certificate
};

struct ServerTls {
  std::string certificate_chain_pem;
  std::string key_pem;
  std::string client_ca_pem;                          // when set, a client certificate is demanded
  int max_version = 0;                                // 0 = no limit; TLS1_2_VERSION for the downgrade test
};

class TestServer {
 public:
  using Handler = std::function<void(const Request&, Peer&)>;
  explicit TestServer(Handler handler, std::optional<ServerTls> tls = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/", std::string_view host = "127.0.0.1") const;
  [[nodiscard]] std::vector<std::string> requests() const;   // "GET /path", in order of arrival
  [[nodiscard]] std::size_t connections() const { return connections_.load(); }
  void forget_requests();
  // Returns when that many connections were closed by the server's side; the client can see it by then.
  void wait_for_closed_connections(std::size_t count);

 private:
  void accept_connections();
  void serve(int socket);

  Handler handler_;
  std::shared_ptr<void> tls_context_;
  int listener_ = -1;
  int port_ = 0;
  bool uses_tls_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> connections_{0};
  mutable std::mutex mutex_;
  std::condition_variable closed_changed_;
  std::size_t closed_ = 0;
  std::vector<std::string> requests_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace aseptic::test
