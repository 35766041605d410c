// SPDX-License-Identifier: Apache-2.0
// SLH-DSA and LMS against stored vectors of other implementations (OpenSSL, noble, BouncyCastle), the publisher's signers,
// and every kind of damage. The same implementations, live, on thousands of mutated inputs: tests/oracles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"
#include "aseptic/publish/lms.h"
#include "aseptic/publish/slh_dsa.h"
#include "vectors.h"

namespace aseptic::boot::testing {
namespace {

enum class Scheme { kSlhDsa, kLms };

// What is left of `signature` when it verified.
struct Verdict {
  Status status;
  std::size_t left;
};
Verdict verify(Scheme scheme, ByteView key, ByteView message, ByteView signature) {
  host::Sha256 hasher;
  SignatureBytes source(signature);
  // The message in two parts, as boot gives it.
  const SignedMessage parts{message.first(message.size() / 3), message.subspan(message.size() / 3)};
  const Status status = scheme == Scheme::kSlhDsa ? verify_slh_dsa(hasher, key.first<kSlhDsaPublicKeySize>(), parts, source)
                                                  : verify_lms(hasher, key.first<kLmsPublicKeySize>(), parts, source);
  return {status, source.left()};
}

std::vector<Vector> stored(Scheme scheme) {
  return read_vectors(std::string(ASEPTIC_VECTORS) + (scheme == Scheme::kSlhDsa ? "/slh_dsa.txt" : "/lms.txt"));
}

class Signatures : public ::testing::TestWithParam<Scheme> {};
INSTANTIATE_TEST_SUITE_P(Each, Signatures, ::testing::Values(Scheme::kSlhDsa, Scheme::kLms),
                         [](const auto& each) { return each.param == Scheme::kSlhDsa ? "SlhDsa" : "Lms"; });

// Answers: KM-07, RB-01
TEST_P(Signatures, ThoseOfOtherImplementationsVerify) {
  const auto vectors = stored(GetParam());
  ASSERT_GE(vectors.size(), 4U);
  for (const Vector& v : vectors) {
    const Verdict verdict = verify(GetParam(), v.key, v.message, v.signature);
    EXPECT_EQ(verdict.status, Status::kOk) << v.source;
    EXPECT_EQ(verdict.left, 0U) << v.source << ": all of it was read";
  }
}

// Answers: KM-07, T-45
TEST_P(Signatures, EveryBitOfKeyAndMessageCounts) {
  const Vector good = stored(GetParam()).back();
  ASSERT_FALSE(good.message.empty());
  for (std::size_t bit = 0; bit < good.key.size() * 8; ++bit) {
    Vector v = good;
    v.key[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(ok(verify(GetParam(), v.key, v.message, v.signature).status)) << "key bit " << bit;
  }
  for (std::size_t bit = 0; bit < good.message.size() * 8; bit += 5) {
    Vector v = good;
    v.message[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_EQ(verify(GetParam(), v.key, v.message, v.signature).status, Status::kBadPostQuantumSignature) << "message bit " << bit;
  }
  core::Bytes longer = good.message;
  longer.push_back(0);
  EXPECT_EQ(verify(GetParam(), good.key, longer, good.signature).status, Status::kBadPostQuantumSignature);
}

// Answers: KM-07, T-45
TEST_P(Signatures, EveryByteOfASignatureCounts) {
  Vector v = stored(GetParam()).back();
  const std::size_t step = GetParam() == Scheme::kLms ? 1 : 9;  // every bit of SLH-DSA: full_sweep_test.cpp, nightly
  for (std::size_t bit = 0; bit < v.signature.size() * 8; bit += step) {
    v.signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(ok(verify(GetParam(), v.key, v.message, v.signature).status)) << "bit " << bit;
    v.signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
}

TEST_P(Signatures, AShortSourceIsAnErrorAndALongOneIsNotReadOn) {
  const Vector v = stored(GetParam()).front();
  for (std::size_t size = 0; size < v.signature.size(); size += size < 200 || size + 200 > v.signature.size() ? 1 : 97)
    ASSERT_EQ(verify(GetParam(), v.key, v.message, ByteView(v.signature).first(size)).status, Status::kOutOfRange) << size;
  core::Bytes longer = v.signature;
  longer.insert(longer.end(), 5, 0xEE);
  const Verdict verdict = verify(GetParam(), v.key, v.message, longer);
  EXPECT_EQ(verdict.status, Status::kOk);
  EXPECT_EQ(verdict.left, 5U) << "what follows is the caller's to check";
}

TEST_P(Signatures, AnotherVectorsSignatureOrKeyIsRefused) {
  const auto vectors = stored(GetParam());
  for (const Vector& a : vectors)
    for (const Vector& b : vectors) {
      if (&a == &b) continue;
      EXPECT_FALSE(ok(verify(GetParam(), a.key, a.message, b.signature).status));
      if (a.key != b.key) {
        EXPECT_FALSE(ok(verify(GetParam(), b.key, a.message, a.signature).status));
      }
    }
}

// The signature is read through small pieces only: what makes a boot stage with 8 KiB possible.
TEST_P(Signatures, IsReadInPiecesOfAtMost32Bytes) {
  struct Pieces final : SignatureSource {
    explicit Pieces(ByteView bytes) : inner(bytes) {}
    Status next(MutableBytes out) override {
      largest = std::max(largest, out.size());
      return inner.next(out);
    }
    SignatureBytes inner;
    std::size_t largest = 0;
  };
  const Vector v = stored(GetParam()).front();
  host::Sha256 hasher;
  Pieces pieces(v.signature);
  const SignedMessage message{v.message, {}};
  EXPECT_EQ(GetParam() == Scheme::kSlhDsa ? verify_slh_dsa(hasher, ByteView(v.key).first<kSlhDsaPublicKeySize>(), message, pieces)
                                          : verify_lms(hasher, ByteView(v.key).first<kLmsPublicKeySize>(), message, pieces),
            Status::kOk);
  EXPECT_LE(pieces.largest, 32U);
}

// Answers: KM-07
TEST(SlhDsaSigning, BothFormsVerifyAndOnlyTheDeterministicOneRepeats) {
  std::array<std::uint8_t, 48> seeds{};
  for (std::size_t i = 0; i < seeds.size(); ++i)
    seeds[i] = static_cast<std::uint8_t>(i);
  const auto key = publish::SlhDsaKey::from_seeds(seeds);
  // Public key by @noble/post-quantum 0.7.1 for the same seeds.
  EXPECT_EQ(core::to_hex(key.public_bytes()), "202122232425262728292a2b2c2d2e2f990ce6298792b128846a8e4a3a68954c");
  const core::Bytes message{1, 2, 3};
  const core::Bytes plain = publish::sign_slh_dsa(key, message, {});
  unsigned shown = 0;
  const core::Bytes again = publish::sign_slh_dsa(key, message, {.threads = 3, .progress = [&](unsigned percent) { shown = percent; }});
  EXPECT_EQ(plain, again) << "on any number of threads";
  EXPECT_GT(shown, 0U);
  const core::Bytes hedged = publish::sign_slh_dsa(key, message, {.randomizer = std::array<std::uint8_t, 16>{9}});
  EXPECT_NE(plain, hedged);
  for (const core::Bytes& signature : {plain, hedged})
    EXPECT_EQ(verify(Scheme::kSlhDsa, key.public_bytes(), message, signature).status, Status::kOk);
}

TEST(SlhDsaSigning, ADamagedPrivateKeyIsRefused) {
  const auto key = publish::SlhDsaKey::from_seeds({7});
  core::Bytes bytes(key.private_bytes().begin(), key.private_bytes().end());
  EXPECT_TRUE(publish::SlhDsaKey::from_private_bytes(bytes));
  for (const std::size_t at : {0U, 40U, 63U}) {
    bytes[at] ^= 1;
    EXPECT_FALSE(publish::SlhDsaKey::from_private_bytes(bytes)) << at;
    bytes[at] ^= 1;
  }
  bytes.pop_back();
  EXPECT_FALSE(publish::SlhDsaKey::from_private_bytes(bytes));
}

TEST(Lms, OnlyTheParameterSetsOfTheProfileAreAccepted) {
  core::Bytes key = stored(Scheme::kLms).front().key;
  LmsParameters parameters;
  const auto put = [&](std::size_t at, std::uint8_t value) { key[at] = value; };
  for (unsigned tree = 0; tree < 16; ++tree)
    for (unsigned chain = 0; chain < 8; ++chain) {
      put(7, static_cast<std::uint8_t>(tree));
      put(11, static_cast<std::uint8_t>(chain));
      const bool known = tree >= 6 && tree <= 8 && (chain == 3 || chain == 4);
      const Status status = lms_parameters(ByteView(key).first<kLmsPublicKeySize>(), parameters);
      ASSERT_EQ(status, known ? Status::kOk : Status::kBadAlgorithm) << tree << " " << chain;
      if (known) {
        EXPECT_EQ(parameters.height, (tree - 4) * 5);
      }
    }
  put(7, 6), put(11, 3), put(3, 2);
  EXPECT_EQ(lms_parameters(ByteView(key).first<kLmsPublicKeySize>(), parameters), Status::kBadAlgorithm) << "two levels";
}

TEST(LmsSigning, EveryIndexOfASubtreeSignsAndAFileKeepsTheKey) {
  for (const unsigned width : {4U, 8U}) {
    const auto key = publish::LmsKey::make({.height = 10, .width = width}, {3}, {5}).value();
    const auto read = publish::LmsKey::decode(key.encode()).value();
    EXPECT_EQ(read.public_bytes(), key.public_bytes());
    const core::Bytes message{4, 5, 6, 7};
    for (const std::uint32_t index : {0U, 1U, 511U, 1023U}) {
      const core::Bytes signature = read.sign(index, message, {8}).value();
      EXPECT_EQ(verify(Scheme::kLms, key.public_bytes(), message, signature).status, Status::kOk) << width << " " << index;
      if (width == 8) break;  // a subtree of W8 takes eight times as long
    }
    EXPECT_FALSE(read.sign(1024, message, {8}));
    core::Bytes damaged = key.encode();
    damaged[70] ^= 1;
    EXPECT_FALSE(publish::LmsKey::decode(damaged));
    damaged = key.encode();
    damaged[30] ^= 1;  // the seed: noticed when a subtree comes out wrong, before anything is given out
    EXPECT_FALSE(publish::LmsKey::decode(damaged).value().sign(0, message, {8}));
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
