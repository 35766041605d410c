// SPDX-License-Identifier: Apache-2.0
// Keys, signatures and thresholds: what is counted, what is ignored, what is refused.
#include "aseptic/trust/limits.h"
#include "expect.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

class Keys : public testing::Test {
 protected:
  HostileRepository repository;
  TestClient client{repository.roots[1]};
  core::UtcTime now = repository.now;

  core::Result<TrustedMetadata> refresh() { return client.refresh(repository, now); }
  // The timestamp role's definition in the next root.
  RoleKeys& timestamp_role() { return repository.root.roles["timestamp"]; }
};

TEST_F(Keys, VerifiesEveryKeyTypeOfStockClients) {
  for (const core::KeyAlgorithm algorithm :
       {core::KeyAlgorithm::kEd25519, core::KeyAlgorithm::kEcdsaP256, core::KeyAlgorithm::kRsaPss}) {
    repository.set_keys("timestamp", {TestKey::generate(algorithm)});
    repository.publish_root();
    repository.publish_timestamp();
    EXPECT_TRUE(accepted(refresh())) << core::to_string(algorithm);
  }
}

TEST_F(Keys, KnowsBothNamesOfTheP256KeyType) {
  const TestKey key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  repository.set_keys("timestamp", {key});
  repository.root.keys.find(key.id())->second.keytype = "ecdsa-sha2-nistp256";
  repository.publish_root();
  EXPECT_TRUE(accepted(refresh()));
}

// TAP 12
TEST_F(Keys, TakesKeyIdsAsNamesOnly) {
  const TestKey key = TestKey::ed25519(30);
  repository.set_keys("timestamp", {key});
  repository.root.keys.emplace("any name, \"quoted\"", key.tuf_key());
  timestamp_role().keyids = {"any name, \"quoted\""};
  repository.publish_root();
  EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
  Envelope envelope{.signatures = {}, .signed_part = repository.timestamp.encode(), .unrecognized = {}};
  envelope.set_signature({.keyid = "any name, \"quoted\"", .value = key.sign(envelope.signed_bytes())});
  client.in_transit = [&envelope](const std::string& name, std::string bytes) {
    return name == "timestamp" ? envelope.encode() : bytes;
  };
  EXPECT_TRUE(accepted(refresh()));
}

TEST_F(Keys, IgnoresSignaturesOfUnknownKeys) {
  repository.signers["timestamp"].insert(repository.signers["timestamp"].begin(), TestKey::ed25519(99));
  repository.signers["timestamp"].push_back(TestKey::ed25519(98));
  EXPECT_TRUE(accepted(refresh()));
}

TEST_F(Keys, IgnoresAnUnknownKeyTypeNextToKnownOnes) {
  TufKey future;
  future.keytype = "slh-dsa";
  future.scheme = "slh-dsa-sha2-128s";
  future.keyval.emplace("public", "00ff");
  repository.root.keys.emplace("future", future);
  timestamp_role().keyids.push_back("future");
  repository.publish_root();
  EXPECT_TRUE(accepted(refresh()));
}

TEST_F(Keys, NeverCountsAnUnknownKeyTypeOrScheme) {
  const TestKey first = repository.signers["timestamp"].front(), second = TestKey::ed25519(30);
  repository.set_keys("timestamp", {first, second}, 2);
  repository.publish_root();
  EXPECT_TRUE(accepted(refresh()));
  repository.root.keys.find(second.id())->second.scheme = "ed25519-of-tomorrow";
  repository.publish_root();
  repository.publish_timestamp();
  EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
}

// go-tuf 33d359c, 3288aeb: a short key was a panic.
// Answers: T-44
TEST_F(Keys, MalformedKeysOfKnownTypesNeverCountAndNeverCrash) {
  const std::string good = core::to_hex(*TestKey::ed25519(30).public_key().ed25519_raw());
  const std::string pem = TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key().pem();
  const std::vector<std::pair<std::string, core::JsonValue>> keys = {
      {"ed25519", good.substr(2)}, {"ed25519", good + "00"}, {"ed25519", ""},     {"ed25519", "zz"},
      {"ed25519", nullptr},        {"ed25519", 7},           {"ed25519", pem},    {"ecdsa", ""},
      {"ecdsa", good},             {"ecdsa", pem + "x"},     {"rsa", pem},        {"rsa", "-----BEGIN PUBLIC KEY-----\n"},
      {"ecdsa", core::JsonObject{}}};
  for (const auto& [keytype, value] : keys) {
    const std::string scheme = keytype == "ed25519" ? "ed25519" : keytype == "rsa" ? "rsassa-pss-sha256" : "ecdsa-sha2-nistp256";
    const auto key = TufKey::parse(core::JsonObject{
        {"keytype", keytype}, {"scheme", scheme}, {"keyval", core::JsonObject{{"public", value}}}});
    ASSERT_TRUE(accepted(key));
    EXPECT_FALSE(key->usable.has_value());
  }
  EXPECT_FALSE(TufKey::parse(core::JsonObject{{"keytype", "ed25519"}, {"scheme", "ed25519"}, {"keyval", nullptr}}));
  EXPECT_FALSE(TufKey::parse(core::JsonValue(nullptr)));
}

// The same key in another encoding has another SubjectPublicKeyInfo, so it would be counted as another key.
// Answers: T-04, T-45
TEST_F(Keys, UsesAKeyInItsOneEncodingOnly) {
  const auto pem_of = [](const core::Bytes& spki) {
    return "-----BEGIN PUBLIC KEY-----\n" + core::to_base64(spki) + "\n-----END PUBLIC KEY-----\n";
  };
  const auto usable = [&](const char* keytype, const char* scheme, const core::Bytes& spki) {
    const auto key = TufKey::parse(core::JsonObject{
        {"keytype", keytype}, {"scheme", scheme}, {"keyval", core::JsonObject{{"public", pem_of(spki)}}}});
    return key && key->usable;
  };
  const core::PublicKey p256 = TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key();
  const core::Bytes point = *p256.p256_point();
  core::Bytes compressed = *core::from_hex("3039301306072a8648ce3d020106082a8648ce3d030107032200");
  compressed.push_back(point.back() & 1 ? 3 : 2);
  compressed.insert(compressed.end(), point.begin(), point.begin() + 32);
  EXPECT_TRUE(usable("ecdsa", "ecdsa-sha2-nistp256", p256.spki()));
  ASSERT_TRUE(accepted(core::PublicKey::from_spki(compressed)));
  EXPECT_FALSE(usable("ecdsa", "ecdsa-sha2-nistp256", compressed));

  core::Bytes rsa = TestKey::generate(core::KeyAlgorithm::kRsaPss).public_key().spki();
  EXPECT_TRUE(usable("rsa", "rsassa-pss-sha256", rsa));
  // rsaEncryption with NULL parameters becomes id-RSASSA-PSS without: two bytes less in both headers.
  ASSERT_EQ(core::to_hex(core::ByteView(rsa).subspan(4, 15)), "300d06092a864886f70d0101010500");
  rsa[5] = 0x0b;
  rsa[16] = 0x0a;
  rsa.erase(rsa.begin() + 17, rsa.begin() + 19);
  const std::size_t length = (std::size_t{rsa[2]} << 8 | rsa[3]) - 2;
  rsa[2] = static_cast<std::uint8_t>(length >> 8);
  rsa[3] = static_cast<std::uint8_t>(length);
  ASSERT_TRUE(accepted(core::PublicKey::from_spki(rsa)));
  EXPECT_FALSE(usable("rsa", "rsassa-pss-sha256", rsa));
}

// Answers: KM-02, VF-02, T-04
// go-tuf f5edbde: one public key under two key ids counted twice.
TEST_F(Keys, CountsOnePublicKeyUnderTwoIdsOnce) {
  const TestKey key = TestKey::ed25519(30), other = TestKey::ed25519(31);
  repository.set_keys("timestamp", {key, other}, 2);
  repository.root.keys.emplace("alias", key.tuf_key());
  timestamp_role().keyids.push_back("alias");
  repository.publish_root();
  Envelope envelope{.signatures = {}, .signed_part = repository.timestamp.encode(), .unrecognized = {}};
  const core::Bytes signature = key.sign(envelope.signed_bytes());
  envelope.signatures = {{key.id(), signature}, {"alias", signature}};
  client.in_transit = [&envelope](const std::string& name, std::string bytes) {
    return name == "timestamp" ? envelope.encode() : bytes;
  };
  EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
}

// Answers: VF-02, T-04
// CVE-2020-6174, CVE-2020-15093, CVE-2026-6966: a repeated signature reached the threshold.
TEST_F(Keys, RefusesDuplicateSignatures) {
  repository.set_keys("timestamp", {TestKey::ed25519(30), TestKey::ed25519(31)}, 2);
  repository.publish_root();
  repository.signers["timestamp"] = {TestKey::ed25519(30), TestKey::ed25519(30)};
  EXPECT_TRUE(refused(refresh(), TrustCode::kDuplicateSignature));
}

TEST_F(Keys, RefusesDuplicateSignaturesEvenWhenTheThresholdIsMet) {
  repository.signers["timestamp"].push_back(repository.signers["timestamp"].front());
  EXPECT_TRUE(refused(refresh(), TrustCode::kDuplicateSignature));
}

TEST_F(Keys, RefusesARoleThatListsAKeyIdTwice) {
  timestamp_role().keyids.push_back(timestamp_role().keyids.front());
  repository.publish_root();
  EXPECT_TRUE(refused(refresh(), TrustCode::kFormat));
}

// Answers: KM-02, VF-02, T-03
// CVE-2026-23992
TEST_F(Keys, RefusesARootWithThresholdZero) {
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
    HostileRepository bad;
    bad.root.roles.find(role)->second.threshold = 0;
    bad.publish_root();
    EXPECT_TRUE(refused(TestClient(bad.roots[1]).refresh(bad, now), TrustCode::kBadThreshold)) << role;
  }
}

TEST_F(Keys, RefusesARootThresholdAboveItsDistinctKeys) {
  repository.root.roles["root"].threshold = 2;
  repository.root.keys.emplace("alias", repository.signers["root"].front().tuf_key());
  repository.root.roles["root"].keyids.push_back("alias");
  repository.publish_root();
  EXPECT_TRUE(refused(refresh(), TrustCode::kBadThreshold));
}

// The public conformance suite passes through such roots: the next root repairs the role.
TEST_F(Keys, AnUnreachableThresholdOfAnotherRoleStopsThatRoleOnly) {
  timestamp_role().threshold = 2;
  repository.publish_root();
  EXPECT_TRUE(refused(refresh(), TrustCode::kBadThreshold));
  EXPECT_EQ(client.root, repository.roots[2]);
  timestamp_role().threshold = 1;
  repository.publish_root();
  EXPECT_TRUE(accepted(refresh()));
}

// Answers: VF-02, T-03
TEST_F(Keys, EmptyAndMissingSignaturesAreFailures) {
  repository.signers["timestamp"] = {};
  EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
  const std::string key = repository.root.roles["timestamp"].keyids.front();
  const std::string part = core::canonical_json(repository.timestamp.encode());
  const auto serve = [&](const std::string& file) {
    client.in_transit = [file](const std::string& name, std::string bytes) { return name == "timestamp" ? file : bytes; };
    return refresh();
  };
  EXPECT_TRUE(refused(serve(R"({"signatures":[{"keyid":")" + key + R"(","sig":""}],"signed":)" + part + "}"),
                      TrustCode::kThreshold));
  EXPECT_TRUE(refused(serve(R"({"signatures":null,"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_TRUE(refused(serve(R"({"signatures":{},"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_TRUE(refused(serve(R"({"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_TRUE(refused(serve(R"({"signatures":[null],"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_TRUE(refused(serve(R"({"signatures":[{"keyid":"a"}],"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_TRUE(refused(serve(R"({"signatures":[{"keyid":"a","sig":"xyz"}],"signed":)" + part + "}"), TrustCode::kFormat));
  EXPECT_FALSE(serve(R"({"signatures":[]})"));
  for (const char* file : {"", "null", "[]", "7", "\"x\"", "{", "{}", "[[]]", "true"}) EXPECT_FALSE(serve(file)) << file;
}

TEST_F(Keys, BoundsTheNumberOfSignatures) {
  const auto with_count = [](std::size_t count) {
    std::string file = R"({"signatures":[)";
    for (std::size_t i = 0; i < count; ++i)
      file += (i ? "," : "") + (R"({"keyid":"k)" + std::to_string(i) + R"(","sig":"00"})");
    return SignedFile::parse(core::as_bytes(file + R"(],"signed":{}})"), kRootBytesMax);
  };
  EXPECT_TRUE(accepted(with_count(kSignaturesMax)));
  EXPECT_TRUE(refused(with_count(kSignaturesMax + 1), TrustCode::kEndless));
}

TEST_F(Keys, ReachesTheThresholdWithAnySubset) {
  const std::vector<TestKey> five = {TestKey::ed25519(30), TestKey::ed25519(31), TestKey::ed25519(32), TestKey::ed25519(33),
                                     TestKey::ed25519(34)};
  repository.set_keys("timestamp", five, 3);
  repository.publish_root();
  for (unsigned mask = 0; mask < 32; ++mask) {
    std::vector<TestKey> chosen;
    for (unsigned i = 0; i < 5; ++i)
      if (mask >> i & 1) chosen.push_back(five[i]);
    repository.signers["timestamp"] = chosen;
    repository.publish_timestamp();
    if (chosen.size() >= 3)
      EXPECT_TRUE(accepted(refresh()));
    else
      EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
  }
}

TEST_F(Keys, AWrongSignatureByTheRightKeyDoesNotCount) {
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name != "timestamp") return bytes;
    Envelope envelope = *Envelope::parse(core::as_bytes(bytes), kTimestampBytesMax);
    envelope.signatures.front().value.front() ^= 1;
    return envelope.encode();
  };
  EXPECT_TRUE(refused(refresh(), TrustCode::kThreshold));
}

TEST(TufKey, WritesWhatItReads) {
  for (const core::KeyAlgorithm algorithm :
       {core::KeyAlgorithm::kEd25519, core::KeyAlgorithm::kEcdsaP256, core::KeyAlgorithm::kRsaPss}) {
    const TestKey key = TestKey::generate(algorithm);
    const auto parsed = TufKey::parse(key.tuf_key().encode());
    ASSERT_TRUE(accepted(parsed));
    ASSERT_TRUE(parsed->usable.has_value());
    EXPECT_EQ(parsed->usable->spki(), key.public_key().spki());
    EXPECT_EQ(parsed->default_id(), key.id());
  }
}

// securesystemslib derives the same id from the same key: SHA-256 of the canonical key object.
TEST(TufKey, DerivesTheKeyIdOfStockTools) {
  const auto key = TufKey::parse(core::JsonObject{
      {"keytype", "ed25519"},
      {"scheme", "ed25519"},
      {"keyval", core::JsonObject{{"public", "edcd0a32a07dce33f7c7873aaffbff36d20ea30787574ead335eefd337e4dacd"}}}});
  ASSERT_TRUE(accepted(key));
  EXPECT_EQ(key->default_id(),
            core::sha256(R"({"keytype":"ed25519","keyval":{"public":"edcd0a32a07dce33f7c7873aaffbff36d20ea30787574ead335eefd337e4dacd"},"scheme":"ed25519"})").hex());
}

// The parser refuses such a role already; verification must not rely on it.
// Answers: VF-02, T-03
TEST(Envelope, AThresholdOfNothingIsNeverMet) {
  const TestKey key = TestKey::ed25519(1);
  const KeyMap keys{{key.id(), key.tuf_key()}};
  const RoleKeys role{.keyids = {key.id()}, .threshold = 0, .unrecognized = {}};
  const SignedFile file{.signatures = {}, .signed_bytes = "{}"};
  EXPECT_TRUE(refused(verify_signatures(file, {.role = "timestamp", .keys = &keys, .role_keys = &role}),
                      TrustCode::kBadThreshold));
}

TEST(Envelope, KeepsEverythingThroughEditing) {
  HostileRepository repository;
  repository.root.unrecognized.emplace("note", "line\nbreak");
  const TestKey key = repository.signers["root"].front();
  const std::string file = signed_file(repository.root.encode(), {key});
  auto envelope = Envelope::parse(core::as_bytes(file), kRootBytesMax);
  ASSERT_TRUE(accepted(envelope));
  envelope->set_signature({.keyid = key.id(), .value = key.sign(envelope->signed_bytes())});
  EXPECT_EQ(envelope->signatures.size(), 1U);
  EXPECT_EQ(envelope->encode(), file);
  EXPECT_TRUE(accepted(TrustedMetadata::from_root(core::as_bytes(envelope->encode()))));
}

}  // namespace
}  // namespace aseptic::trust::test
