// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/hash.h"

#include <gtest/gtest.h>

namespace aseptic::core {
namespace {

// FIPS 180-4 examples.
TEST(Hash, Sha256MatchesPublishedVectors) {
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, Sha512MatchesPublishedVector) {
  EXPECT_EQ(to_hex(sha512(as_bytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Hash, IncrementalEqualsWholeAndObjectIsReusable) {
  Sha256 hash;
  EXPECT_EQ(hash.update("a").update("bc").finish(), sha256("abc"));
  EXPECT_EQ(hash.finish(), sha256(""));
}

TEST(Hash, DigestFromTextNeedsExactly32Bytes) {
  EXPECT_EQ(Digest::from_hex(sha256("abc").hex())->hex(), sha256("abc").hex());
  EXPECT_FALSE(Digest::from_hex("ab"));
  EXPECT_FALSE(Digest::from_hex(sha256("abc").hex() + "00"));
}

}  // namespace
}  // namespace aseptic::core
