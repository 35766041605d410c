// SPDX-License-Identifier: Apache-2.0
// The device plane: HTTP/1.1 over mutually authenticated TLS 1.3, for DeviceApi. Called by aseptic-fleet.
//
// Security: a session needs a client certificate under the given anchors and nothing else; one that is no device's gets
// 403 for everything. No tickets and no resumption, so each session checks both sides (ID-02). Holds a TLS key only: no
// release, root or director key can even be named here.
// Limits: see limits.h. Thread contract: run() returns after stop(), which may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aseptic/fleet/device_api.h"
#include "aseptic/platform/posix/tls_identity.h"

namespace aseptic::fleet {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;                     // 0: any free one, see Server::port()
  std::string certificate_chain_pem;
  std::shared_ptr<platform::TlsKey> key;
  std::string client_anchors_pem;
  unsigned threads = 2;
  std::function<void(const std::string&)> log;  // one line per event; called from the server's threads, one at a time
};

class Server {
 public:
  // Listens from now on; sessions begin with run(). `api` and `clock` must outlive the server.
  static core::Result<std::unique_ptr<Server>> open(const ServerOptions& options, DeviceApi& api, platform::Clock& clock);
  ~Server();
  [[nodiscard]] std::uint16_t port() const;
  void run();
  void stop();
  // Stops at SIGTERM or SIGINT.
  void stop_at_signals();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::fleet
