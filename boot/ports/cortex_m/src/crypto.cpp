// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/crypto.h"

#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"

extern "C" {
// BearSSL (src/inner.h): the compression function and the initial value. Its contexts carry tables of functions and
// lengths of 64 bits that nobody here needs.
void br_sha2small_round(const unsigned char* block, std::uint32_t* state);
extern const std::uint32_t br_sha256_IV[8];
}

namespace aseptic::boot::cortex_m {

void Sha256::reset() {
  __builtin_memcpy(context_.state, br_sha256_IV, sizeof context_.state);
  context_.size = 0;
}

void Sha256::update(ByteView bytes) {
  constexpr std::uint32_t kBlock = sizeof context_.block;
  const std::uint8_t* from = bytes.data();
  for (std::uint32_t left = bytes.size(); left != 0;) {
    const std::uint32_t at = context_.size % kBlock;
    const std::uint32_t part = left < kBlock - at ? left : kBlock - at;
    __builtin_memcpy(context_.block + at, from, part);
    from += part;
    left -= part;
    context_.size += part;
    if (at + part == kBlock) br_sha2small_round(context_.block, context_.state);
  }
}

void Sha256::finish(Digest& out) {
  constexpr std::uint32_t kLengthAt = sizeof context_.block - 8;
  std::uint32_t at = context_.size % sizeof context_.block;
  context_.block[at++] = 0x80;
  if (at > kLengthAt) {
    __builtin_memset(context_.block + at, 0, sizeof context_.block - at);
    br_sha2small_round(context_.block, context_.state);
    at = 0;
  }
  __builtin_memset(context_.block + at, 0, kLengthAt - at);
  const std::uint32_t length[] = {__builtin_bswap32(context_.size >> 29U), __builtin_bswap32(context_.size << 3U)};
  __builtin_memcpy(context_.block + kLengthAt, length, sizeof length);
  br_sha2small_round(context_.block, context_.state);
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(context_.state[i]);
    __builtin_memcpy(&out[4 * i], &word, sizeof word);
  }
}

Status PairVerifier::verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key, const Digest& message_digest,
                                 std::span<const std::uint8_t, kP256SignatureSize> signature) {
  const std::uint32_t verdict = aseptic_p256_verify(public_key.data(), message_digest.data(), signature.data());
  return verdict == 1 ? Status::kOk : Status::kBadSignature;
}

bool P256Signer::sign(const Digest& key, const Digest& nonce, const Digest& digest,
                      std::span<std::uint8_t, kP256SignatureSize> signature) {
  return aseptic_p256_sign(key.data(), nonce.data(), digest.data(), signature.data()) != 0;
}

void P256Signer::publish(const Digest& key, std::span<std::uint8_t, kAliasKeySize> out) {
  out[0] = static_cast<std::uint8_t>(2 * aseptic_p256_public_x(key.data(), out.data() + 1));
  fill_bytes(out.last<32>(), 0);
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
