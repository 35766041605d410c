// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/lint.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <set>

#include "aseptic/publish/codes.h"
#include "publicly_known_keys.h"

namespace aseptic::publish {
namespace {

constexpr int kRsaBitsMin = 3072;

class Linter {
 public:
  Linter(const Repository& repository, const LintOptions& options) : repository_(repository), options_(options) {}

  core::Result<std::vector<Finding>> run();

 private:
  void add(Severity severity, std::string rule, std::string sentence) {
    findings_.push_back({severity, std::move(rule), std::move(sentence)});
  }
  void check_keys(std::string_view role, const core::Result<RoleKeys>& keys, std::size_t threshold_min);
  void check_expiry(std::string_view role, const Document& document);
  void check_size(const Path& file, std::uint64_t size_max);
  void check_signatures(std::string_view role, const Document& document, const core::Result<RoleKeys>& keys);
  core::Result<void> check_tree(std::string_view role, const Document& document, unsigned depth);
  core::Result<void> check_target_files(std::string_view role, const Document& document);
  void check_orphans();

  const Repository& repository_;
  const LintOptions& options_;
  std::vector<Finding> findings_;
  std::set<Path> expected_;
  std::map<std::string, std::string> key_roles_;  // key id -> first role that uses it
};

int rsa_bits(const core::PublicKey& key) {
  const std::uint8_t* der = key.spki().data();
  EVP_PKEY* handle = d2i_PUBKEY(nullptr, &der, static_cast<long>(key.spki().size()));
  const int bits = handle ? EVP_PKEY_get_bits(handle) : 0;
  EVP_PKEY_free(handle);
  return bits;
}

void Linter::check_keys(std::string_view role, const core::Result<RoleKeys>& keys, std::size_t threshold_min) {
  const std::string name(role);
  if (!keys) {
    add(Severity::kError, "role-keys", keys.error().sentence());
    return;
  }
  if (keys->threshold < threshold_min)
    add(Severity::kError, "threshold", "the role " + name + " needs only " + std::to_string(keys->threshold) +
                                           " signature: one stolen key is enough; require at least " + std::to_string(threshold_min));
  if (role == "root" && keys->threshold == keys->keys.size())
    add(Severity::kWarning, "root-spare", "every root key is needed: losing one ends the repository; add a spare key to the role root");
  for (const auto& [id, key] : keys->keys) {
    if (key.algorithm() == core::KeyAlgorithm::kRsaPss && rsa_bits(key) < kRsaBitsMin)
      add(Severity::kError, "rsa-bits", "the key " + id.substr(0, 16) + " of the role " + name + " is RSA with fewer than 3072 bits");
    if (const auto source = publicly_known_key(key))
      add(Severity::kError, "public-key", "the private half of key " + id.substr(0, 16) + " of the role " + name + " is published: " + std::string(*source));
    const auto [first, added] = key_roles_.emplace(id, name);
    const bool online_pair = (role == "snapshot" || role == "timestamp") && (first->second == "snapshot" || first->second == "timestamp");
    if (!added && first->second != name && !online_pair)
      add(Severity::kWarning, "shared-key", "the key " + id.substr(0, 16) + " serves both " + first->second + " and " + name + "; give each role keys of its own");
  }
}

void Linter::check_expiry(std::string_view role, const Document& document) {
  const auto expires = document.expires();
  const std::string what = std::string(role) + " version " + std::to_string(document.version());
  if (!expires)
    add(Severity::kError, "expiry", what + " has no readable expiry");
  else if (*expires <= options_.now)
    add(Severity::kError, "expired", what + " expired at " + core::format_utc(*expires) + ": clients refuse the repository");
  else if (*expires <= options_.now + options_.expiry_notice && role != "timestamp")
    add(Severity::kWarning, "expires-soon", what + " expires at " + core::format_utc(*expires) + "; renew it in time");
}

void Linter::check_size(const Path& file, std::uint64_t size_max) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  expected_.insert(file);
  if (error)
    add(Severity::kError, "missing-file", file.string() + " is missing");
  else if (size > size_max)
    add(Severity::kError, "size", file.string() + " has " + std::to_string(size) + " bytes; stock clients read at most " + std::to_string(size_max));
}

void Linter::check_signatures(std::string_view role, const Document& document, const core::Result<RoleKeys>& keys) {
  if (!keys) return;
  if (const auto verdict = check_threshold(document, *keys, std::string(role) + " version " + std::to_string(document.version())); !verdict)
    add(Severity::kError, "signatures", verdict.error().sentence());
}

core::Result<void> Linter::check_target_files(std::string_view role, const Document& document) {
  ASEPTIC_TRY(const std::vector<TargetEntry> entries, targets_of(document));
  for (const TargetEntry& entry : entries) {
    const Path file = repository_.target_file(entry);
    expected_.insert(file);
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file, error);
    if (error || size != entry.length)
      add(Severity::kError, "target-file", "the target " + entry.path + " of " + std::string(role) + " has no file of its length: " + file.string());
  }
  if (entries.size() > kFlatTargetsMax && !hash_bins_of(document))
    add(Severity::kWarning, "flat-targets", std::string(role) + " lists " + std::to_string(entries.size()) +
                                                " targets, which every client downloads whole; use hash bins");
  return {};
}

core::Result<void> Linter::check_tree(std::string_view role, const Document& document, unsigned depth) {
  check_expiry(role, document);
  check_size(repository_.metadata_file(role, document.version()), kTargetsSizeMax);
  ASEPTIC_TRY_VOID(check_target_files(role, document));
  if (depth > 8) return {};
  bool keys_checked = false;  // the bins of one set share their keys
  for (const std::string& name : delegated_names(document)) {
    const auto keys = delegated_keys(document, name);
    if (!keys_checked || !hash_bins_of(document)) check_keys(name, keys, 1);
    keys_checked = true;
    auto below = repository_.load(name);
    if (!below) {
      add(Severity::kError, "missing-role", below.error().sentence());
      continue;
    }
    check_signatures(name, *below, keys);
    ASEPTIC_TRY_VOID(check_tree(name, *below, depth + 1));
  }
  return {};
}

void Linter::check_orphans() {
  std::error_code error;
  for (const std::string folder : {"metadata", "targets"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository_.folder() / folder, error)) {
      if (!entry.is_regular_file() || expected_.contains(entry.path())) continue;
      // Older editions of metadata stay for clients that are on their way; they are no orphans.
      const std::string name = entry.path().filename().string();
      const bool older_edition = folder == "metadata" && !name.empty() && name.front() >= '0' && name.front() <= '9';
      if (!older_edition) add(Severity::kWarning, "orphan", entry.path().string() + " is named by no current metadata; it may be removed");
    }
}

core::Result<std::vector<Finding>> Linter::run() {
  if (!repository_.root() || !repository_.timestamp() || !repository_.snapshot())
    return core::Error(PublishCode::kRepositoryState, "nothing is published in " + repository_.folder().string() + " yet");
  const Document& root = *repository_.root();
  for (const auto& [role, minimum] : {std::pair<std::string_view, std::size_t>{"root", 2}, {"targets", 2}, {"snapshot", 1}, {"timestamp", 1}})
    check_keys(role, top_level_keys(root, role), minimum);
  check_expiry("root", root);
  for (std::uint64_t version = 1; version <= root.version(); ++version)
    check_size(repository_.metadata_file("root", version), kRootSizeMax);
  check_signatures("root", root, top_level_keys(root, "root"));
  check_expiry("timestamp", *repository_.timestamp());
  check_size(repository_.folder() / "metadata" / "timestamp.json", kTimestampSizeMax);
  check_signatures("timestamp", *repository_.timestamp(), top_level_keys(root, "timestamp"));
  check_expiry("snapshot", *repository_.snapshot());
  check_size(repository_.metadata_file("snapshot", repository_.snapshot()->version()), kSnapshotSizeMax);
  check_signatures("snapshot", *repository_.snapshot(), top_level_keys(root, "snapshot"));
  ASEPTIC_TRY(const Document targets, repository_.load("targets"));
  check_signatures("targets", targets, top_level_keys(root, "targets"));
  ASEPTIC_TRY_VOID(check_tree("targets", targets, 0));
  check_orphans();
  return std::move(findings_);
}

}  // namespace

core::Result<std::vector<Finding>> lint(const Repository& repository, const LintOptions& options) {
  return Linter(repository, options).run();
}

}  // namespace aseptic::publish
