// SPDX-License-Identifier: Apache-2.0
// SHA-256, signature verification and randomness of the host port, by BearSSL, boot/signatures and getrandom(2). BearSSL stays out of
// this header.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot::host {

class Sha256 final : public Hasher {
 public:
  Sha256();
  void reset() override;
  void update(ByteView bytes) override;
  void finish(Digest& out) override;
  void mark() override { mark_ = context_; }
  void rewind() override { context_ = mark_; }

 private:
  using Context = std::array<std::uint8_t, 128>;
  alignas(16) Context context_{};  // br_sha256_context
  alignas(16) Context mark_{};
};

// Both signatures: P-256 by BearSSL, SLH-DSA and LMS by boot/signatures.
class PairVerifier final : public SignatureVerifier {
 public:
  Status verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key,
                     const Digest& message_digest,
                     std::span<const std::uint8_t, kP256SignatureSize> signature) override;
  Status verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message,
                             SignatureSource& signature) override;

 private:
  Sha256 hasher_;
};

class P256Signer final : public ReportSigner {
 public:
  // BearSSL derives its own nonce from key and digest (RFC 6979).
  bool sign(const Digest& key, const Digest& nonce, const Digest& digest,
            std::span<std::uint8_t, kP256SignatureSize> signature) override;
  void publish(const Digest& key, std::span<std::uint8_t, kAliasKeySize> out) override;
};

class SystemEntropy final : public Entropy {
 public:
  Status fill(Digest& out) override;
};

}  // namespace aseptic::boot::host
