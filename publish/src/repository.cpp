// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/repository.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

core::Error state(std::string sentence) { return {PublishCode::kRepositoryState, std::move(sentence)}; }

bool is_present(const Path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

core::Result<std::optional<Document>> load_if_present(const Path& path) {
  if (!is_present(path)) return std::optional<Document>();
  ASEPTIC_TRY(const core::Bytes bytes, read_file(path));
  ASEPTIC_TRY(Document document, Document::parse(bytes).within(path.string()));
  return std::optional<Document>(std::move(document));
}

// The highest N for which metadata/N.root.json exists.
std::uint64_t newest_root(const Path& metadata) {
  std::uint64_t newest = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(metadata, ignored)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t version = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
    if (error == std::errc() && std::string_view(end) == ".root.json") newest = std::max(newest, version);
  }
  return newest;
}

std::string strip_json(std::string_view name) { return std::string(name.substr(0, name.size() - std::strlen(".json"))); }

std::string consistent_name(std::string_view path, const core::Digest& digest) {
  const std::size_t slash = path.rfind('/');
  const std::size_t base = slash == path.npos ? 0 : slash + 1;
  return std::string(path.substr(0, base)) + digest.hex() + "." + std::string(path.substr(base));
}

core::Result<core::Digest> hash_file(const Path& path, std::uint64_t& length) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return core::Error(PublishCode::kFileIo, "cannot read " + path.string());
  core::Sha256 hash;
  core::Bytes chunk(1u << 20);
  length = 0;
  while (file) {
    file.read(reinterpret_cast<char*>(chunk.data()), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    hash.update(core::ByteView(chunk).first(count));
    length += count;
  }
  if (file.bad()) return core::Error(PublishCode::kFileIo, "cannot read " + path.string());
  return hash.finish();
}

core::Result<void> sync_file(const Path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (done) return {};
  return core::Error(PublishCode::kFileIo, "cannot make " + path.string() + " durable");
}

}  // namespace

core::Result<Repository> Repository::create(const Path& folder) {
  if (newest_root(folder / "metadata") > 0) return state(folder.string() + " holds a repository already");
  ASEPTIC_TRY_VOID(make_folders(folder / "metadata"));
  ASEPTIC_TRY_VOID(make_folders(folder / "targets"));
  return Repository(folder);
}

core::Result<Repository> Repository::open(const Path& folder) {
  if (!is_present(folder / "metadata"))
    return state(folder.string() + " is not a repository: it has no folder metadata; make one with: aseptic repo init");
  Repository repository(folder);
  if (const std::uint64_t version = newest_root(folder / "metadata"); version > 0) {
    ASEPTIC_TRY(repository.root_, load_if_present(repository.metadata_file("root", version)));
  }
  ASEPTIC_TRY(repository.timestamp_, load_if_present(folder / "metadata" / "timestamp.json"));
  if (!repository.timestamp_) return repository;
  const core::JsonValue* meta = repository.timestamp_->signed_part.find("meta");
  const core::JsonValue* entry = meta ? meta->find("snapshot.json") : nullptr;
  if (!entry) return state("timestamp.json of " + folder.string() + " names no snapshot");
  ASEPTIC_TRY(const std::uint64_t version, entry->count_at("version"));
  ASEPTIC_TRY(repository.snapshot_, load_if_present(repository.metadata_file("snapshot", version)));
  if (!repository.snapshot_) return state("snapshot version " + std::to_string(version) + " is missing in " + folder.string());
  return repository;
}

std::vector<std::string> Repository::roles() const {
  std::vector<std::string> names;
  if (!snapshot_) return names;
  if (const auto meta = snapshot_->signed_part.object_at("meta"))
    for (const auto& [name, entry] : **meta)
      if (name.ends_with(".json")) names.push_back(strip_json(name));
  return names;
}

std::uint64_t Repository::version_of(std::string_view role) const {
  if (role == "root") return root_ ? root_->version() : 0;
  if (role == "snapshot") return snapshot_ ? snapshot_->version() : 0;
  if (role == "timestamp") return timestamp_ ? timestamp_->version() : 0;
  const core::JsonValue* meta = snapshot_ ? snapshot_->signed_part.find("meta") : nullptr;
  const core::JsonValue* entry = meta ? meta->find(std::string(role) + ".json") : nullptr;
  return entry ? entry->count_at("version").value_or(0) : 0;
}

core::Result<Document> Repository::load(std::string_view role) const {
  const std::uint64_t version = version_of(role);
  if (version == 0) return state("the role " + std::string(role) + " is not published in " + folder_.string());
  ASEPTIC_TRY(auto document, load_if_present(metadata_file(role, version)));
  if (!document) return state(metadata_file(role, version).string() + " is missing");
  return *std::move(document);
}

core::Result<Document> Repository::load_root(std::uint64_t version) const {
  ASEPTIC_TRY(auto document, load_if_present(metadata_file("root", version)));
  if (!document) return state("root version " + std::to_string(version) + " is missing in " + folder_.string());
  return *std::move(document);
}

core::Result<std::vector<Edition>> Repository::authority_of(std::string_view role) const {
  if (!root_) return state(folder_.string() + " has no root yet");
  std::vector<Edition> chain{{"root", *root_}};
  if (role == "targets" || role == "snapshot" || role == "timestamp" || role == "root") return chain;
  // Depth first, as clients search; a delegated role is found below the first document that names it.
  const auto search = [&](const auto& self, const std::string& name, unsigned depth) -> core::Result<bool> {
    if (depth > 8 || version_of(name) == 0) return false;
    ASEPTIC_TRY(Document document, load(name));
    const std::vector<std::string> names = delegated_names(document);
    chain.push_back({name, std::move(document)});
    if (std::ranges::find(names, role) != names.end()) return true;
    const bool has_bins = hash_bins_of(chain.back().document).has_value();
    if (!has_bins)
      for (const std::string& next : names) {
        ASEPTIC_TRY(const bool found, self(self, next, depth + 1));
        if (found) return true;
      }
    chain.pop_back();
    return false;
  };
  ASEPTIC_TRY(const bool found, search(search, "targets", 0));
  if (!found) return state("no published document delegates to the role " + std::string(role));
  return chain;
}

core::Result<TargetEntry> Repository::store_target(std::string_view path, core::ByteView content) const {
  ASEPTIC_TRY_VOID(check_target_path(path));
  TargetEntry entry{.path = std::string(path), .length = content.size(), .sha256 = core::sha256(content)};
  const Path file = target_file(entry);
  ASEPTIC_TRY_VOID(make_folders(file.parent_path()));
  ASEPTIC_TRY_VOID(write_once(file, content));
  return entry;
}

core::Result<TargetEntry> Repository::store_target_file(std::string_view path, const Path& source) const {
  ASEPTIC_TRY_VOID(check_target_path(path));
  TargetEntry entry{.path = std::string(path)};
  ASEPTIC_TRY(entry.sha256, hash_file(source, entry.length));
  const Path file = target_file(entry);
  ASEPTIC_TRY_VOID(make_folders(file.parent_path()));
  const Path temporary = file.parent_path() / ("." + file.filename().string() + ".new");
  std::error_code error;
  std::filesystem::copy_file(source, temporary, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot copy " + source.string() + ": " + error.message());
  std::uint64_t copied = 0;
  ASEPTIC_TRY(const core::Digest digest, hash_file(temporary, copied));
  if (digest != entry.sha256) {
    std::filesystem::remove(temporary, error);
    return core::Error(PublishCode::kFileIo, source.string() + " changed while it was copied");
  }
  ASEPTIC_TRY_VOID(sync_file(temporary));
  std::filesystem::rename(temporary, file, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot write " + file.string() + ": " + error.message());
  ASEPTIC_TRY_VOID(sync_file(file.parent_path()));
  return entry;
}

Path Repository::target_file(const TargetEntry& entry) const {
  return folder_ / "targets" / consistent_name(entry.path, entry.sha256);
}

core::Result<core::Bytes> Repository::read_target(const TargetEntry& entry, std::uint64_t bytes_max) const {
  ASEPTIC_TRY(core::Bytes content, read_file(target_file(entry), bytes_max));
  if (content.size() != entry.length || core::sha256(content) != entry.sha256)
    return state("the target file " + target_file(entry).string() + " does not match its entry in the metadata");
  return content;
}

Path Repository::metadata_file(std::string_view role, std::uint64_t version) const {
  return folder_ / "metadata" / (std::to_string(version) + "." + std::string(role) + ".json");
}

}  // namespace aseptic::publish
