// SPDX-License-Identifier: Apache-2.0
// Serves a HostileRepository over loopback as a static web server would: /metadata/<file> and /targets/<path>.
// A test changes answers with `instead`; everything else is answered truthfully.
#pragma once

#include <functional>
#include <optional>

#include "trust/tests/hostile_repository.h"
#include "tests/support/test_server.h"

namespace aseptic::test {

class RepositoryServer {
 public:
  explicit RepositoryServer(trust::test::HostileRepository& repository, std::optional<ServerTls> tls = {});

  // Called with the file's name below /metadata/ or /targets/ ("1.root.json", percent-encoding removed). True: the hook has
  // answered.
  std::function<bool(const std::string& name, Peer& peer)> instead;

  [[nodiscard]] std::string metadata_url() const { return server_.url("/metadata/"); }
  [[nodiscard]] std::string targets_url() const { return server_.url("/targets/"); }
  // Paths as they were sent, without the leading "/metadata/"; targets keep "/targets/".
  [[nodiscard]] std::vector<std::string> requests() const;
  void forget_requests() { server_.forget_requests(); }

 private:
  void answer(const Request& request, Peer& peer);
  [[nodiscard]] std::optional<std::string> metadata(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> target(const std::string& path) const;

  trust::test::HostileRepository& repository_;
  TestServer server_;  // last: its threads use the others
};

}  // namespace aseptic::test
