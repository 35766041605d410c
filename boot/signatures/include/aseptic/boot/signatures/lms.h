// SPDX-License-Identifier: Apache-2.0
// LMS with SHA-256 (RFC 8554, SP 800-208), verification, as a single-level HSS (L = 1): profile `cnsa2`. The
// post-quantum half of a boot manifest's two signatures on devices whose key slot says so.
// Accepted: LMS_SHA256_M32_H10, H15, H20 with LMOTS_SHA256_N32_W4, W8; everything else is refused.
// Invariants: reads exactly the signature's bytes, in order, once, and no more; about 0.3 KiB of stack; no heap.
// Uses the hasher's mark. Public data only: no constant time needed.
// Security: the types in the public key decide; those in the signature must equal them.
#pragma once
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/signature_source.h"

namespace aseptic::boot {

// u32 L = 1 ‖ u32 LMS type ‖ u32 LM-OTS type ‖ I (16) ‖ T[1] (32): RFC 8554 sections 5.3 and 6.1, big-endian.
using LmsPublicKey = std::span<const std::uint8_t, kLmsPublicKeySize>;

// What the two type numbers of a public key mean. Numbers: RFC 8554 sections 4.1 and 5.1.
struct LmsParameters {
  unsigned height = 0;  // h: 10, 15 or 20
  unsigned width = 0;   // w: 4 or 8
  unsigned chains = 0;  // p: 67 or 34
  std::size_t signature_size() const { return 4 + 4 + 4 + 32 + 32 * chains + 4 + 32 * height; }
};
Status lms_parameters(LmsPublicKey key, LmsParameters& out);

inline constexpr std::size_t kLmsSignatureSizeMax = 4 + 4 + 4 + 32 + 32 * 67 + 4 + 32 * 20;  // W4, H20
static_assert(kLmsSignatureSizeMax <= kSlhDsaSignatureSize);  // it lies in the same field of the signature block

// kOk only for a valid signature. kBadPostQuantumSignature, kBadAlgorithm, or what the source said.
Status verify_lms(Hasher& hasher, LmsPublicKey key, const SignedMessage& message, SignatureSource& signature);

// The root that the signature leads to: equal to T[1] exactly when the signature is valid.
Status lms_root(Hasher& hasher, LmsPublicKey key, const SignedMessage& message, SignatureSource& signature, Digest& root);

}  // namespace aseptic::boot
