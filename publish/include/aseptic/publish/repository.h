// SPDX-License-Identifier: Apache-2.0
// A TUF repository as plain static files: REPO/metadata and REPO/targets, consistent snapshots.
//
// Called by the `aseptic` command. A publication takes documents whose people have signed, makes the next snapshot and
// timestamp with the online keys, checks the whole as a client would see it, and only then writes.
// INVARIANT: published files are never changed, except timestamp.json, which is renamed into place last. A publication
// that is cut at any point leaves the previous state for clients, and running it again completes it.
// Security: thresholds count distinct keys (T-04); a document goes out only when the root that goes out with it, or
// the delegating document that goes out with it, gives its signers the role (KM-03).
// Thread contract: one writer per repository, held by a lock file; readers need no lock.
#pragma once

#include "aseptic/publish/edits.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/role_signer.h"

namespace aseptic::publish {

class Repository {
 public:
  // Makes the two folders. Refuses a folder that holds a repository already.
  static core::Result<Repository> create(const Path& folder);
  // Reads root, timestamp and snapshot as they are on disk. A repository before its first publication has none.
  static core::Result<Repository> open(const Path& folder);

  [[nodiscard]] const Path& folder() const { return folder_; }
  [[nodiscard]] const std::optional<Document>& root() const { return root_; }
  [[nodiscard]] const std::optional<Document>& snapshot() const { return snapshot_; }
  [[nodiscard]] const std::optional<Document>& timestamp() const { return timestamp_; }

  // Roles with a targets document, as the snapshot lists them: "targets" and the delegated ones.
  [[nodiscard]] std::vector<std::string> roles() const;
  [[nodiscard]] std::uint64_t version_of(std::string_view role) const;  // 0 = not published
  [[nodiscard]] core::Result<Document> load(std::string_view role) const;
  [[nodiscard]] core::Result<Document> load_root(std::uint64_t version) const;

  // The documents that give a role its keys, root first: the delegators down to the one that names the role.
  [[nodiscard]] core::Result<std::vector<Edition>> authority_of(std::string_view role) const;

  // Puts a target file into targets/ under its consistent name. No client sees it before metadata names it.
  core::Result<TargetEntry> store_target(std::string_view path, core::ByteView content) const;
  core::Result<TargetEntry> store_target_file(std::string_view path, const Path& source) const;
  [[nodiscard]] Path target_file(const TargetEntry& entry) const;
  // The content of a target that a role lists, checked against length and hash.
  [[nodiscard]] core::Result<core::Bytes> read_target(const TargetEntry& entry, std::uint64_t bytes_max = kSmallFileMax) const;

  [[nodiscard]] Path metadata_file(std::string_view role, std::uint64_t version) const;

 private:
  explicit Repository(Path folder) : folder_(std::move(folder)) {}
  Path folder_;
  std::optional<Document> root_, snapshot_, timestamp_;
};

struct OnlineKeys {
  std::vector<OnlineSigner>& snapshot;
  std::vector<OnlineSigner>& timestamp;
};

struct PublicationTimes {
  core::UtcTime now;
  std::chrono::seconds snapshot_lifetime{std::chrono::days(30)};
  std::chrono::seconds timestamp_lifetime{std::chrono::days(7)};
};

struct Published {
  std::vector<std::string> files;  // written in this order, relative to the repository
  std::uint64_t snapshot_version = 0;
  std::uint64_t timestamp_version = 0;
};

// Publishes the editions; with none, refreshes snapshot and timestamp.
core::Result<Published> publish_editions(const Path& folder, std::vector<Edition> editions, OnlineKeys keys,
                                         const PublicationTimes& times);
// A new timestamp over the present snapshot.
core::Result<Published> refresh_timestamp(const Path& folder, std::vector<OnlineSigner>& timestamp,
                                          const PublicationTimes& times);

// Signs a document of an online role (payload index, bins) with keys at hand.
core::Result<void> sign_online(Document& document, const RoleKeys& role, std::vector<OnlineSigner>& signers);

}  // namespace aseptic::publish
