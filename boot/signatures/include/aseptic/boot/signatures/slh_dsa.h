// SPDX-License-Identifier: Apache-2.0
// SLH-DSA-SHA2-128s (FIPS 205), verification: pure, empty context. The post-quantum half of a boot manifest's two
// signatures. Called by boot ports and by the publisher's own check of what it signed.
// Invariants: reads exactly kSlhDsaSignatureSize bytes from the source, in order, once; about 0.9 KiB of stack; no
// heap, no table. Uses the hasher's mark. Time depends on the public data only, which needs no constant time.
// Security: the verdict is a comparison of the recomputed root with the root of the public key, made twice (see
// boot::equal); every other error comes from the source. Not thread safe with regard to the hasher.
#pragma once
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/signature_source.h"

namespace aseptic::boot {

// FIPS 205 table 2, column SLH-DSA-SHA2-128s.
inline constexpr std::size_t kSlhN = 16;         // bytes of a hash value
inline constexpr unsigned kSlhLayers = 7;        // d
inline constexpr unsigned kSlhTreeHeight = 9;    // h'
inline constexpr unsigned kSlhForsHeight = 12;   // a
inline constexpr unsigned kSlhForsTrees = 14;    // k
inline constexpr std::size_t kSlhDigestSize = 30;  // m
inline constexpr unsigned kSlhChains = 35;       // len = len1 + len2, section 5
inline constexpr unsigned kSlhChainMax = 15;     // w - 1, lg_w = 4
static_assert(kSlhN * (1 + kSlhForsTrees * (1 + kSlhForsHeight) + kSlhLayers * (kSlhChains + kSlhTreeHeight)) ==
              kSlhDsaSignatureSize);

using SlhDsaPublicKey = std::span<const std::uint8_t, kSlhDsaPublicKeySize>;  // PK.seed ‖ PK.root
using SlhNode = std::array<std::uint8_t, kSlhN>;

// kOk only for a valid signature. kBadPostQuantumSignature, or what the source said.
Status verify_slh_dsa(Hasher& hasher, SlhDsaPublicKey key, const SignedMessage& message, SignatureSource& signature);

// The root that the signature leads to: equal to PK.root exactly when the signature is valid. For callers that
// compare by themselves, several times, in hardened code.
Status slh_dsa_root(Hasher& hasher, SlhDsaPublicKey key, const SignedMessage& message, SignatureSource& signature,
                    SlhNode& root);

}  // namespace aseptic::boot
