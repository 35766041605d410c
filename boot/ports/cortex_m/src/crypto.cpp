// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/crypto.h"

#include <bearssl.h>

#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"

namespace aseptic::boot::cortex_m {
namespace {
br_sha256_context* context_of(std::array<std::uint8_t, 112>& storage) {
  static_assert(sizeof(br_sha256_context) <= 112 && alignof(br_sha256_context) <= 8);
  return reinterpret_cast<br_sha256_context*>(storage.data());
}
}  // namespace

void Sha256::reset() {
  br_sha256_init(context_of(context_));
}
void Sha256::update(ByteView bytes) {
  br_sha256_update(context_of(context_), bytes.data(), bytes.size());
}
void Sha256::finish(Digest& out) {
  br_sha256_out(context_of(context_), out.data());
}

Status PairVerifier::verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key, const Digest& message_digest,
                                 std::span<const std::uint8_t, kP256SignatureSize> signature) {
  const std::uint32_t verdict = aseptic_p256_verify(public_key.data(), message_digest.data(), signature.data());
  return verdict == 1 ? Status::kOk : Status::kBadSignature;
}

Status P256Signer::sign(const Digest& key, const Digest& nonce, const Digest& digest,
                        std::span<std::uint8_t, kP256SignatureSize> signature) {
  return aseptic_p256_sign(key.data(), nonce.data(), digest.data(), signature.data()) == 1 ? Status::kOk : Status::kBadSignature;
}

Status PairVerifier::verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message, SignatureSource& signature) {
  if (key.algorithm == PostQuantumAlgorithm::kSlhDsaSha2_128s)
    return verify_slh_dsa(hasher_, key.view().first<kSlhDsaPublicKeySize>(), message, signature);
#if defined(ASEPTIC_BOOT_CNSA2)
  if (key.algorithm == PostQuantumAlgorithm::kLmsSha256)
    return verify_lms(hasher_, key.view().first<kLmsPublicKeySize>(), message, signature);
#endif
  return Status::kBadAlgorithm;
}

}  // namespace aseptic::boot::cortex_m
