// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/public_key.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

// A private key made for one test, on the other implementation's side: plain OpenSSL calls.
class TestKey {
 public:
  explicit TestKey(EVP_PKEY* key) : key_(key) {}
  ~TestKey() { EVP_PKEY_free(key_); }
  TestKey(const TestKey&) = delete;
  TestKey& operator=(const TestKey&) = delete;

  Bytes spki() const {
    std::uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(key_, &der);
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
  }
  Bytes sign(std::string_view message, bool pss = false) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* parameters = nullptr;
    const EVP_MD* hash = EVP_PKEY_get_base_id(key_) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    EVP_DigestSignInit(context, &parameters, hash, nullptr, key_);
    if (pss) EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    Bytes signature(1024);
    std::size_t size = signature.size();
    EVP_DigestSign(context, signature.data(), &size, as_bytes(message).data(), message.size());
    signature.resize(size);
    EVP_MD_CTX_free(context);
    return signature;
  }

 private:
  EVP_PKEY* key_;
};

TEST(PublicKey, VerifiesEachAllowedAlgorithmAndRefusesChangedMessages) {
  const struct {
    EVP_PKEY* key;
    KeyAlgorithm algorithm;
  } cases[] = {{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), KeyAlgorithm::kEd25519},
               {EVP_EC_gen("P-256"), KeyAlgorithm::kEcdsaP256},
               {EVP_RSA_gen(2048), KeyAlgorithm::kRsaPss}};
  for (const auto& [raw, algorithm] : cases) {
    const TestKey secret(raw);
    const auto key = PublicKey::from_spki(secret.spki());
    ASSERT_TRUE(key);
    EXPECT_EQ(key->algorithm(), algorithm);
    const Bytes signature = secret.sign("message", algorithm == KeyAlgorithm::kRsaPss);
    EXPECT_TRUE(key->verify(as_bytes("message"), signature));
    EXPECT_TRUE(key->verify(as_bytes("messagf"), signature).error().is(CoreCode::kSignatureInvalid));
    EXPECT_FALSE(key->verify(as_bytes("message"), {}));
    EXPECT_EQ(PublicKey::from_pem(key->pem())->spki(), key->spki());
  }
}

// Answers: KM-06, T-44
TEST(PublicKey, RefusesWeakAndForeignAlgorithms) {
  for (EVP_PKEY* raw : {EVP_RSA_gen(1024), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")}) {
    const TestKey secret(raw);
    EXPECT_TRUE(PublicKey::from_spki(secret.spki()).error().is(CoreCode::kKeyAlgorithm));
  }
}

TEST(PublicKey, RefusesRsaPkcs1Signatures) {
  const TestKey secret(EVP_RSA_gen(2048));
  EXPECT_FALSE(PublicKey::from_spki(secret.spki())->verify(as_bytes("m"), secret.sign("m", false)));
}

TEST(PublicKey, RefusesTrailingBytesShortKeysAndPointsOffTheCurve) {
  const TestKey secret(EVP_EC_gen("P-256"));
  Bytes der = secret.spki();
  der.push_back(0);
  EXPECT_FALSE(PublicKey::from_spki(der));
  EXPECT_FALSE(PublicKey::from_ed25519(Bytes(31)));
  EXPECT_FALSE(PublicKey::from_p256_point(Bytes(64, 1)));
  EXPECT_FALSE(PublicKey::from_pem(PublicKey::from_spki(secret.spki())->pem() + "x"));
  EXPECT_FALSE(PublicKey::from_spki({}));
}

TEST(PublicKey, RawFormsRoundTrip) {
  const TestKey ec(EVP_EC_gen("P-256"));
  const auto key = PublicKey::from_spki(ec.spki());
  EXPECT_EQ(PublicKey::from_p256_point(*key->p256_point())->spki(), key->spki());
  const Bytes point = *key->p256_point();
  const auto by_x = PublicKey::from_p256_x(ByteView(point).first(32));
  EXPECT_EQ(by_x->spki() == key->spki(), point.back() % 2 == 0) << "y is even by rule";
  EXPECT_EQ(by_x->p256_point()->back() % 2, 0);
  EXPECT_FALSE(PublicKey::from_p256_x(point));
  EXPECT_FALSE(PublicKey::from_p256_x(Bytes(32, 0xFF)));
  const TestKey ed(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const auto other = PublicKey::from_spki(ed.spki());
  EXPECT_EQ(PublicKey::from_ed25519(*other->ed25519_raw())->spki(), other->spki());
}

// Answers: T-45
TEST(PublicKey, RawEcdsaAcceptsOnly64BytesAndRefusesZeroValues) {
  const TestKey secret(EVP_EC_gen("P-256"));
  const auto key = PublicKey::from_spki(secret.spki());
  EXPECT_FALSE(key->verify_raw(as_bytes("m"), Bytes(64)));
  EXPECT_FALSE(key->verify_raw(as_bytes("m"), Bytes(63, 1)));
  EXPECT_FALSE(key->verify_raw(as_bytes("m"), Bytes(64, 0xff)));
}

}  // namespace
}  // namespace aseptic::core
