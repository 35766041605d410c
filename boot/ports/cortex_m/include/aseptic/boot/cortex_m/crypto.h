// SPDX-License-Identifier: Apache-2.0
// SHA-256 and ECDSA P-256 for boot on a microcontroller, over parts of BearSSL's sources (tools/fetch_bearssl).
// Verification handles public data only. Not thread safe.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot::cortex_m {

// SECURITY(T-55): at a multiple of eight, the address of the state (four more) shifted up by one flipped bit of an opcode
// names no memory; on other addresses that store found the verified copy.
class alignas(8) Sha256 final : public Hasher {
 public:
  void reset() override;
  void update(ByteView bytes) override;
  void finish(Digest& out) override;
  void mark() override { mark_ = context_; }
  void rewind() override { context_ = mark_; }

 private:
  struct Context {
    std::uint32_t state[8];
    std::uint32_t size;  // of what has been hashed, in bytes: less than 512 MiB
    std::uint8_t block[64];
  };
  Context context_;
  Context mark_;
};

// Both signatures: P-256 by BearSSL, SLH-DSA by boot/signatures; in profile cnsa2 (ASEPTIC_BOOT_CNSA2) also LMS.
class PairVerifier final : public SignatureVerifier {
 public:
  explicit PairVerifier(Hasher& hasher) : hasher_(hasher) {}
  Status verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key, const Digest& message_digest,
                     std::span<const std::uint8_t, kP256SignatureSize> signature) override;
  Status verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message, SignatureSource& signature) override;

 private:
  Hasher& hasher_;
};

class P256Signer final : public ReportSigner {
 public:
  bool sign(const Digest& key, const Digest& nonce, const Digest& digest,
            std::span<std::uint8_t, kP256SignatureSize> signature) override;
  void publish(const Digest& key, std::span<std::uint8_t, kAliasKeySize> out) override;
};

}  // namespace aseptic::boot::cortex_m
