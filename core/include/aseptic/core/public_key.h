// SPDX-License-Identifier: Apache-2.0
// Public keys and signature verification through OpenSSL EVP. Private keys never appear in core: they live behind
// platform::Signer.
//
// Allowed: Ed25519, ECDSA P-256 with SHA-256, RSA-PSS with SHA-256 and 2048 to 8192 bit moduli (a peer's TUF keys
// are often RSA-2048; our own policy demands 3072, see publish lint). Everything else is refused when the key is
// read, so that no verification can be reached with a weak algorithm (T-44).
// Thread contract: a PublicKey is immutable and may be shared.
#pragma once

#include <memory>

#include "aseptic/core/hash.h"

namespace aseptic::core {

enum class KeyAlgorithm : std::uint8_t { kEd25519, kEcdsaP256, kRsaPss };

std::string_view to_string(KeyAlgorithm algorithm);

class PublicKey {
 public:
  // PEM "PUBLIC KEY" (SubjectPublicKeyInfo). Text after the block is refused.
  static Result<PublicKey> from_pem(std::string_view pem);
  static Result<PublicKey> from_spki(ByteView der);
  static Result<PublicKey> from_ed25519(ByteView raw32);          // TUF carries it as hexadecimal
  static Result<PublicKey> from_p256_point(ByteView raw64);       // x || y
  static Result<PublicKey> from_p256_x(ByteView x32);             // of the two points with this x, the one with an even y

  [[nodiscard]] KeyAlgorithm algorithm() const;
  [[nodiscard]] const Bytes& spki() const;       // canonical DER; two keys are the same key exactly when these are
  [[nodiscard]] Digest fingerprint() const;      // SHA-256 of spki()
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] Result<Bytes> p256_point() const;  // x || y, 64 bytes; only for P-256
  [[nodiscard]] Result<Bytes> ed25519_raw() const;

  // The signature over `message`; ECDSA takes DER or, with verify_raw, 64 bytes r || s.
  [[nodiscard]] Result<void> verify(ByteView message, ByteView signature) const;
  [[nodiscard]] Result<void> verify_raw(ByteView message, ByteView signature64) const;

 private:
  struct State;
  explicit PublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace aseptic::core
