// SPDX-License-Identifier: Apache-2.0
// DEVELOPMENT keys of hash-based signatures, as files: DIR/<label>.slh (SLH-DSA, PKCS#8 PEM of RFC 9909, mode 0600) and
// DIR/<label>.lms (docs/formats/lms_key.md). Production keys come in by platform::PostQuantumSigner, from a token.
//
// Called by the `aseptic` command. Custody of each signer is kDevelopmentFile, which production refuses (RB-08). A key file that
// others may access is refused. Labels as in FileKeyStore. create() never replaces a key.
// Thread contract: one thread at a time; signing itself uses all cores.
#pragma once

#include <functional>
#include <memory>

#include "aseptic/platform/entropy.h"
#include "aseptic/platform/signer.h"
#include "aseptic/publish/files.h"

namespace aseptic::publish {

using SigningProgress = std::function<void(unsigned percent)>;

class HashKeyFolder {
 public:
  HashKeyFolder(Path folder, platform::Entropy& entropy, SigningProgress progress = {})
      : folder_(std::move(folder)), entropy_(entropy), progress_(std::move(progress)) {}

  core::Result<std::unique_ptr<platform::PostQuantumSigner>> create_slh_dsa(const std::string& label);
  core::Result<std::unique_ptr<platform::PostQuantumSigner>> open_slh_dsa(const std::string& label);
  [[nodiscard]] bool has_slh_dsa(const std::string& label) const;
  [[nodiscard]] std::vector<std::string> labels() const;

 private:
  Path folder_;
  platform::Entropy& entropy_;
  SigningProgress progress_;
};

}  // namespace aseptic::publish
