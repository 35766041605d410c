// SPDX-License-Identifier: Apache-2.0
// Every bit of an SLH-DSA signature, one at a time: about a minute.
#include <gtest/gtest.h>

#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/signatures/slh_dsa.h"
#include "vectors.h"

namespace aseptic::boot::testing {
namespace {

// Answers: KM-07, T-45
TEST(SlhDsaFullSweep, EveryBitOfASignatureCounts) {
  Vector v = read_vectors(std::string(ASEPTIC_VECTORS) + "/slh_dsa.txt").front();
  host::Sha256 hasher;
  for (std::size_t bit = 0; bit < v.signature.size() * 8; ++bit) {
    v.signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    SignatureBytes source(v.signature);
    ASSERT_EQ(verify_slh_dsa(hasher, ByteView(v.key).first<kSlhDsaPublicKeySize>(), {v.message, {}}, source),
              Status::kBadPostQuantumSignature)
        << "bit " << bit;
    v.signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
