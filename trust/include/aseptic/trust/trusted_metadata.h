// SPDX-License-Identifier: Apache-2.0
// The TUF client workflow (TUF 1.0.34 section 5) as a pure state machine: bytes in, new trust or a typed error out.
//
// Called by fetch, which does the I/O, in this order:
//   from_root(local root)                       the trusted root must carry its own signatures before any request
//   update_root(bytes) ...                      N+1, N+2, ... until the repository has no next one; persist each
//   finish_root(start time)                     one start time for every expiry check of this run
//   load_timestamp(cached), load_snapshot(cached)
//   update_timestamp(bytes)                     persist only when it says kNew
//   if (!snapshot_is_current()) update_snapshot(bytes)
//   update_targets(cached, else fetched)
//   TargetSearch for each target.
// A failed call changes nothing: the caller may go on with what was trusted before, and can always update later.
// INVARIANT: nothing is trusted that the current threshold of the current root's keys does not sign; cached files
// are verified again at each load, which is the fast-forward recovery.
// Security: SECURITY(T-05) rollback, SECURITY(T-08) freeze, SECURITY(T-10) fast-forward, SECURITY(T-11)
// mix-and-match, SECURITY(T-15) endless data, SECURITY(T-21) root chain are decided here.
// Thread contract: one thread at a time. Copying is cheap enough for a trial run (an offline bundle).
#pragma once

#include <memory>

#include "aseptic/trust/envelope.h"
#include "aseptic/trust/metadata.h"

namespace aseptic::trust {

// One metadata file that the caller has to fetch or to read from its cache.
struct FileRequest {
  std::string role;                       // may hold any character: percent-encode it before it names anything
  std::optional<std::uint64_t> version;   // set when the URL carries it (consistent snapshots; never for timestamp)
  std::size_t bytes_max = 0;              // stop reading here: more is an endless-data attack
};

enum class TimestampChange { kNew, kSame };

class TrustedMetadata {
 public:
  // Trusts `root` as the starting point (provisioned, or persisted by an earlier run). Its expiry does not matter.
  static core::Result<TrustedMetadata> from_root(core::ByteView root);

  // Root N+1, signed by the threshold of root N and by its own.
  core::Result<void> update_root(core::ByteView file);
  // No newer root exists. Expired means freeze; the roots stay trusted.
  core::Result<void> finish_root(core::UtcTime update_start);

  // Cached files serve as rollback reference, expired or not. Errors are for the log: the workflow goes on.
  core::Result<void> load_timestamp(core::ByteView cached);
  core::Result<void> load_snapshot(core::ByteView cached);

  core::Result<TimestampChange> update_timestamp(core::ByteView file);
  [[nodiscard]] bool snapshot_is_current() const;
  core::Result<void> update_snapshot(core::ByteView file);
  core::Result<void> update_targets(core::ByteView file);

  [[nodiscard]] FileRequest next_root_request() const;
  [[nodiscard]] FileRequest timestamp_request() const;
  [[nodiscard]] core::Result<FileRequest> snapshot_request() const;
  [[nodiscard]] core::Result<FileRequest> targets_request() const;

  [[nodiscard]] const Root& root() const { return *root_; }
  [[nodiscard]] const std::string& root_bytes() const { return root_bytes_; }
  [[nodiscard]] const Timestamp* timestamp() const { return timestamp_ ? &timestamp_->value : nullptr; }
  [[nodiscard]] const Snapshot* snapshot() const { return snapshot_ ? &snapshot_->value : nullptr; }
  // The version of the trusted targets file, nothing before update_targets().
  [[nodiscard]] std::optional<std::uint64_t> targets_version() const;
  [[nodiscard]] std::optional<core::UtcTime> update_start() const { return update_start_; }
  // Fingerprint of the first key that validly signed the trusted timestamp: the time floor is bound to it.
  [[nodiscard]] std::optional<core::Digest> timestamp_key() const;

 private:
  friend class TargetSearch;
  template <typename T>
  struct Held {
    T value;
    std::vector<core::Digest> signers;  // fingerprints, in the order of the signatures
    Hashes hashes;                      // of the file's bytes
    std::uint64_t length = 0;
  };
  struct TargetsFile;  // version, delegations and the verified bytes; targets are looked up in the bytes

  explicit TrustedMetadata(Root root, std::string bytes);
  core::Result<Held<Timestamp>> verified_timestamp(core::ByteView file) const;
  core::Result<Held<Snapshot>> verified_snapshot(core::ByteView file, const MetaFile* listed) const;
  static core::Result<void> check_no_role_goes_back(const Snapshot& held, const Snapshot& next);
  core::Result<FileRequest> role_request(std::string_view role) const;

  std::shared_ptr<const Root> root_;
  std::string root_bytes_;
  std::uint32_t rotations_ = 0;
  std::optional<core::UtcTime> update_start_;
  // Held from the cache as rollback reference until the repository confirmed or replaced it.
  std::shared_ptr<const Held<Timestamp>> timestamp_;
  std::shared_ptr<const Held<Snapshot>> snapshot_;
  bool timestamp_is_current_ = false;
  bool snapshot_is_current_ = false;
  std::shared_ptr<const TargetsFile> targets_;
};

}  // namespace aseptic::trust
