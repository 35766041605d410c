// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/editions.h"

#include <algorithm>
#include <functional>

#include "aseptic/publish/codes.h"
#include "aseptic/trust/release_manifest.h"

namespace aseptic::publish {
namespace {

core::Error state(std::string sentence) { return {PublishCode::kRepositoryState, std::move(sentence)}; }

bool is_statement(std::string_view path) { return path.starts_with("channels/") || path.starts_with("releases/"); }

// Attaches what a reader needs to compare with: channels, and of each product the newest release with its SBOM.
core::Result<void> attach_present(const Repository& repository, SigningFile& file) {
  ASEPTIC_TRY(const std::vector<TargetEntry> entries, targets_of(*file.previous));
  std::map<core::Uuid, std::pair<std::uint64_t, std::vector<core::Digest>>> newest;  // product -> sequence, SBOM digests
  std::map<core::Uuid, std::pair<std::string, core::Bytes>> releases;
  for (const TargetEntry& entry : entries) {
    if (!is_statement(entry.path) || entry.length > kAttachmentMax) continue;
    const bool is_release = entry.path.ends_with("/release.json");
    if (!is_release && !entry.path.starts_with("channels/")) continue;
    ASEPTIC_TRY(core::Bytes bytes, repository.read_target(entry));
    if (!is_release) {
      file.attachments[entry.path] = std::move(bytes);
      continue;
    }
    const auto release = trust::ReleaseManifest::parse(bytes);
    if (!release) continue;
    auto& [sequence, digests] = newest[release->product];
    if (release->sequence < sequence) continue;
    sequence = release->sequence;
    digests.clear();
    for (const trust::SbomReference& sbom : release->sbom) digests.push_back(sbom.digest);
    releases[release->product] = {entry.path, std::move(bytes)};
  }
  for (auto& [product, release] : releases) file.attachments[release.first] = std::move(release.second);
  for (const TargetEntry& entry : entries)
    for (const auto& [product, wanted] : newest)
      if (entry.length <= kAttachmentMax && std::ranges::find(wanted.second, entry.sha256) != wanted.second.end()) {
        ASEPTIC_TRY(file.attachments[entry.path], repository.read_target(entry));
      }
  return {};
}

core::Result<void> attach(SigningFile& file, const TargetEntry& entry, core::ByteView content) {
  if (!is_statement(entry.path) || content.size() > kAttachmentMax) return {};
  if (const auto old = file.attachments.find(entry.path); old != file.attachments.end() && !std::ranges::equal(old->second, content)) {
    // The version before stays readable, under its digest, to be compared with.
    core::Bytes before = std::move(old->second);
    const std::string name = entry.path + "@" + core::sha256(before).hex();
    file.attachments[name] = std::move(before);
  }
  file.attachments[entry.path] = core::Bytes(content.begin(), content.end());
  return {};
}

// The role itself, or the bin below it that the path belongs to.
std::string holder_of(const Document& document, std::string_view role, std::string_view path) {
  const auto bins = hash_bins_of(document);
  return bins ? bins->name_for(path) : std::string(role);
}

using EditTargets = std::function<core::Result<void>(Document&, const std::string& path)>;

// Edits the documents that hold the paths, each once, and publishes them signed.
core::Result<Published> edit_online(const Path& folder, std::string_view role, const std::vector<std::string>& paths,
                                    const EditTargets& edit, std::vector<OnlineSigner>& signers, core::UtcTime expires,
                                    OnlineKeys keys, const PublicationTimes& times) {
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  ASEPTIC_TRY(const Document top, repository.load(role));
  std::map<std::string, Document> changed;
  for (const std::string& path : paths) {
    const std::string holder = holder_of(top, role, path);
    if (!changed.contains(holder)) {
      ASEPTIC_TRY(Document document, repository.load(holder));
      document.set_version(document.version() + 1);
      document.set_expires(expires);
      changed.emplace(holder, std::move(document));
    }
    ASEPTIC_TRY_VOID(edit(changed.at(holder), path));
  }
  const bool has_bins = hash_bins_of(top).has_value();
  std::vector<Edition> authority{{std::string(role), top}};
  if (!has_bins) {
    ASEPTIC_TRY(authority, repository.authority_of(role));
  }
  std::vector<Edition> editions;
  for (auto& [name, document] : changed) {
    ASEPTIC_TRY(const RoleKeys role_keys, name == "targets" ? top_level_keys(authority.back().document, name)
                                                           : delegated_keys(authority.back().document, name));
    ASEPTIC_TRY_VOID(sign_online(document, role_keys, signers).within(name));
    editions.push_back({name, std::move(document)});
  }
  return publish_editions(folder, std::move(editions), keys, times);
}

}  // namespace

core::Result<InitialEditions> initial_editions(const InitialRoles& roles) {
  ASEPTIC_TRY(Document root, new_root({roles.root, roles.targets, roles.snapshot, roles.timestamp, roles.root_expires}));
  InitialEditions editions;
  editions.targets = {.role = "targets", .chain = {{"root", root}}, .document = empty_targets(roles.targets_expires)};
  editions.root = {.role = "root", .document = std::move(root)};
  return editions;
}

core::Result<SigningFile> begin_edition(const Repository& repository, std::string_view role, core::UtcTime expires) {
  SigningFile file{.role = std::string(role)};
  ASEPTIC_TRY(file.chain, repository.authority_of(role));
  if (role == "root")
    file.document = file.chain.back().document;
  else {
    ASEPTIC_TRY(file.document, repository.load(role));
  }
  if (file.document.type() != (role == "root" ? "root" : "targets"))
    return state("the role " + std::string(role) + " is signed by online keys; use: aseptic repo refresh");
  file.previous = file.document;
  file.document.signatures.clear();
  file.document.set_version(file.document.version() + 1);
  file.document.set_expires(expires);
  if (role != "root") ASEPTIC_TRY_VOID(attach_present(repository, file));
  return file;
}

core::Result<SigningFile> open_edition(const Repository& repository, std::string_view role, const Path& path, core::UtcTime expires) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return begin_edition(repository, role, expires);
  ASEPTIC_TRY(SigningFile file, SigningFile::read(path));
  if (file.role != role)
    return state(path.string() + " is an edition of the role " + file.role + ", not of " + std::string(role) + "; name another file");
  if (!file.document.signatures.empty())
    return state(path.string() + " has signatures already and cannot be edited; publish it first, or remove it and begin again");
  const std::uint64_t expected = repository.version_of(role) + 1;
  if (file.document.version() != expected)
    return state(path.string() + " is version " + std::to_string(file.document.version()) + ", but the next one of " + std::string(role) +
                 " is " + std::to_string(expected) + "; remove the file and begin again");
  return file;
}

core::Result<void> save_edition(const SigningFile& file, const Path& path) {
  return write_file_atomic(path, core::as_bytes(file.file_text()));
}

core::Result<TargetEntry> add_target_content(const Repository& repository, SigningFile& file, std::string_view path, core::ByteView content) {
  ASEPTIC_TRY(TargetEntry entry, repository.store_target(path, content));
  ASEPTIC_TRY_VOID(attach(file, entry, content));
  ASEPTIC_TRY_VOID(add_target(file.document, entry));
  return entry;
}

core::Result<TargetEntry> add_target_file(const Repository& repository, SigningFile& file, std::string_view path, const Path& source) {
  if (is_statement(path)) {
    ASEPTIC_TRY(const core::Bytes content, read_file(source, kAttachmentMax));
    return add_target_content(repository, file, path, content);
  }
  ASEPTIC_TRY(TargetEntry entry, repository.store_target_file(path, source));
  ASEPTIC_TRY_VOID(add_target(file.document, entry));
  return entry;
}

core::Result<std::vector<Edition>> missing_roles(const Path& folder, const std::vector<Edition>& editions,
                                                 std::vector<OnlineSigner>& signers, core::UtcTime expires) {
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  std::vector<Edition> made;
  for (const Edition& edition : editions) {
    if (edition.role == "root") continue;
    for (const std::string& name : delegated_names(edition.document)) {
      const bool present = repository.version_of(name) > 0 || std::ranges::find(editions, name, &Edition::role) != editions.end();
      if (present) continue;
      ASEPTIC_TRY(const RoleKeys keys, delegated_keys(edition.document, name));
      Document document = empty_targets(expires);
      const std::string message = document.signed_bytes();
      for (OnlineSigner& signer : signers)
        if (const std::string* id = keys.id_of(signer.public_key())) {
          ASEPTIC_TRY(const core::Bytes signature, signer.sign(core::as_bytes(message)));
          document.add_signature(*id, signature);
        }
      if (document.signatures.empty())
        return state("the new role " + name + " has no metadata yet; give its keys with --role-key, or publish its signed first version together");
      made.push_back({name, std::move(document)});
    }
  }
  return made;
}

core::Result<Published> put_targets(const Path& folder, std::string_view role, const std::vector<NewTarget>& targets,
                                    std::vector<OnlineSigner>& role_signers, core::UtcTime expires, OnlineKeys keys,
                                    const PublicationTimes& times) {
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  std::vector<std::string> paths;
  std::map<std::string, TargetEntry> entries;
  for (const NewTarget& target : targets) {
    ASEPTIC_TRY(TargetEntry entry, repository.store_target_file(target.path, target.source));
    paths.push_back(target.path);
    entries.insert_or_assign(target.path, std::move(entry));
  }
  const auto add = [&](Document& document, const std::string& path) { return add_target(document, entries.at(path)); };
  return edit_online(folder, role, paths, add, role_signers, expires, keys, times);
}

core::Result<Published> drop_targets(const Path& folder, std::string_view role, const std::vector<std::string>& paths,
                                     std::vector<OnlineSigner>& role_signers, core::UtcTime expires, OnlineKeys keys,
                                     const PublicationTimes& times) {
  const auto remove = [](Document& document, const std::string& path) { return remove_target(document, path); };
  return edit_online(folder, role, paths, remove, role_signers, expires, keys, times);
}

}  // namespace aseptic::publish
