// SPDX-License-Identifier: Apache-2.0
// DEVELOPMENT keys: unencrypted PKCS#8 PEM files, mode 0600, one per label: DIR/<label>.pem.
//
// Custody of each signer is kDevelopmentFile, which production refuses (RB-08). A key file that group or others may
// access is refused, so a leaked key is noticed before it is used. Labels are [a-z0-9._-], at most 64 bytes, not starting with a
// dot. create() never replaces a key. RSA keys are made with 3072 bits and sign PSS, SHA-256, salt 32.
// Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "aseptic/platform/posix/tls_identity.h"
#include "aseptic/platform/signer.h"

namespace aseptic::platform {

class FileKeyStore : public KeyStore {
 public:
  // Creates the directory (0700) when it is absent.
  static core::Result<std::unique_ptr<FileKeyStore>> open_directory(const std::string& directory);
  ~FileKeyStore() override;

  core::Result<std::unique_ptr<Signer>> create(std::string_view label, core::KeyAlgorithm algorithm) override;
  core::Result<std::unique_ptr<Signer>> open(std::string_view label) override;
  core::Result<std::vector<std::string>> labels() override;

  // The same key as a TLS identity; P-256 and Ed25519.
  core::Result<std::shared_ptr<TlsKey>> tls_key(std::string_view label);

 private:
  struct State;
  explicit FileKeyStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::platform
