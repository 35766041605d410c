// SPDX-License-Identifier: Apache-2.0
// DEVELOPMENT keys of hash-based signatures, as files: DIR/<label>.slh (SLH-DSA, PKCS#8 PEM of RFC 9909, mode 0600) and
// DIR/<label>.lms (docs/formats/lms_key.md). Production keys come in by platform::PostQuantumSigner, from a token.
//
// Called by the `aseptic` command. Custody of each signer is kDevelopmentFile, which production refuses (RB-08). A key file that
// others may access is refused. Labels as in FileKeyStore. A key is never replaced.
// LMS: the caller holds the key's folder (`state`) and the second medium (`witness`) exclusively while it signs (lms.h).
// Thread contract: one thread at a time; signing itself uses all cores.
#pragma once

#include <functional>
#include <memory>

#include "aseptic/platform/entropy.h"
#include "aseptic/platform/signer.h"
#include "aseptic/publish/files.h"
#include "aseptic/publish/lms.h"

namespace aseptic::publish {

using SigningProgress = std::function<void(unsigned percent)>;

// What is known about an LMS key without signing.
struct LmsKeyState {
  core::PostQuantumPublicKey public_key;
  std::uint64_t capacity = 0;
  std::uint64_t left = 0;
  bool is_witnessed = false;  // false: `left` is what the record beside the key says, and it can be less
};

class HashKeyFolder {
 public:
  HashKeyFolder(Path folder, platform::Entropy& entropy, SigningProgress progress = {})
      : folder_(std::move(folder)), entropy_(entropy), progress_(std::move(progress)) {}

  core::Result<std::unique_ptr<platform::PostQuantumSigner>> create_slh_dsa(const std::string& label);
  core::Result<std::unique_ptr<platform::PostQuantumSigner>> open_slh_dsa(const std::string& label);
  [[nodiscard]] bool has_slh_dsa(const std::string& label) const;

  // Its witness is made with it, and never again.
  core::Result<core::PostQuantumPublicKey> create_lms(const std::string& label, LmsShape shape, platform::Storage& witness);
  // Refuses without a witness. Both storages outlive the signer.
  core::Result<std::unique_ptr<platform::PostQuantumSigner>> open_lms(const std::string& label, platform::Storage& state, platform::Storage* witness);
  [[nodiscard]] core::Result<LmsKeyState> lms_state(const std::string& label, platform::Storage& state, platform::Storage* witness) const;
  [[nodiscard]] bool has_lms(const std::string& label) const;

  // Labels of either kind, sorted.
  [[nodiscard]] std::vector<std::string> labels() const;
  // Refuses a label that any key of the folder has, of whatever kind.
  [[nodiscard]] core::Result<void> check_free(const std::string& label) const;

 private:
  [[nodiscard]] core::Result<LmsKey> read_lms(const std::string& label) const;
  Path folder_;
  platform::Entropy& entropy_;
  SigningProgress progress_;
};

}  // namespace aseptic::publish
