// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/bytes.h"

#include <gtest/gtest.h>

namespace aseptic::core {
namespace {

TEST(Bytes, HexRoundTripsAndRefusesOddAndForeign) {
  const Bytes all = [] {
    Bytes bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
    return bytes;
  }();
  EXPECT_EQ(*from_hex(to_hex(all)), all);
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Bytes, Base64MatchesRfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(as_text(*from_base64(text)), plain);
  }
}

TEST(Bytes, Base64RefusesMissingPaddingForeignCharactersAndLooseBits) {
  for (const std::string_view text : {"Zg", "Zg=", "Z===", "Zm9v\n", "Z*9v", "Zh==", "=Zg=", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Bytes, ConstantTimeCompareSeesLengthAndContent) {
  EXPECT_TRUE(ct_equal(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(ct_equal(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(ct_equal(as_bytes("abc"), as_bytes("ab")));
}

}  // namespace
}  // namespace aseptic::core
