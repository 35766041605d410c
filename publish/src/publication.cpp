// SPDX-License-Identifier: Apache-2.0
// From signed editions to what clients see.
#include <algorithm>
#include <cstring>
#include <fstream>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/repository.h"

namespace aseptic::publish {
namespace {

// With more roles than this the snapshot lists versions only: 37 bytes a role instead of 137.
constexpr std::size_t kSnapshotHashesMax = 256;

core::Error unverifiable(std::string sentence) { return {PublishCode::kUnverifiable, std::move(sentence)}; }

std::string versioned(const Edition& edition) {
  return edition.role + " version " + std::to_string(edition.document.version());
}

// The repository as it will be: what is published, with the editions laid over it.
class NextState {
 public:
  NextState(const Repository& repository, std::vector<Edition> editions)
      : repository_(repository), editions_(std::move(editions)) {}

  [[nodiscard]] const std::vector<Edition>& editions() const { return editions_; }

  [[nodiscard]] const Edition* edition(std::string_view role) const {
    const auto at = std::ranges::find(editions_, role, &Edition::role);
    return at == editions_.end() ? nullptr : &*at;
  }

  [[nodiscard]] core::Result<Document> document(std::string_view role) const {
    if (const Edition* found = edition(role)) return found->document;
    if (role == "root") {
      if (repository_.root()) return *repository_.root();
      return core::Error(PublishCode::kRepositoryState, "the repository has no root yet; publish root version 1 first");
    }
    return repository_.load(role);
  }

  [[nodiscard]] bool has(std::string_view role) const { return edition(role) || repository_.version_of(role) > 0; }

  core::Result<void> check_root() const;
  core::Result<void> check_roles(core::UtcTime now) const;
  core::Result<void> check_target_files() const;

 private:
  core::Result<void> check_version(const Edition& edition) const;
  core::Result<void> check_below(const Document& delegator, bool delegator_changed, core::UtcTime now, unsigned depth,
                                 std::vector<std::string>& reached) const;
  core::Result<void> check_role(std::string_view role, const Document& document, const RoleKeys& keys, core::UtcTime now) const;

  const Repository& repository_;
  std::vector<Edition> editions_;
};

core::Result<void> NextState::check_version(const Edition& edition) const {
  const std::uint64_t expected = repository_.version_of(edition.role) + 1;
  if (edition.document.version() == expected) return {};
  return unverifiable(versioned(edition) + " cannot follow the published version " + std::to_string(expected - 1) +
                      "; the next one is version " + std::to_string(expected));
}

core::Result<void> NextState::check_root() const {
  const Edition* next = edition("root");
  if (!next) return {};
  // SECURITY(T-21): exactly one step, signed by the threshold of the old keys and of the new ones.
  ASEPTIC_TRY_VOID(check_version(*next));
  if (next->document.type() != "root") return unverifiable("the edition called root is not a root document");
  ASEPTIC_TRY(const RoleKeys own, top_level_keys(next->document, "root"));
  ASEPTIC_TRY_VOID(check_threshold(next->document, own, versioned(*next) + ", by its own keys,"));
  if (!repository_.root()) return {};
  ASEPTIC_TRY(const RoleKeys old, top_level_keys(*repository_.root(), "root"));
  return check_threshold(next->document, old,
                         versioned(*next) + ", by the keys of version " + std::to_string(repository_.root()->version()) + ",");
}

core::Result<void> NextState::check_role(std::string_view role, const Document& document, const RoleKeys& keys,
                                         core::UtcTime now) const {
  const std::string what = std::string(role) + " version " + std::to_string(document.version());
  if (document.type() != "targets") return unverifiable(what + " is not a targets document");
  // SECURITY(T-04): a threshold counts distinct keys, and only keys that the authority gives this role (KM-03).
  ASEPTIC_TRY_VOID(check_threshold(document, keys, what));
  ASEPTIC_TRY(const core::UtcTime expires, document.expires());
  if (expires <= now)
    return unverifiable(what + " expired at " + core::format_utc(expires) + "; renew it with: aseptic repo renew --role " + std::string(role));
  return {};
}

core::Result<void> NextState::check_roles(core::UtcTime now) const {
  ASEPTIC_TRY(const Document root, document("root"));
  ASEPTIC_TRY(const core::UtcTime root_expires, root.expires());
  if (root_expires <= now)
    return unverifiable("root version " + std::to_string(root.version()) + " expired at " + core::format_utc(root_expires) +
                        "; sign and publish a new one first");
  for (const Edition& edition : editions_)
    if (edition.role != "root") ASEPTIC_TRY_VOID(check_version(edition));
  ASEPTIC_TRY(const Document targets, document("targets"));
  ASEPTIC_TRY(const RoleKeys keys, top_level_keys(root, "targets"));
  ASEPTIC_TRY_VOID(check_role("targets", targets, keys, now));
  std::vector<std::string> reached{"root", "targets"};
  ASEPTIC_TRY_VOID(check_below(targets, edition("targets") != nullptr, now, 0, reached));
  for (const Edition& edition : editions_)
    if (std::ranges::find(reached, edition.role) == reached.end())
      return unverifiable("nothing delegates to the role " + edition.role + "; publish the delegation first or together with it");
  return {};
}

core::Result<void> NextState::check_below(const Document& delegator, bool delegator_changed, core::UtcTime now, unsigned depth,
                                          std::vector<std::string>& reached) const {
  if (depth > 8) return unverifiable("delegations are more than 8 deep");
  const std::vector<std::string> names = delegated_names(delegator);
  if (names.empty()) return {};
  std::optional<RoleKeys> bin_keys;  // all bins of a set share their keys: read them once
  for (const std::string& name : names) {
    reached.push_back(name);
    if (!has(name))
      return unverifiable("the role " + name + " is delegated to but has no metadata; sign its first version and publish it together");
    const bool changed = delegator_changed || edition(name) != nullptr;
    if (hash_bins_of(delegator) && !changed) continue;  // checked when it was published, and nothing above it moved
    ASEPTIC_TRY(const Document document_below, document(name));
    if (!bin_keys || !hash_bins_of(delegator)) {
      ASEPTIC_TRY(bin_keys, delegated_keys(delegator, name));
    }
    ASEPTIC_TRY_VOID(check_role(name, document_below, *bin_keys, now));
    ASEPTIC_TRY_VOID(check_below(document_below, changed, now, depth + 1, reached));
  }
  return {};
}

core::Result<void> NextState::check_target_files() const {
  for (const Edition& edition : editions_) {
    if (edition.role == "root") continue;
    ASEPTIC_TRY(const std::vector<TargetEntry> entries, targets_of(edition.document));
    std::vector<TargetEntry> published;
    if (repository_.version_of(edition.role) > 0) {
      ASEPTIC_TRY(const Document before, repository_.load(edition.role));
      ASEPTIC_TRY(published, targets_of(before));
    }
    for (const TargetEntry& entry : entries) {
      ASEPTIC_TRY_VOID(check_target_path(entry.path));
      const auto same = std::ranges::find(published, entry.path, &TargetEntry::path);
      if (same != published.end() && same->sha256 == entry.sha256) continue;
      const Path file = repository_.target_file(entry);
      std::ifstream stream(file, std::ios::binary);
      core::Sha256 hash;
      core::Bytes chunk(1u << 20);
      std::uint64_t length = 0;
      while (stream) {
        stream.read(reinterpret_cast<char*>(chunk.data()), static_cast<std::streamsize>(chunk.size()));
        hash.update(core::ByteView(chunk).first(static_cast<std::size_t>(stream.gcount())));
        length += static_cast<std::uint64_t>(stream.gcount());
      }
      if (length != entry.length || hash.finish() != entry.sha256)
        return unverifiable("the target " + entry.path + " is listed, but its file " + file.string() +
                            " is missing or has other content; add the file to this repository first");
    }
  }
  return {};
}

core::JsonObject meta_entry(std::uint64_t version, std::string_view text) {
  return {{"version", static_cast<std::int64_t>(version)},
          {"length", static_cast<std::int64_t>(text.size())},
          {"hashes", core::JsonObject{{"sha256", core::sha256(text).hex()}}}};
}

Document next_snapshot(const Repository& repository, const std::vector<Edition>& editions, const PublicationTimes& times) {
  Document snapshot{core::JsonObject{{"_type", "snapshot"}, {"spec_version", kSpecVersion}}, {}};
  core::JsonObject meta;
  if (repository.snapshot())
    if (const auto old = repository.snapshot()->signed_part.object_at("meta")) meta = **old;
  const bool hashes = meta.size() + editions.size() <= kSnapshotHashesMax;
  for (const Edition& edition : editions) {
    if (edition.role == "root") continue;
    core::JsonObject entry = hashes ? meta_entry(edition.document.version(), edition.document.file_text())
                                    : core::JsonObject{{"version", static_cast<std::int64_t>(edition.document.version())}};
    meta[edition.role + ".json"] = std::move(entry);
  }
  snapshot.fields()["meta"] = std::move(meta);
  snapshot.set_version(repository.version_of("snapshot") + 1);
  snapshot.set_expires(times.now + times.snapshot_lifetime);
  return snapshot;
}

Document next_timestamp(const Repository& repository, const Document& snapshot, const PublicationTimes& times) {
  Document timestamp{core::JsonObject{{"_type", "timestamp"}, {"spec_version", kSpecVersion}}, {}};
  timestamp.fields()["meta"] = core::JsonObject{{"snapshot.json", meta_entry(snapshot.version(), snapshot.file_text())}};
  timestamp.fields()["issued"] = core::format_utc(times.now);  // the device's time floor
  timestamp.set_version(repository.version_of("timestamp") + 1);
  timestamp.set_expires(times.now + times.timestamp_lifetime);
  return timestamp;
}

core::Result<void> sign_top_level(Document& document, const Document& root, std::string_view role,
                                  std::vector<OnlineSigner>& signers) {
  ASEPTIC_TRY(const RoleKeys keys, top_level_keys(root, role));
  return sign_online(document, keys, signers).within(role);
}

core::Result<void> write(const Repository& repository, std::string_view role, const Document& document, Published& published) {
  const Path file = repository.metadata_file(role, document.version());
  ASEPTIC_TRY_VOID(write_once(file, core::as_bytes(document.file_text())));
  published.files.push_back("metadata/" + file.filename().string());
  return {};
}

core::Result<void> write_timestamp(const Repository& repository, const Document& timestamp, Published& published) {
  // DURABILITY: everything that the timestamp leads to was synced before; this rename makes all of it visible at once.
  ASEPTIC_TRY_VOID(write_file_atomic(repository.folder() / "metadata" / "timestamp.json", core::as_bytes(timestamp.file_text())));
  published.files.emplace_back("metadata/timestamp.json");
  published.timestamp_version = timestamp.version();
  return {};
}

// A publication that was cut may have left files with the number that is next: they were never visible, and only
// files that no timestamp leads to are removed.
core::Result<void> clear_cut_publication(const Repository& repository, std::string_view role, const Document& document) {
  const Path file = repository.metadata_file(role, document.version());
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  std::filesystem::remove(file, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot remove " + file.string() + ", left by a cut publication: " + error.message());
  return {};
}

}  // namespace

core::Result<void> sign_online(Document& document, const RoleKeys& role, std::vector<OnlineSigner>& signers) {
  document.signatures.clear();
  const std::string message = document.signed_bytes();
  for (OnlineSigner& signer : signers) {
    const std::string* id = role.id_of(signer.public_key());
    if (!id)
      return core::Error(PublishCode::kKeyNotInRole,
                         "the key " + key_id(signer.public_key()).substr(0, 16) + " may not sign for this role");
    ASEPTIC_TRY(const core::Bytes signature, signer.sign(core::as_bytes(message)));
    document.add_signature(*id, signature);
  }
  return check_threshold(document, role, "the document");
}

core::Result<Published> publish_editions(const Path& folder, std::vector<Edition> editions, OnlineKeys keys,
                                         const PublicationTimes& times) {
  ASEPTIC_TRY(const FolderLock lock, FolderLock::take(folder));
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  // A publication that was cut after its root became visible is completed by the same editions.
  std::erase_if(editions, [&](const Edition& edition) {
    return edition.role == "root" && repository.root() && edition.document.file_text() == repository.root()->file_text();
  });
  const NextState next(repository, std::move(editions));
  ASEPTIC_TRY_VOID(next.check_root());
  ASEPTIC_TRY_VOID(next.check_roles(times.now));
  ASEPTIC_TRY_VOID(next.check_target_files());
  ASEPTIC_TRY(const Document root, next.document("root"));
  Document snapshot = next_snapshot(repository, next.editions(), times);
  ASEPTIC_TRY_VOID(sign_top_level(snapshot, root, "snapshot", keys.snapshot));
  Document timestamp = next_timestamp(repository, snapshot, times);
  ASEPTIC_TRY_VOID(sign_top_level(timestamp, root, "timestamp", keys.timestamp));

  Published published;
  for (const Edition& edition : next.editions()) {
    if (edition.role == "root") continue;
    ASEPTIC_TRY_VOID(clear_cut_publication(repository, edition.role, edition.document));
    ASEPTIC_TRY_VOID(write(repository, edition.role, edition.document, published));
  }
  ASEPTIC_TRY_VOID(clear_cut_publication(repository, "snapshot", snapshot));
  ASEPTIC_TRY_VOID(write(repository, "snapshot", snapshot, published));
  // A new root is visible as soon as it is written, so it comes as late as possible.
  if (const Edition* edition = next.edition("root")) ASEPTIC_TRY_VOID(write(repository, "root", edition->document, published));
  ASEPTIC_TRY_VOID(write_timestamp(repository, timestamp, published));
  published.snapshot_version = snapshot.version();
  return published;
}

core::Result<Published> refresh_timestamp(const Path& folder, std::vector<OnlineSigner>& signers, const PublicationTimes& times) {
  ASEPTIC_TRY(const FolderLock lock, FolderLock::take(folder));
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  if (!repository.root() || !repository.snapshot())
    return core::Error(PublishCode::kRepositoryState, "nothing is published in " + folder.string() + " yet");
  ASEPTIC_TRY(const core::UtcTime expires, repository.snapshot()->expires());
  if (expires <= times.now)
    return unverifiable("the snapshot expired at " + core::format_utc(expires) + "; refresh it as well: give the snapshot key too");
  Document timestamp = next_timestamp(repository, *repository.snapshot(), times);
  ASEPTIC_TRY_VOID(sign_top_level(timestamp, *repository.root(), "timestamp", signers));
  Published published;
  published.snapshot_version = repository.snapshot()->version();
  ASEPTIC_TRY_VOID(write_timestamp(repository, timestamp, published));
  return published;
}

}  // namespace aseptic::publish
