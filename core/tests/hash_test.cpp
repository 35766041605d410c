// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/hash.h"

#include <gtest/gtest.h>

#include <random>

#include "aseptic/core/sha256_pair.h"

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

// On a processor with SHA instructions this is our own compression against OpenSSL's.
TEST(Hash, TwoAtOnceAreTheSameAsOneByOneForEveryLengthAndPrefix) {
  std::mt19937_64 random(20261123);
  Bytes bytes(2 * 4200);
  for (auto& byte : bytes)
    byte = static_cast<std::uint8_t>(random());
  const auto compare = [&](std::size_t prefix_size, std::size_t size) {
    const ByteView prefix = ByteView(bytes).subspan(random() % 64, prefix_size);
    const ByteView first = ByteView(bytes).subspan(random() % 64, size);
    const ByteView second = ByteView(bytes).subspan(4200 - random() % 64, size);
    const DigestPair pair = sha256_pair(prefix, first, second);
    const DigestPair expected = sha256_one_by_one(prefix, first, second);
    ASSERT_EQ(pair.first, expected.first) << prefix_size << ' ' << size;
    ASSERT_EQ(pair.second, expected.second) << prefix_size << ' ' << size;
  };
  for (std::size_t prefix = 0; prefix <= 66; ++prefix)
    for (std::size_t size = 0; size <= 260; ++size)
      compare(prefix, size);
  for (int i = 0; i < 2'000; ++i)
    compare(33, 4096);
}

TEST(Hash, DigestFromTextNeedsExactly32Bytes) {
  EXPECT_EQ(Digest::from_hex(sha256("abc").hex())->hex(), sha256("abc").hex());
  EXPECT_FALSE(Digest::from_hex("ab"));
  EXPECT_FALSE(Digest::from_hex(sha256("abc").hex() + "00"));
}

}  // namespace
}  // namespace aseptic::core
