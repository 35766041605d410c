// SPDX-License-Identifier: Apache-2.0
// The P-256 of the microcontroller ports against OpenSSL: valid, mutated and extreme inputs, both directions.
#include "aseptic/boot/cortex_m/p256.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

namespace {

using Number = std::array<std::uint8_t, 32>;
using Pair = std::array<std::uint8_t, 64>;

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // EC_KEY: the oracle wants raw points and scalars
struct Key {
  Key() : key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1), EC_KEY_free) { EC_KEY_generate_key(key.get()); }
  Pair point() const {
    std::array<std::uint8_t, 65> bytes{};
    EC_POINT_point2oct(EC_KEY_get0_group(key.get()), EC_KEY_get0_public_key(key.get()), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), 65,
                       nullptr);
    Pair out{};
    std::copy(bytes.begin() + 1, bytes.end(), out.begin());
    return out;
  }
  Number secret() const {
    Number out{};
    BN_bn2binpad(EC_KEY_get0_private_key(key.get()), out.data(), 32);
    return out;
  }
  Pair sign(const Number& digest) const {
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> s(ECDSA_do_sign(digest.data(), 32, key.get()), ECDSA_SIG_free);
    Pair out{};
    BN_bn2binpad(ECDSA_SIG_get0_r(s.get()), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(s.get()), out.data() + 32, 32);
    return out;
  }
  std::unique_ptr<EC_KEY, decltype(&EC_KEY_free)> key;
};

bool openssl_verifies(const Pair& point, const Number& digest, const Pair& signature) {
  const std::unique_ptr<EC_KEY, decltype(&EC_KEY_free)> key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1), EC_KEY_free);
  std::array<std::uint8_t, 65> bytes{4};
  std::copy(point.begin(), point.end(), bytes.begin() + 1);
  const std::unique_ptr<EC_POINT, decltype(&EC_POINT_free)> p(EC_POINT_new(EC_KEY_get0_group(key.get())), EC_POINT_free);
  if (EC_POINT_oct2point(EC_KEY_get0_group(key.get()), p.get(), bytes.data(), 65, nullptr) != 1) return false;
  EC_KEY_set_public_key(key.get(), p.get());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> s(ECDSA_SIG_new(), ECDSA_SIG_free);
  ECDSA_SIG_set0(s.get(), BN_bin2bn(signature.data(), 32, nullptr), BN_bin2bn(signature.data() + 32, 32, nullptr));
  return ECDSA_do_verify(digest.data(), 32, s.get(), key.get()) == 1;
}

Number random_number(std::mt19937_64& random) {
  Number out{};
  for (auto& byte : out)
    byte = static_cast<std::uint8_t>(random());
  return out;
}

// Answers: RB-01
TEST(McuP256, AgreesWithOpenSslOnValidAndMutatedSignatures) {
  std::mt19937_64 random(42);
  int valid = 0, mutated = 0;
  for (int round = 0; round < 60; ++round) {
    const Key key;
    const Pair point = key.point();
    const Number digest = round == 0 ? Number{} : random_number(random);
    const Pair signature = key.sign(digest);
    ASSERT_EQ(aseptic_p256_verify(point.data(), digest.data(), signature.data()), 1U) << round;
    ++valid;
    for (int i = 0; i < 40; ++i) {
      Pair other_point = point, other_signature = signature;
      Number other_digest = digest;
      const std::size_t bit = random() % (8 * 160);
      std::uint8_t& byte = bit / 8 < 64    ? other_signature[bit / 8]
                           : bit / 8 < 128 ? other_point[bit / 8 - 64]
                                           : other_digest[bit / 8 - 128];
      byte = static_cast<std::uint8_t>(byte ^ (1U << (bit % 8)));
      const bool expected = openssl_verifies(other_point, other_digest, other_signature);
      ASSERT_EQ(aseptic_p256_verify(other_point.data(), other_digest.data(), other_signature.data()), expected ? 1U : 0U);
      ++mutated;
    }
  }
  EXPECT_EQ(valid + mutated, 60 * 41);
}

// Answers: RB-01
TEST(McuP256, RefusesScalarsOutOfRangeAndPointsOffTheCurve) {
  const Key key;
  std::mt19937_64 random(7);
  const Number digest = random_number(random);
  const Pair good = key.sign(digest);
  Number order{};
  BN_bn2binpad(EC_GROUP_get0_order(EC_KEY_get0_group(key.key.get())), order.data(), 32);
  for (const std::size_t half : {std::size_t{0}, std::size_t{32}}) {
    Pair zero = good, at_order = good, ones = good;
    std::fill_n(zero.begin() + static_cast<std::ptrdiff_t>(half), 32, std::uint8_t{0});
    std::copy(order.begin(), order.end(), at_order.begin() + static_cast<std::ptrdiff_t>(half));
    std::fill_n(ones.begin() + static_cast<std::ptrdiff_t>(half), 32, std::uint8_t{0xFF});
    for (const Pair& bad : {zero, at_order, ones})
      EXPECT_EQ(aseptic_p256_verify(key.point().data(), digest.data(), bad.data()), 0U);
  }
  EXPECT_EQ(aseptic_p256_verify(Pair{}.data(), digest.data(), good.data()), 0U);
}

// The same r with s negated is a signature too, as ECDSA has it: both sides say so.
TEST(McuP256, AgreesOnTheNegatedS) {
  const Key key;
  std::mt19937_64 random(9);
  const Number digest = random_number(random);
  Pair signature = key.sign(digest);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> s(BN_bin2bn(signature.data() + 32, 32, nullptr), BN_free);
  BN_sub(s.get(), EC_GROUP_get0_order(EC_KEY_get0_group(key.key.get())), s.get());
  BN_bn2binpad(s.get(), signature.data() + 32, 32);
  EXPECT_EQ(aseptic_p256_verify(key.point().data(), digest.data(), signature.data()),
            openssl_verifies(key.point(), digest, signature) ? 1U : 0U);
}

TEST(McuP256, OpenSslTakesItsSignaturesAndItsPublicKeys) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 20; ++round) {
    const Key key;
    const Number digest = random_number(random), nonce = random_number(random);
    Pair signature{}, point{};
    ASSERT_EQ(aseptic_p256_public(key.secret().data(), point.data()), 1U);
    EXPECT_EQ(point, key.point());
    ASSERT_EQ(aseptic_p256_sign(key.secret().data(), nonce.data(), digest.data(), signature.data()), 1U);
    EXPECT_TRUE(openssl_verifies(point, digest, signature)) << round;
  }
}

// The alias key's public half: x as the r of a signature that tells nothing else, and the rule of the even y.
// Answers: RB-07
TEST(McuP256, XAloneIsThePublicKeyOfTheSecretWithTheEvenY) {
  int odd = 0;
  for (int round = 0; round < 20; ++round) {
    const Key key;
    Pair out{}, point{};
    Number even{}, s{};
    ASSERT_EQ(aseptic_p256_public_x(key.secret().data(), out.data()), 1U);
    EXPECT_TRUE(std::equal(out.begin(), out.begin() + 32, key.point().begin()));
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> next(BN_bin2bn(out.data(), 32, nullptr), BN_free);
    BN_add_word(next.get(), 1);
    BN_bn2binpad(next.get(), s.data(), 32);
    EXPECT_TRUE(std::equal(s.begin(), s.end(), out.begin() + 32)) << "s is r + 1, which is no secret";
    ASSERT_EQ(aseptic_p256_even(key.secret().data(), even.data()), 1U);
    ASSERT_EQ(aseptic_p256_public(even.data(), point.data()), 1U);
    EXPECT_TRUE(std::equal(point.begin(), point.begin() + 32, key.point().begin())) << "the same x";
    EXPECT_EQ(point.back() % 2, 0);
    const bool was_odd = key.point().back() % 2 != 0;
    EXPECT_EQ(even == key.secret(), !was_odd);
    odd += was_odd ? 1 : 0;
  }
  EXPECT_GT(odd, 0);
  Pair out{};
  EXPECT_EQ(aseptic_p256_public_x(Number{}.data(), out.data()), 0U);
}

TEST(McuP256, RefusesToSignWithAZeroKeyOrNonce) {
  const Key key;
  const Number zero{};
  Pair signature{}, point{};
  EXPECT_EQ(aseptic_p256_sign(zero.data(), key.secret().data(), zero.data(), signature.data()), 0U);
  EXPECT_EQ(aseptic_p256_sign(key.secret().data(), zero.data(), zero.data(), signature.data()), 0U);
  EXPECT_EQ(aseptic_p256_public(zero.data(), point.data()), 0U);
}

}  // namespace
