// SPDX-License-Identifier: Apache-2.0
// A published repository in the hands of an attacker: files that a test edits and, with keys that were stolen for the purpose,
// signs again; and the HTTPS server that hands them out, truthfully unless `instead` answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aseptic/core/json.h"
#include "tests/support/test_pki.h"
#include "tests/support/test_server.h"

namespace aseptic::test {

class HostileSite {
 public:
  // A folder with metadata/ and targets/, and the folder of the publisher's key files.
  HostileSite(const std::string& repository, std::string keys);

  std::map<std::string, std::string> files;                    // "metadata/timestamp.json", "targets/…" -> bytes
  std::map<std::string, std::vector<std::string>> signers;     // role -> labels of key files; the rightful ones at first

  // The newest published file of a role, and its `signed` part.
  [[nodiscard]] std::string file_name(const std::string& role) const;
  [[nodiscard]] core::JsonObject& role(const std::string& name);
  // The only file below targets/ whose name contains `part`.
  [[nodiscard]] const std::string& target_file(const std::string& part) const;
  [[nodiscard]] std::string target(const std::string& path) const;  // bytes of the listed target

  // New versions of these roles with the edited `signed` parts, then snapshot and timestamp.
  void publish(const std::vector<std::string>& roles);
  void publish_snapshot();
  void publish_timestamp();
  // Root gives an online role another key, and publishes its next version.
  void set_key(const std::string& role, const std::string& label);
  void publish_root();
  // Lists the bytes as target of the role and stores the file; publish() makes it known. Answers the SHA-256.
  std::string put_target(const std::string& role, const std::string& path, const std::string& bytes);
  // Edits the selected release; channel and payload index follow, so that nothing but the edit is wrong.
  void edit_release(const std::function<void(core::JsonObject& release)>& edit);
  void edit_channel(const std::function<void(core::JsonObject& channel)>& edit);
  void edit_index(const std::function<void(core::JsonObject& payload)>& edit);  // the first payload of the selected release
  void edit_payloads(const std::function<void(core::JsonArray& payloads)>& edit);  // all of them

  // The file of a role, signed with these keys; with `as`, under the key ids of those others.
  [[nodiscard]] std::string sign(const core::JsonObject& part, const std::vector<std::string>& keys, const std::vector<std::string>& as = {}) const;
  void write_to(const std::string& folder) const;

 private:
  void store_role(const std::string& name, bool with_version);

  std::string keys_;
  std::map<std::string, core::JsonObject> roles_;
};

class HostileServer {
 public:
  HostileServer(HostileSite& site, const Credential& identity, const std::string& client_ca_pem);

  // Called with the path below the root ("metadata/timestamp.json"). True: the hook has answered. Set it before the device runs.
  std::function<bool(const std::string& path, Peer& peer)> instead;

  bool has_ranges = true;  // false: a request for a part gets the whole file, with status 200

  [[nodiscard]] int port() const { return server_->port(); }
  [[nodiscard]] std::size_t connections() const { return server_->connections(); }
  // How often a file whose path contains `part` was asked for.
  [[nodiscard]] std::size_t served(const std::string& part) const;
  [[nodiscard]] std::string all_requests() const;

 private:
  void answer(const Request& request, Peer& peer);

  HostileSite& site_;
  std::unique_ptr<TestServer> server_;
};

}  // namespace aseptic::test
