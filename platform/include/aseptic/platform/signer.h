// SPDX-License-Identifier: Apache-2.0
// A private key that can be used and not seen: a development file key today, a PKCS#11 token or TPM later.
// Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "aseptic/core/post_quantum_key.h"
#include "aseptic/core/public_key.h"

namespace aseptic::platform {

// Where a key lives decides what it may sign: production refuses development keys (RB-08, KM-01).
enum class KeyCustody : std::uint8_t { kDevelopmentFile, kToken, kTpm };
constexpr std::string_view to_string(KeyCustody custody) {
  return custody == KeyCustody::kDevelopmentFile ? "development file" : custody == KeyCustody::kToken ? "token" : "tpm";
}

class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual const core::PublicKey& public_key() const = 0;
  [[nodiscard]] virtual KeyCustody custody() const = 0;
  // Ed25519: 64 bytes; ECDSA P-256: DER; RSA-PSS: modulus size.
  virtual core::Result<core::Bytes> sign(core::ByteView message) = 0;
  // ECDSA P-256 only: r || s, 64 bytes.
  virtual core::Result<core::Bytes> sign_raw(core::ByteView message) = 0;
};

// The same for the post-quantum half of an image's two signatures: a key of the release role, kept offline. A type of its own,
// so that neither half can be made to sign in the other's place.
class PostQuantumSigner {
 public:
  virtual ~PostQuantumSigner() = default;
  [[nodiscard]] virtual const core::PostQuantumPublicKey& public_key() const = 0;
  [[nodiscard]] virtual KeyCustody custody() const = 0;
  virtual core::Result<core::Bytes> sign(core::ByteView message) = 0;
};

// Finds and makes keys by label. Implementations: development file store (posix), later PKCS#11.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual core::Result<std::unique_ptr<Signer>> create(std::string_view label, core::KeyAlgorithm algorithm) = 0;
  virtual core::Result<std::unique_ptr<Signer>> open(std::string_view label) = 0;
  virtual core::Result<std::vector<std::string>> labels() = 0;
};

}  // namespace aseptic::platform
