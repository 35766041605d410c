// SPDX-License-Identifier: Apache-2.0
// A TUF repository in memory that can sign anything and misbehave, and a client that drives the trust state machine
// over it the way fetch does. For tests of trust, fetch and publish only.
//
// Everything is a public value: a test changes what it wants, signs with whom it wants, and serves it.
// Ed25519 keys come from a seed number, so that runs are identical.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "aseptic/trust/target_search.h"

namespace aseptic::trust::test {

class TestKey {
 public:
  static TestKey ed25519(std::uint8_t seed);
  static TestKey generate(core::KeyAlgorithm algorithm);  // P-256 or RSA-3072

  [[nodiscard]] const core::PublicKey& public_key() const { return *public_key_; }
  [[nodiscard]] TufKey tuf_key() const { return TufKey::from_public_key(*public_key_); }
  [[nodiscard]] KeyId id() const { return tuf_key().default_id(); }
  [[nodiscard]] core::Bytes sign(core::ByteView message) const;
  [[nodiscard]] core::Bytes sign_raw(core::ByteView message) const;  // P-256 only: r || s
  [[nodiscard]] core::Bytes sign(std::string_view message) const { return sign(core::as_bytes(message)); }

 private:
  explicit TestKey(void* key);
  std::shared_ptr<void> key_;
  std::optional<core::PublicKey> public_key_;
};

core::UtcTime test_time(std::string_view text = "2026-11-23T05:00:00Z");

// One signed file from a signed part and its signers.
std::string signed_file(const core::JsonValue& signed_part, const std::vector<TestKey>& signers);

class HostileRepository {
 public:
  explicit HostileRepository(core::UtcTime now = test_time());

  Root root;
  Timestamp timestamp;
  Snapshot snapshot;
  std::map<std::string, Targets, std::less<>> roles;  // "targets" and delegated ones
  std::map<std::string, std::vector<TestKey>, std::less<>> signers;
  std::map<std::uint64_t, std::string> roots;         // as published, by version
  std::map<std::string, std::string, std::less<>> contents;  // target path -> bytes
  enum class MetaHashes { kNo, kYes };
  MetaHashes meta_hashes = MetaHashes::kNo;

  [[nodiscard]] Targets& targets() { return roles.find("targets")->second; }

  void set_keys(std::string_view role, const std::vector<TestKey>& keys, std::uint32_t threshold = 1);  // top-level roles
  void publish_root(const std::vector<TestKey>& extra_signers = {});  // next version, signed by today's and extra signers
  void add_target(std::string_view role, std::string_view path, std::string_view content);
  struct Delegation {
    std::string delegator, role;
    std::vector<std::string> paths = {"*"};
    bool terminating = false;
    std::vector<TestKey> keys;
    std::uint32_t threshold = 1;
  };
  void delegate(const Delegation& delegation);  // makes the role when it does not exist
  void delegate_bins(std::string_view delegator, std::string_view prefix, std::uint32_t bit_length, const TestKey& key);
  // New versions of the roles, then snapshot and timestamp.
  void publish(const std::vector<std::string>& changed = {"targets"});
  void publish_snapshot();
  void publish_timestamp();

  // What a server would answer.
  [[nodiscard]] std::string timestamp_file() const;
  [[nodiscard]] std::string snapshot_file() const;
  [[nodiscard]] std::string role_file(std::string_view role) const;

  core::UtcTime now;
  core::UtcTime expires;
};

// The I/O of fetch, without I/O: files in a map, requests in a list, faults by a hook.
class TestClient {
 public:
  explicit TestClient(std::string trusted_root) : root(std::move(trusted_root)) {}

  std::string root;
  std::map<std::string, std::string, std::less<>> cache;  // timestamp, snapshot, targets, delegated roles
  std::vector<std::string> requests;
  // Changes an answer on its way: (file name, bytes).
  std::function<std::string(const std::string&, std::string)> in_transit;

  core::Result<TrustedMetadata> refresh(const HostileRepository& repository, core::UtcTime now);
  core::Result<core::Verified<TargetInfo>> find(const HostileRepository& repository, const TrustedMetadata& trusted,
                                                std::string_view path);
  core::Result<core::Verified<TargetInfo>> refresh_and_find(const HostileRepository& repository, std::string_view path,
                                                            core::UtcTime now);

 private:
  std::string received(const FileRequest& request, std::string bytes);
};

}  // namespace aseptic::trust::test
