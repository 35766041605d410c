// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/agreement_key.h"

#include <gtest/gtest.h>

#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

core::SecretKey secret(std::uint8_t value) { return core::SecretKey(core::Bytes(32, value)); }
AgreementKey some_key() {
  auto key = AgreementKey::generate();
  if (!key) throw std::runtime_error(key.error().sentence());
  return *std::move(key);
}
const core::Bytes kInfo{1, 2, 3};

// Answers: CF-01, CF-03
TEST(AgreementKey, UnwrapsWhatWasWrappedForItAndNobodyElseDoes) {
  const AgreementKey mine = some_key(), other = some_key();
  const auto wrapped = wrap_for(*mine.point(), kInfo, secret(9));
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(wrapped->wrapped.size(), core::kWrappedKeySize);
  const auto opened = mine.unwrap(*wrapped, kInfo);
  ASSERT_TRUE(opened) << opened.error().sentence();
  EXPECT_TRUE(std::ranges::equal(opened->view(), secret(9).view()));
  EXPECT_FALSE(other.unwrap(*wrapped, kInfo));
  EXPECT_FALSE(mine.unwrap(*wrapped, core::Bytes{1, 2, 4})) << "another purpose";
}

// Answers: CF-01
TEST(AgreementKey, EveryWrappingHasItsOwnEphemeralKey) {
  const AgreementKey mine = some_key();
  const auto one = wrap_for(*mine.point(), kInfo, secret(9)), two = wrap_for(*mine.point(), kInfo, secret(9));
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->ephemeral, two->ephemeral);
  EXPECT_NE(one->wrapped, two->wrapped);
  EXPECT_FALSE(mine.unwrap({one->ephemeral, two->wrapped}, kInfo)) << "exchanged";
}

TEST(AgreementKey, RefusesPointsThatAreNotOnTheCurve) {
  const AgreementKey mine = some_key();
  auto wrapped = *wrap_for(*mine.point(), kInfo, secret(9));
  wrapped.ephemeral[63] ^= 1;
  EXPECT_FALSE(mine.unwrap(wrapped, kInfo));
  EXPECT_FALSE(mine.unwrap({core::Bytes(64, 0), wrapped.wrapped}, kInfo));
  EXPECT_FALSE(mine.unwrap({core::Bytes(63, 1), wrapped.wrapped}, kInfo));
  EXPECT_FALSE(wrap_for(core::Bytes(64, 7), kInfo, secret(9)));
}

TEST(AgreementKey, IsTheSameKeyFromItsScalarAndFromItsFile) {
  const AgreementKey key = some_key();
  const auto from_scalar = AgreementKey::from_scalar(*key.scalar());
  ASSERT_TRUE(from_scalar) << from_scalar.error().sentence();
  EXPECT_EQ(*from_scalar->point(), *key.point());
  const TemporaryDirectory folder;
  ASSERT_TRUE(key.write_pem(folder / "key.pem"));
  EXPECT_FALSE(key.write_pem(folder / "key.pem")) << "a key is never replaced";
  const auto from_file = AgreementKey::read_pem(folder / "key.pem");
  ASSERT_TRUE(from_file) << from_file.error().sentence();
  EXPECT_EQ(*from_file->point(), *key.point());
  EXPECT_FALSE(AgreementKey::from_scalar(secret(0)));
  EXPECT_FALSE(AgreementKey::from_scalar(secret(0xff))) << "above the order";
}

}  // namespace
}  // namespace aseptic::platform
