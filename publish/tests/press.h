// SPDX-License-Identifier: Apache-2.0
// A publisher's workshop for tests: a temporary folder, keys by name, a repository with root 2 of 3 and release 2 of 2.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "aseptic/publish/editions.h"
#include "aseptic/publish/hash_keys.h"
#include "aseptic/publish/image.h"
#include "aseptic/publish/signing.h"

namespace aseptic::publish::test {

inline const core::UtcTime kNow = *core::parse_utc("2026-11-23T05:00:00Z");

template <typename T>
T must(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().sentence());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class Press {
 public:
  Press();
  ~Press();
  Press(const Press&) = delete;
  Press& operator=(const Press&) = delete;

  [[nodiscard]] Path path(std::string_view name) const { return folder_ / name; }
  [[nodiscard]] Path repository_path() const { return folder_ / "repo"; }
  [[nodiscard]] Repository repository() const { return must(Repository::open(repository_path())); }
  void write(std::string_view name, std::string_view text) const;
  [[nodiscard]] std::string read(const Path& file) const;

  // Keys are made at first use: P-256 for the names that begin with "p256-", else Ed25519.
  core::PublicKey key(const std::string& name);
  std::vector<core::PublicKey> keys(const std::vector<std::string>& names);
  RootSigner root_signer(const std::string& name) { return must(RootSigner::admit(open(name), Profile::kDevelopment)); }
  ReleaseSigner release_signer(const std::string& name) { return must(ReleaseSigner::admit(open(name), Profile::kDevelopment)); }
  BuilderSigner builder_signer(const std::string& name) { return must(BuilderSigner::admit(open(name), Profile::kDevelopment)); }
  IssuerSigner issuer_signer(const std::string& name) { return must(IssuerSigner::admit(open(name), Profile::kDevelopment)); }
  // The release role's second key for images, made at first use.
  ImageReleaseSigner image_release_signer(const std::string& name = "release-image", Profile profile = Profile::kDevelopment) {
    return must(ImageReleaseSigner::admit(open_release_key(name), profile));
  }
  std::unique_ptr<platform::PostQuantumSigner> open_release_key(const std::string& name);
  ImageKeys image_keys(const std::string& builder = "p256-builder", const std::string& release = "release-image");
  std::vector<OnlineSigner> online(const std::vector<std::string>& names);
  std::unique_ptr<platform::Signer> open(const std::string& name);

  // Signs as a person who agrees to everything.
  core::Result<void> sign(SigningFile& file, const std::string& name);
  core::Result<Published> publish(std::vector<Edition> editions, core::UtcTime now = kNow);
  core::Result<Published> publish(const SigningFile& file, core::UtcTime now = kNow) { return publish({{file.role, file.document}}, now); }

  InitialEditions initial();        // unsigned
  void publish_first();             // root 1 and targets 1, with the delegation to payload-index
  SigningFile edition(std::string_view role = "targets");
  core::Result<Published> publish_targets(SigningFile& file);  // both release people sign, then it goes out

  SigningLog log;

 private:
  Path folder_;
  std::unique_ptr<platform::FileKeyStore> store_;
  platform::PosixEntropy entropy_;
};

}  // namespace aseptic::publish::test
