// SPDX-License-Identifier: Apache-2.0
// Known answers from NIST SP 800-38D test case 14, RFC 5869 A.3 and RFC 3394 4.6; and what must not open.
#include "aseptic/core/sealing.h"

#include <gtest/gtest.h>

namespace aseptic::core {
namespace {

SecretKey key_of(std::string_view hex) { return SecretKey(*from_hex(hex)); }
const std::string kZeroKey(64, '0');

TEST(Sealing, GcmMatchesThePublishedVector) {
  Aes256Gcm cipher(key_of(kZeroKey));
  const Bytes nonce(12, 0);
  Bytes text(16, 0);
  std::array<std::uint8_t, kSealTagSize> tag{};
  cipher.seal(nonce, {}, text, tag);
  EXPECT_EQ(to_hex(text), "cea7403d4d606b6e074ec5d3baf39d18");
  EXPECT_EQ(to_hex(tag), "d0d1c8a799996bf0265b98b5d48ab919");
  ASSERT_TRUE(cipher.open(nonce, {}, text, tag));
  EXPECT_EQ(text, Bytes(16, 0));
}

TEST(Sealing, GcmOpensNothingThatDiffersInOneBitAndLeavesZeros) {
  Aes256Gcm cipher(key_of(kZeroKey));
  const Bytes nonce(12, 1), associated(40, 2), plain(100, 3);
  Bytes sealed = plain;
  std::array<std::uint8_t, kSealTagSize> tag{};
  cipher.seal(nonce, associated, sealed, tag);
  for (int which = 0; which < 4; ++which) {
    Bytes text = sealed, n = nonce, a = associated;
    Bytes t(tag.begin(), tag.end());
    (which == 0 ? text : which == 1 ? n : which == 2 ? a : t)[5] ^= 1;
    EXPECT_FALSE(cipher.open(n, a, text, t)) << which;
    EXPECT_EQ(text, Bytes(100, 0));
  }
  Bytes text = sealed;
  EXPECT_FALSE(cipher.open(nonce, associated, text, ByteView(tag).first(12))) << "a tag that was cut";
  Aes256Gcm other(key_of("01" + std::string(62, '0')));
  text = sealed;
  EXPECT_FALSE(other.open(nonce, associated, text, tag));
}

TEST(Sealing, HkdfMatchesThePublishedVector) {
  EXPECT_EQ(to_hex(hkdf_sha256(Bytes(22, 0x0b), {}).view()), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(Sealing, KeyWrapMatchesThePublishedVectorAndRefusesEveryChangedBit) {
  const SecretKey wrapping = key_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const SecretKey key = key_of("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
  const Bytes wrapped = wrap_key(wrapping, key);
  EXPECT_EQ(to_hex(wrapped), "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
  const auto opened = unwrap_key(wrapping, wrapped);
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(opened->view()), to_hex(key.view()));
  for (std::size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    Bytes bad = wrapped;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(unwrap_key(wrapping, bad)) << bit;
  }
  EXPECT_FALSE(unwrap_key(wrapping, ByteView(wrapped).first(32)));
  EXPECT_FALSE(unwrap_key(key, wrapped));
}

TEST(Sealing, AKeyThatWasMovedFromIsWiped) {
  SecretKey key = key_of("11" + std::string(62, '1'));
  const SecretKey taken = std::move(key);
  EXPECT_EQ(to_hex(key.view()), kZeroKey);  // NOLINT: that is the point
  EXPECT_NE(to_hex(taken.view()), kZeroKey);
}

}  // namespace
}  // namespace aseptic::core
