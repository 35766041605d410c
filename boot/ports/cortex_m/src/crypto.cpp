// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/crypto.h"

#include <bearssl.h>

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

Status P256Verifier::verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key, const Digest& message_digest,
                                 std::span<const std::uint8_t, kP256SignatureSize> signature) {
  std::array<unsigned char, 1 + kP256PublicKeySize> point{};
  point[0] = 0x04;  // uncompressed
  copy_bytes(MutableBytes(point).subspan(1), public_key);
  const br_ec_public_key key{BR_EC_secp256r1, point.data(), point.size()};
  const std::uint32_t verdict = br_ecdsa_i31_vrfy_raw(&br_ec_prime_i31, message_digest.data(), message_digest.size(), &key,
                                                      signature.data(), signature.size());
  return verdict == 1 ? Status::kOk : Status::kBadSignature;
}

}  // namespace aseptic::boot::cortex_m
