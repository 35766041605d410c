// SPDX-License-Identifier: Apache-2.0
#include "press.h"

#include <fstream>
#include <stdexcept>

namespace aseptic::publish::test {
namespace {

Path temporary_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "aseptic-press-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  return pattern;
}

}  // namespace

Press::Press() : log(Path()), folder_(temporary_folder()) {
  store_ = must(platform::FileKeyStore::open_directory((folder_ / "keys").string()));
  log = SigningLog(folder_ / "keys" / "signing.log");
}

Press::~Press() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Press::write(std::string_view name, std::string_view text) const {
  std::filesystem::create_directories((folder_ / name).parent_path());
  std::ofstream(folder_ / name, std::ios::binary) << text;
}

std::string Press::read(const Path& file) const {
  const core::Bytes bytes = must(read_file(file));
  return std::string(core::as_text(bytes));
}

std::unique_ptr<platform::Signer> Press::open(const std::string& name) {
  if (auto signer = store_->open(name)) return *std::move(signer);
  return must(store_->create(name, name.starts_with("p256-") ? core::KeyAlgorithm::kEcdsaP256 : core::KeyAlgorithm::kEd25519));
}

std::unique_ptr<platform::PostQuantumSigner> Press::open_release_key(const std::string& name) {
  HashKeyFolder folder(folder_ / "offline_keys", entropy_);
  return must(folder.has_slh_dsa(name) ? folder.open_slh_dsa(name) : folder.create_slh_dsa(name));
}

ImageKeys Press::image_keys(const std::string& builder, const std::string& release) {
  return {key(builder), open_release_key(release)->public_key()};
}

core::PublicKey Press::key(const std::string& name) { return open(name)->public_key(); }

std::vector<core::PublicKey> Press::keys(const std::vector<std::string>& names) {
  std::vector<core::PublicKey> all;
  for (const std::string& name : names) all.push_back(key(name));
  return all;
}

std::vector<OnlineSigner> Press::online(const std::vector<std::string>& names) {
  std::vector<OnlineSigner> signers;
  for (const std::string& name : names) signers.push_back(must(OnlineSigner::admit(open(name), Profile::kDevelopment)));
  return signers;
}

core::Result<void> Press::sign(SigningFile& file, const std::string& name) {
  const Presentation shown{file.role, "shown", file.digest()};
  ASEPTIC_TRY(const Agreement agreement, Agreement::ask(shown, [](const Presentation&) { return true; }));
  const SigningDesk desk{log, kNow};
  if (file.role == "root" || file.role == kPolicySigningRole) {
    RootSigner signer = root_signer(name);
    return sign_as_root(file, agreement, signer, desk);
  }
  ReleaseSigner signer = release_signer(name);
  return sign_as_release(file, agreement, signer, desk);
}

core::Result<Published> Press::publish(std::vector<Edition> editions, core::UtcTime now) {
  auto snapshot = online({"p256-snapshot"});
  auto timestamp = online({"p256-timestamp"});
  return publish_editions(repository_path(), std::move(editions), {snapshot, timestamp}, {.now = now});
}

InitialEditions Press::initial() {
  InitialRoles roles{.root = {keys({"root-a", "root-b", "root-c"}), 2}, .targets = {keys({"release-a", "release-b"}), 2},
                     .snapshot = {keys({"p256-snapshot"}), 1}, .timestamp = {keys({"p256-timestamp"}), 1},
                     .root_expires = kNow + std::chrono::days(730), .targets_expires = kNow + std::chrono::days(365)};
  return must(initial_editions(roles));
}

void Press::publish_first() {
  must(Repository::create(repository_path()));
  InitialEditions first = initial();
  must(set_delegation(first.targets.document, {"payload-index", {keys({"p256-index"}), 1}, {"payload-index/*", "payloads/*"}}));
  must(sign(first.root, "root-a"));
  must(sign(first.root, "root-b"));
  must(sign(first.targets, "release-a"));
  must(sign(first.targets, "release-b"));
  std::vector<Edition> editions{{"root", first.root.document}, {"targets", first.targets.document}};
  auto index = online({"p256-index"});
  for (Edition& edition : must(missing_roles(repository_path(), editions, index, kNow + std::chrono::days(90)))) editions.push_back(std::move(edition));
  must(publish(std::move(editions)));
}

SigningFile Press::edition(std::string_view role) { return must(begin_edition(repository(), role, kNow + std::chrono::days(365))); }

core::Result<Published> Press::publish_targets(SigningFile& file) {
  ASEPTIC_TRY_VOID(sign(file, "release-a"));
  ASEPTIC_TRY_VOID(sign(file, "release-b"));
  return publish(file);
}

}  // namespace aseptic::publish::test
