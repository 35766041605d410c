// SPDX-License-Identifier: Apache-2.0
// Images signed for MCUboot: taken over as their signature covers them, and refused in every other shape.
#include "aseptic/publish/mcuboot.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/mcuboot_image.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::publish {
namespace {

using aseptic::test::kMcubootPlain;
using aseptic::test::mcuboot_area;
using aseptic::test::mcuboot_program;
using aseptic::test::McubootSigner;
using aseptic::test::McubootSpec;
using aseptic::test::McubootTlv;
using trust::test::TestKey;

constexpr std::uint32_t kAddress = 0x28000000;
constexpr std::uint32_t kRamLoad = 0x20, kRomFixed = 0x100;

core::Bytes pkcs1_of(const core::PublicKey& key) {
  const std::uint8_t* at = key.spki().data();
  EVP_PKEY* parsed = d2i_PUBKEY(nullptr, &at, static_cast<long>(key.spki().size()));
  std::uint8_t* der = nullptr;
  const int size = i2d_PublicKey(parsed, &der);
  const core::Bytes out(der, der + size);
  OPENSSL_free(der);
  EVP_PKEY_free(parsed);
  return out;
}

McubootSigner signer_of(const TestKey& key) {
  switch (key.public_key().algorithm()) {
    case core::KeyAlgorithm::kEcdsaP256:
      return {0x22, key.public_key().spki(), [key](core::ByteView part, core::ByteView) { return key.sign(part); }};
    case core::KeyAlgorithm::kEd25519:
      return {0x24, key.public_key().spki(), [key](core::ByteView, core::ByteView hash) { return key.sign(hash); }};
    case core::KeyAlgorithm::kRsaPss:
      return {0x23, pkcs1_of(key.public_key()), [key](core::ByteView part, core::ByteView) { return key.sign(part); }};
  }
  return {};
}

class Mcuboot : public ::testing::Test {
 protected:
  [[nodiscard]] static McubootSpec ram_loaded() {
    return {.body = mcuboot_program(kAddress), .load_address = kAddress - 0x200, .flags = kRamLoad};
  }
  [[nodiscard]] McubootTrust trust() const { return {key.public_key(), std::nullopt, Profile::kProduction}; }
  [[nodiscard]] core::Result<McubootProgram> import(core::ByteView file) const { return import_mcuboot(file, trust()); }
  [[nodiscard]] core::Bytes image(const McubootSpec& spec) const { return aseptic::test::mcuboot_image(spec, signer_of(key)); }
  // Well signed, with these TLVs instead of imgtool's.
  [[nodiscard]] core::Bytes with_tlvs(const McubootSpec& spec, const std::function<void(std::vector<McubootTlv>&)>& change) const {
    core::Bytes out = aseptic::test::mcuboot_signed_part(spec);
    std::vector<McubootTlv> tlvs = aseptic::test::mcuboot_tlvs(out, signer_of(key));
    change(tlvs);
    const core::Bytes area = mcuboot_area(kMcubootPlain, tlvs);
    out.insert(out.end(), area.begin(), area.end());
    return out;
  }
  void refused(core::ByteView file, std::string_view why) const {
    const auto result = import(file);
    ASSERT_FALSE(result) << why;
    EXPECT_NE(result.error().sentence().find(why), std::string::npos) << result.error().sentence();
  }

  const TestKey key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  const core::Bytes good = image(ram_loaded());
};

TEST_F(Mcuboot, ProgramLoadAddressVersionAndCounterAreTakenOver) {
  McubootSpec spec = ram_loaded();
  spec.build = 77;
  spec.protected_tlvs = {{0x50, {5, 0, 0, 0}}, {0x40, core::Bytes(12)}, {0x60, {1, 2}}, {0x01A0, {9}}};
  const auto program = import(image(spec));
  ASSERT_TRUE(program) << program.error().sentence();
  EXPECT_EQ(program->body, spec.body) << "the vector table is the first thing of it";
  EXPECT_EQ(program->version, "1.2.3+77");
  EXPECT_EQ(program->load_address, kAddress) << "MCUboot loads the header in front of the program";
  EXPECT_EQ(program->entry, kAddress + 8);
  EXPECT_EQ(program->security_counter, 5u);
  EXPECT_EQ(program->dependencies, 1u);
  EXPECT_EQ(program->left_behind, (std::vector<std::uint16_t>{0x60, 0x01A0}));
  ASSERT_TRUE(import(good));
  EXPECT_EQ(import(good)->version, "1.2.3");
  EXPECT_FALSE(import(good)->security_counter);
}

TEST_F(Mcuboot, EachOfItsSignatureAlgorithmsIsChecked) {
  for (const TestKey& other : {TestKey::generate(core::KeyAlgorithm::kEcdsaP256), TestKey::ed25519(9), TestKey::generate(core::KeyAlgorithm::kRsaPss)}) {
    const McubootTrust given{other.public_key(), std::nullopt, Profile::kProduction};
    core::Bytes file = aseptic::test::mcuboot_image(ram_loaded(), signer_of(other));
    EXPECT_TRUE(import_mcuboot(file, given)) << core::to_string(other.public_key().algorithm());
    EXPECT_FALSE(import_mcuboot(good, given));
    file.back() ^= 1;  // the last byte of the signature
    EXPECT_FALSE(import_mcuboot(file, given)) << core::to_string(other.public_key().algorithm());
  }
}

TEST_F(Mcuboot, PaddingOfEcdsaSignaturesIsNoPartOfThem) {
  const auto pad = [&](std::uint8_t byte) {
    return with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2].value.push_back(byte); });
  };
  EXPECT_TRUE(import(pad(0)));
  refused(pad(1), "behind its ECDSA signature");
}

// Answers: T-01, T-34
TEST_F(Mcuboot, NoByteThatIsSignedCanBeChanged) {
  const std::size_t size = aseptic::test::mcuboot_signed_part(ram_loaded()).size();
  core::Bytes file = good;
  for (std::size_t at = 0; at < size; at += at < 64 ? 1 : 53) {
    file[at] ^= 0x40;
    EXPECT_FALSE(import(file)) << at;
    file[at] ^= 0x40;
  }
  EXPECT_TRUE(import(file));
}

// Answers: T-01, T-03
TEST_F(Mcuboot, UnsignedHashlessAndKeylessImagesAreRefused) {
  for (const auto& [which, why] : std::map<std::size_t, std::string>{{0, "no SHA-256"}, {1, "must name its key once"}, {2, "it is not signed"}})
    refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.erase(tlvs.begin() + static_cast<std::ptrdiff_t>(which)); }), why);
  refused(with_tlvs(ram_loaded(), [](auto& tlvs) { tlvs.clear(); }), "no SHA-256");
}

// Answers: T-02, T-45
TEST_F(Mcuboot, ASignatureOverOtherBytesIsRefused) {
  McubootSpec other = ram_loaded();
  other.build = 1;
  const core::Bytes signed_other = aseptic::test::mcuboot_signed_part(other);
  // The other image's signature, with this image's hash; then the other's hash too.
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2].value = key.sign(signed_other); }), "signature");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs = aseptic::test::mcuboot_tlvs(signed_other, signer_of(key)); }), "SHA-256 does not match");
  const TestKey stranger = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  refused(aseptic::test::mcuboot_image(ram_loaded(), signer_of(stranger)), "names another key");
  // A stranger's signature under our key's hash.
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2].value = stranger.sign(aseptic::test::mcuboot_signed_part(ram_loaded())); }), "signature");
}

// Answers: T-39
TEST_F(Mcuboot, WhatStandsTwiceIsRefused) {
  for (const std::size_t which : {0u, 1u, 2u})
    refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back(tlvs[which]); }), "stands twice");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back({0x24, core::Bytes(64, 1)}); }), "stands twice");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back({0x02, key.public_key().spki()}); }), "must name its key once");
  McubootSpec spec = ram_loaded();
  spec.protected_tlvs = {{0x50, {1, 0, 0, 0}}, {0x50, {2, 0, 0, 0}}};
  refused(image(spec), "two security counters");
}

TEST_F(Mcuboot, AKeyThatIsCarriedWholeIsComparedWhole) {
  const auto carrying = [&](const core::Bytes& carried) {
    return with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[1] = {0x02, carried}; });
  };
  EXPECT_TRUE(import(carrying(key.public_key().spki())));
  core::Bytes other = key.public_key().spki();
  other.back() ^= 1;
  refused(carrying(other), "names another key");
}

// Answers: T-34
TEST_F(Mcuboot, CountersAndDependenciesCountOnlyWhereTheyAreSigned) {
  for (const McubootTlv& tlv : {McubootTlv{0x50, {9, 0, 0, 0}}, McubootTlv{0x40, core::Bytes(12)}})
    refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back(tlv); }), "outside of what is signed");
  McubootSpec spec = ram_loaded();
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0x01, 0x10, 0x22, 0x30, 0x11, 0x70}) {
    spec.protected_tlvs = {{type, core::Bytes(32)}};
    refused(image(spec), "protected TLV of type");
  }
}

// Answers: T-35, T-38
TEST_F(Mcuboot, NoLengthLeadsOutOfTheFile) {
  const std::size_t tlvs = aseptic::test::mcuboot_signed_part(ram_loaded()).size();
  const auto with = [&](std::size_t at, std::initializer_list<int> bytes) {
    core::Bytes file = good;
    for (const int byte : bytes) file[at++] = static_cast<std::uint8_t>(byte);
    return file;
  };
  refused(with(12, {0xFF, 0xFF, 0xFF, 0xFF}), "shorter than its header says");  // 4 GiB less a byte
  refused(with(12, {0xFF, 0xFF, 0xFF, 0x7F}), "shorter than its header says");
  refused(with(12, {0x07, 0, 0, 0}), "shorter than a vector table");
  refused(with(8, {31, 0}), "header is shorter");
  refused(with(8, {0xFF, 0xFF}), "shorter than its header says");
  refused(with(10, {0xFF, 0xFF}), "shorter than its header says");
  refused(with(10, {4, 0}), "protected TLV area does not begin");
  refused(with(tlvs, {0x08, 0x69}), "unprotected TLV area does not begin");
  for (const int size : {0, 3}) refused(with(tlvs + 2, {size, 0}), "longer than the file or shorter");
  refused(with(tlvs + 2, {0xFF, 0xFF}), "longer than the file or shorter");
  refused(with(tlvs + 2, {5, 0}), "entry that leaves it");        // a rest that is no entry
  refused(with(tlvs + 6, {0xFF, 0xFF}), "entry that leaves it");  // the first entry's length
  for (std::size_t size = 0; size < good.size(); size += size < 64 ? 1 : 31) EXPECT_FALSE(import(core::ByteView(good).first(size))) << size;
}

TEST_F(Mcuboot, AnEntryWithoutAValueMovesOnAndEnds) {
  refused(with_tlvs(ram_loaded(), [](auto& tlvs) { tlvs.insert(tlvs.begin(), {0x22, {}}); }), "is empty");
  // 16,000 entries of four bytes: read once, each refused or passed.
  const core::Bytes many = with_tlvs(ram_loaded(), [](auto& tlvs) { tlvs.insert(tlvs.end(), 16000, {0xA0, {}}); });
  const auto program = import(many);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->left_behind.size(), 16000u);
}

TEST_F(Mcuboot, HeaderAndProtectedAreaMustAgreeAboutItsLength) {
  McubootSpec spec = ram_loaded();
  spec.protected_tlvs = {{0x50, {1, 0, 0, 0}}};
  core::Bytes file = image(spec);
  const std::size_t area = spec.header_size + spec.body.size();
  file[area + 2] = static_cast<std::uint8_t>(file[area + 2] - 8);  // an area without its entry
  refused(file, "differ about its length");
  file = image(spec);
  file[10] = 0;  // the header knows of none
  refused(file, "unprotected TLV area does not begin");
}

TEST_F(Mcuboot, EncryptedCompressedAndUnbootableImagesAreRefused) {
  for (const auto& [flags, why] : std::map<std::uint32_t, std::string>{{0x4, "encrypted"}, {0x8, "encrypted"}, {0x10, "not bootable"}, {0x1, "position-independent"},
                                                                      {0x200, "not known here"}, {0x400, "not known here"}, {0x80000000, "not known here"},
                                                                      {kRomFixed, "claims to be loaded to RAM and fixed"}}) {
    McubootSpec spec = ram_loaded();
    spec.flags |= flags;
    refused(image(spec), why);
  }
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0x30, 0x31, 0x32, 0x33, 0x3F})
    refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back({type, core::Bytes(48, 1)}); }), "encryption key");
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0x11, 0x12, 0x21, 0x25, 0x70, 0x9F, 0xFF})
    refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs.push_back({type, core::Bytes(48, 1)}); }), "not known here");
  McubootSpec reserved = ram_loaded();
  reserved.pad = 1;
  refused(image(reserved), "reserved word");
}

// Answers: T-44
TEST_F(Mcuboot, TheGivenKeyDecidesTheAlgorithm) {
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2] = {0x24, core::Bytes(64, 1)}; }), "another algorithm");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2] = {0x20, core::Bytes(256, 1)}; }), "another algorithm");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2] = {0x24, core::Bytes(63, 1)}; }), "another length");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2].value = {0x30}; }), "not DER");
  refused(with_tlvs(ram_loaded(), [&](auto& tlvs) { tlvs[2].value = {0x30, 0x7F, 2, 1, 1}; }), "not DER");
}

// Answers: T-34
TEST_F(Mcuboot, BehindTheLastTlvThereIsOnlyAnErasedRest) {
  for (const std::uint8_t erased : std::initializer_list<std::uint8_t>{0x00, 0xFF}) {
    core::Bytes padded = good;
    padded.resize(good.size() + 5000, erased);
    EXPECT_TRUE(import(padded));
    padded.back() = 0x77;
    refused(padded, "bytes behind it");
  }
}

TEST_F(Mcuboot, AProgramThatRanFromItsSlotNeedsItsAddressSaid) {
  McubootSpec spec = ram_loaded();
  spec.flags = 0;
  spec.load_address = 0;
  McubootTrust given = trust();
  const core::Bytes file = image(spec);
  refused(file, "say with --load-address");
  given.load_address = kAddress;
  ASSERT_TRUE(import_mcuboot(file, given));
  EXPECT_EQ(import_mcuboot(file, given)->load_address, kAddress);
  given.load_address = kAddress + 4096;
  EXPECT_FALSE(import_mcuboot(file, given)) << "its reset handler lies elsewhere";
  EXPECT_FALSE(import_mcuboot(good, given)) << "the header says another address";
  given.load_address = 0xFFFFFFFFFFFFFFF0;
  EXPECT_FALSE(import_mcuboot(file, given));
  spec.load_address = kAddress;
  refused(image(spec), "no flag that says what it means");
  spec = ram_loaded();
  spec.flags = kRomFixed;
  EXPECT_TRUE(import(image(spec)));
}

TEST_F(Mcuboot, AVectorTableThatLeadsOutOfTheProgramIsRefused) {
  const auto with_vectors = [&](std::uint32_t stack, std::uint32_t reset) {
    McubootSpec spec = ram_loaded();
    for (int i = 0; i < 4; ++i) {
      spec.body[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(stack >> (8 * i));
      spec.body[static_cast<std::size_t>(4 + i)] = static_cast<std::uint8_t>(reset >> (8 * i));
    }
    return image(spec);
  };
  EXPECT_TRUE(import(with_vectors(0x20001000, (kAddress + 4094) | 1)));
  refused(with_vectors(0x20001000, (kAddress + 4096) | 1), "reset handler");
  refused(with_vectors(0x20001000, (kAddress + 6) | 1), "reset handler");
  refused(with_vectors(0x20001000, kAddress + 8), "reset handler");  // not Thumb code
  refused(with_vectors(0, (kAddress + 8) | 1), "no stack pointer");
  refused(with_vectors(0x20001002, (kAddress + 8) | 1), "no stack pointer");
  McubootSpec far = ram_loaded();
  far.load_address = 0xFFFFF000;
  refused(image(far), "32-bit address space");
}

// Answers: T-48
TEST_F(Mcuboot, TheSampleKeyOfMcubootIsRefusedInProduction) {
  const auto point = core::from_hex("2acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d994b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1");
  const auto result = import_mcuboot(good, {core::PublicKey::from_p256_point(*point).value(), std::nullopt, Profile::kProduction});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().name(), "publish.development_key") << result.error().sentence();
}

// Blocks of "name value" lines, an empty line between them.
std::vector<std::map<std::string, std::string>> vectors() {
  std::ifstream file(ASEPTIC_SOURCE_DIR "/tests/vectors/mcuboot.txt");
  std::vector<std::map<std::string, std::string>> blocks(1);
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) blocks.emplace_back();
    else if (line[0] != '#') blocks.back()[line.substr(0, line.find(' '))] = line.substr(line.find(' ') + 1);
  }
  std::erase_if(blocks, [](const auto& block) { return block.empty(); });
  return blocks;
}

TEST_F(Mcuboot, WhatImgtoolsOwnCodeSignedIsTakenOver) {
  const auto blocks = vectors();
  ASSERT_GE(blocks.size(), 4u);
  for (const auto& block : blocks) {
    const core::Bytes file = core::from_hex(block.at("image")).value();
    const McubootTrust given{core::PublicKey::from_spki(core::from_hex(block.at("key")).value()).value(), std::nullopt, Profile::kProduction};
    const auto program = import_mcuboot(file, given);
    ASSERT_TRUE(program) << block.at("source") << ": " << program.error().sentence();
    EXPECT_EQ(program->version, block.at("version"));
    EXPECT_EQ(program->load_address, std::stoull(block.at("load_address"), nullptr, 16));
    EXPECT_EQ(program->security_counter ? std::to_string(*program->security_counter) : "none", block.at("counter"));
    EXPECT_EQ(core::sha256(program->body).hex(), block.at("body_sha256"));
    EXPECT_FALSE(import(file)) << "another key";
  }
}

}  // namespace
}  // namespace aseptic::publish
