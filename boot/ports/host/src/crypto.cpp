// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/crypto.h"

#include <bearssl.h>
#include <sys/random.h>

#include <cstring>

#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"

namespace aseptic::boot::host {
namespace {
br_sha256_context* context_of(std::array<std::uint8_t, 128>& storage) {
  static_assert(sizeof(br_sha256_context) <= 128 && alignof(br_sha256_context) <= 16);
  return reinterpret_cast<br_sha256_context*>(storage.data());
}
}  // namespace

Sha256::Sha256() {
  reset();
}
void Sha256::reset() {
  br_sha256_init(context_of(context_));
}
void Sha256::update(ByteView bytes) {
  br_sha256_update(context_of(context_), bytes.data(), bytes.size());
}
void Sha256::finish(Digest& out) {
  br_sha256_out(context_of(context_), out.data());
}

Status PairVerifier::verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key,
                                 const Digest& message_digest,
                                 std::span<const std::uint8_t, kP256SignatureSize> signature) {
  std::array<unsigned char, 1 + kP256PublicKeySize> point{};
  point[0] = 0x04;  // uncompressed
  std::memcpy(point.data() + 1, public_key.data(), public_key.size());
  const br_ec_public_key key{BR_EC_secp256r1, point.data(), point.size()};
  const std::uint32_t verdict =
      br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, message_digest.data(), message_digest.size(), &key,
                            signature.data(), signature.size());
  return verdict == 1 ? Status::kOk : Status::kBadSignature;
}

bool P256Signer::sign(const Digest& key, const Digest&, const Digest& digest,
                      std::span<std::uint8_t, kP256SignatureSize> signature) {
  std::array<unsigned char, kDigestSize> secret = key;
  const br_ec_private_key private_key{BR_EC_secp256r1, secret.data(), secret.size()};
  const std::size_t size =
      br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, digest.data(), &private_key, signature.data());
  return size == signature.size();
}

// BearSSL takes a key of its order's length only in its range.
void P256Signer::publish(const Digest& key, std::span<std::uint8_t, kAliasKeySize> out) {
  std::array<unsigned char, kDigestSize> secret = key;
  const br_ec_private_key private_key{BR_EC_secp256r1, secret.data(), secret.size()};
  std::memset(out.data(), 0, out.size());
  std::array<unsigned char, BR_EC_KBUF_PUB_MAX_SIZE> point{};
  if (br_ec_compute_pub(&br_ec_p256_m31, nullptr, point.data(), &private_key) != out.size()) return;
  out[0] = 0x02;
  std::memcpy(out.data() + 1, point.data() + 1, kDigestSize);
}

Status PairVerifier::verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message,
                                         SignatureSource& signature) {
  switch (key.algorithm) {
    case PostQuantumAlgorithm::kSlhDsaSha2_128s:
      return verify_slh_dsa(hasher_, key.view().first<kSlhDsaPublicKeySize>(), message, signature);
    case PostQuantumAlgorithm::kLmsSha256:
      return verify_lms(hasher_, key.view().first<kLmsPublicKeySize>(), message, signature);
  }
  return Status::kBadAlgorithm;
}

Status SystemEntropy::fill(Digest& out) {
  return getrandom(out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()) ? Status::kOk
                                                                                  : Status::kIoError;
}

}  // namespace aseptic::boot::host
