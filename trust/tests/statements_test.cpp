// SPDX-License-Identifier: Apache-2.0
// Statements: what is written is what is read, and nothing else is. Signed kinds: signed_statements_test.cpp.
#include "aseptic/core/codes.h"
#include "aseptic/trust/limits.h"
#include "aseptic/trust/verified_statements.h"
#include "damage.h"
#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

template <typename Statement>
void expect_strict(const Statement& sample) {
  const std::string text = sample.encode();
  const auto parsed = Statement::parse(core::as_bytes(text));
  ASSERT_TRUE(accepted(parsed));
  EXPECT_EQ(parsed->encode(), text);

  EXPECT_FALSE(Statement::parse(core::as_bytes(text + " "))) << "not canonical";
  EXPECT_FALSE(Statement::parse(core::as_bytes(" " + text)));
  EXPECT_FALSE(Statement::parse(core::as_bytes(text + text)));
  EXPECT_FALSE(Statement::parse(core::as_bytes(text.substr(0, text.size() - 1))));

  core::JsonValue tree = *core::parse_json_value(core::as_bytes(text));
  (*tree.as_object())["x-later"] = core::JsonObject{{"kept", 1}};
  const auto later = Statement::parse(core::as_bytes(core::canonical_json(tree)));
  ASSERT_TRUE(accepted(later)) << "an unknown field is kept";
  EXPECT_EQ(later->encode(), core::canonical_json(tree));
  (*tree.as_object())["critical"] = core::JsonArray{"x-later"};
  EXPECT_TRUE(refused(Statement::parse(core::as_bytes(core::canonical_json(tree))), TrustCode::kCriticalUnknown));

  // No change of any member crashes; whatever is accepted encodes to exactly the bytes that were read.
  std::size_t refusals = 0;
  for_each_damage(*core::parse_json_value(core::as_bytes(text)), [&](const core::JsonValue& changed) {
    const std::string bytes = core::canonical_json(changed);
    const auto result = Statement::parse(core::as_bytes(bytes));
    EXPECT_TRUE(!result || result->encode() == bytes) << bytes;
    refusals += result ? 0 : 1;
  });
  EXPECT_GT(refusals, 40U);
}

// Answers: MF-08, T-39
TEST(Statements, ReleaseManifestIsStrict) { expect_strict(sample_release()); }
// Answers: MF-08
TEST(Statements, ChannelIsStrict) { expect_strict(sample_channel(sample_release())); }
// Answers: MF-08
TEST(Statements, PayloadIndexIsStrict) { expect_strict(sample_index(sample_release())); }
TEST(Statements, KeyEnvelopeIsStrict) { expect_strict(sample_envelope()); }
TEST(Statements, GroupMembershipIsStrict) { expect_strict(sample_membership()); }

// Answers: MF-08
TEST(Statements, ObjectsClosedToExtensionsRefuseUnknownMembers) {
  core::JsonValue tree = *core::parse_json_value(core::as_bytes(sample_release().encode()));
  (*(*tree.as_object())["safety"].as_object())["x-later"] = 1;
  EXPECT_TRUE(refused(ReleaseManifest::parse(core::as_bytes(core::canonical_json(tree))), TrustCode::kStatementFormat));
  tree = *core::parse_json_value(core::as_bytes(sample_release().encode()));
  (*(*tree.as_object())["components"].as_array()->front().as_object())["x-later"] = 1;
  EXPECT_TRUE(accepted(ReleaseManifest::parse(core::as_bytes(core::canonical_json(tree)))));
}

TEST(Statements, CriticalMayNameWhatIsKnown) {
  ReleaseManifest release = sample_release();
  release.critical = {"safety", "sources"};
  EXPECT_TRUE(accepted(ReleaseManifest::parse(core::as_bytes(release.encode()))));
}

core::Result<ReleaseManifest> reparsed(const ReleaseManifest& release) {
  return ReleaseManifest::parse(core::as_bytes(release.encode()));
}

// Answers: MF-04, T-25
TEST(Statements, AnUnknownComponentTypeIsRefused) {
  std::string text = sample_release().encode();
  text.replace(text.find("\"data\""), 6, "\"blob\"");
  EXPECT_TRUE(refused(ReleaseManifest::parse(core::as_bytes(text)), TrustCode::kStatementFormat));
}

// Answers: MF-07
TEST(Statements, AReleaseIsConsistentInItself) {
  const auto with = [](const std::function<void(ReleaseManifest&)>& change) {
    ReleaseManifest release = sample_release();
    change(release);
    return reparsed(release);
  };
  EXPECT_FALSE(with([](auto& r) { r.sequence = 0; }));
  EXPECT_FALSE(with([](auto& r) { r.hardware.clear(); }));
  EXPECT_FALSE(with([](auto& r) { r.hardware.front().revision_min = 9; }));
  EXPECT_FALSE(with([](auto& r) { r.sources = {.sequence_min = 3, .sequence_max = 2}; }));
  EXPECT_FALSE(with([](auto& r) { r.components.clear(); }));
  EXPECT_FALSE(with([](auto& r) { r.components[1].order = 0; })) << "two main components";
  EXPECT_FALSE(with([](auto& r) { r.components[0].order = 1; })) << "no main component";
  EXPECT_FALSE(with([](auto& r) { r.components[1].id = r.components[0].id; }));
  EXPECT_FALSE(with([](auto& r) { r.components[1].image_digest = sample_digest("other"); })) << "set digest";
  EXPECT_FALSE(with([](auto& r) { r.components[0].size = 0; }));
  EXPECT_FALSE(with([](auto& r) { r.components[0].location = "../boot"; }));
  EXPECT_FALSE(with([](auto& r) { r.release_id = "../../etc"; }));
  EXPECT_FALSE(with([](auto& r) { r.safety.recall_class = "II"; })) << "not a recall";
  EXPECT_FALSE(with([](auto& r) { r.safety.update_class = UpdateClass::kRecall; })) << "no recall class";
}

TEST(Statements, TheSetDigestCoversWhatRunsTogether) {
  const core::Digest digest = sample_release().set_digest;
  const auto with = [](const std::function<void(Component&)>& change) {
    std::vector<Component> components = sample_release().components;
    change(components[1]);
    return release_set_digest(components);
  };
  EXPECT_NE(digest, with([](Component& c) { c.image_digest = sample_digest("other"); }));
  EXPECT_NE(digest, with([](Component& c) { c.sequence = 99; }));
  EXPECT_NE(digest, with([](Component& c) { c.epoch = 99; }));
  EXPECT_NE(digest, with([](Component& c) { c.id = sample_uuid(99); }));
  EXPECT_EQ(digest, with([](Component& c) { c.manifest_digest = sample_digest("other"); }))
      << "boot manifests carry the set digest, so it cannot cover them";
  std::vector<Component> reversed = sample_release().components;
  std::swap(reversed[0], reversed[1]);
  EXPECT_EQ(digest, release_set_digest(reversed));
}

TEST(Statements, BoundsItsLists) {
  ReleaseManifest release = sample_release();
  release.udi_di.assign(kListMax, "1");
  EXPECT_TRUE(accepted(reparsed(release)));
  release.udi_di.emplace_back("1");
  EXPECT_FALSE(reparsed(release));
  release = sample_release();
  release.safety.essential_performance = std::string(kTextBytesMax, 'x');
  EXPECT_TRUE(accepted(reparsed(release)));
  release.safety.essential_performance += 'x';
  EXPECT_FALSE(reparsed(release));
  release = sample_release();
  release.components[1].dependencies.clear();
  for (std::size_t i = release.components.size(); i < kComponentsMax; ++i) {
    release.components.push_back(release.components[1]);
    release.components.back().id = sample_uuid(static_cast<std::uint8_t>(20 + i));
  }
  release.set_digest = release_set_digest(release.components);
  EXPECT_TRUE(accepted(reparsed(release)));
  release.components.push_back(release.components[1]);
  release.components.back().id = sample_uuid(200);
  release.set_digest = release_set_digest(release.components);
  EXPECT_FALSE(reparsed(release));
}

// Statements through the repository: the whole way from signed metadata to a digest that may be written.
class Published : public testing::Test {
 protected:
  HostileRepository repository;
  ReleaseManifest release = sample_release();
  TestKey index_key = TestKey::ed25519(40);

  void SetUp() override {
    repository.delegate({.delegator = "targets",
                         .role = "payload-index",
                         .paths = {"payload-index/*", "payloads/*", "releases/*/*", "channels/*/*"},
                         .keys = {index_key}});
    repository.add_target("targets", release.target_path(), release.encode());
    repository.add_target("targets", sample_channel(release).target_path(), sample_channel(release).encode());
    repository.add_target("payload-index", sample_index(release).target_path(), sample_index(release).encode());
    repository.publish({"targets", "payload-index"});
  }
  core::Verified<TargetInfo> target(const std::string& path) {
    TestClient client(repository.roots[1]);
    auto found = client.refresh_and_find(repository, path, repository.now);
    EXPECT_TRUE(accepted(found));
    return *found;
  }
  core::Result<core::Verified<ReleaseManifest>> verified_release() {
    return StatementVerifier::release(target(release.target_path()), core::as_bytes(release.encode()));
  }
};

// Answers: VF-01
TEST_F(Published, LeadToTheDigestsThatMayBeWritten) {
  const auto verified = verified_release();
  ASSERT_TRUE(accepted(verified));
  const auto channel = StatementVerifier::channel(target(sample_channel(release).target_path()),
                                                  core::as_bytes(sample_channel(release).encode()));
  ASSERT_TRUE(accepted(channel));
  EXPECT_TRUE(accepted(StatementVerifier::selects(*channel, *verified)));
  const PayloadIndex index = sample_index(release);
  const auto payloads =
      StatementVerifier::payload_index(target(index.target_path()), core::as_bytes(index.encode()), *verified);
  ASSERT_TRUE(accepted(payloads));
  EXPECT_TRUE(DigestIssuer::image(*verified, sample_uuid(10))->matches(sample_digest("main image 5")));
  EXPECT_TRUE(DigestIssuer::manifest(*verified, sample_uuid(10))->matches(sample_digest("main manifest 5")));
  EXPECT_TRUE(refused(DigestIssuer::image(*verified, sample_uuid(77)), TrustCode::kComponentUnknown));
  EXPECT_TRUE(DigestIssuer::payload_header(*payloads, sample_digest("main image 5"), 1)
                  ->matches(sample_digest("pump application header")));
  EXPECT_TRUE(refused(DigestIssuer::payload_header(*payloads, sample_digest("main image 5"), 2), TrustCode::kNotFound));
  EXPECT_TRUE(refused(DigestIssuer::payload_header(*payloads, sample_digest("other"), 0), TrustCode::kNotFound));
}

TEST_F(Published, RefusesOtherBytesThanTheTargets) {
  ReleaseManifest other = release;
  other.sequence = 6;
  EXPECT_FALSE(StatementVerifier::release(target(release.target_path()), core::as_bytes(other.encode())));
  std::string flipped = release.encode();
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_TRUE(refused(StatementVerifier::release(target(release.target_path()), core::as_bytes(flipped)), TrustCode::kHash));
}

// Answers: MF-11, KM-03, T-33
TEST_F(Published, RefusesAReleaseOrChannelFromTheIndexRole) {
  ReleaseManifest forged = release;
  forged.release_id = "forged-1";
  repository.add_target("payload-index", forged.target_path(), forged.encode());
  Channel channel = sample_channel(forged);
  channel.name = "forged";
  repository.add_target("payload-index", channel.target_path(), channel.encode());
  repository.publish({"payload-index"});
  EXPECT_TRUE(refused(StatementVerifier::release(target(forged.target_path()), core::as_bytes(forged.encode())),
                      TrustCode::kStatementMismatch));
  EXPECT_TRUE(refused(StatementVerifier::channel(target(channel.target_path()), core::as_bytes(channel.encode())),
                      TrustCode::kStatementMismatch));
}

// Answers: MF-11, T-33
TEST_F(Published, RefusesAnIndexThatNamesANewImage) {
  const auto verified = verified_release();
  PayloadIndex index = sample_index(release);
  index.images.front().image_digest = sample_digest("implant");
  repository.add_target("payload-index", index.target_path(), index.encode());
  repository.publish({"payload-index"});
  EXPECT_TRUE(refused(
      StatementVerifier::payload_index(target(index.target_path()), core::as_bytes(index.encode()), *verified),
      TrustCode::kIndexMismatch));
}

TEST_F(Published, RefusesAnIndexOfAnotherReleaseOrSize) {
  const auto verified = verified_release();
  PayloadIndex index = sample_index(release);
  index.release = sample_digest("another release");
  EXPECT_TRUE(refused(check_index(index, **verified, release.digest()), TrustCode::kIndexMismatch));
  index = sample_index(release);
  index.images.front().payloads.front().image_size += 4096;
  EXPECT_TRUE(refused(check_index(index, **verified, release.digest()), TrustCode::kIndexMismatch));
  EXPECT_TRUE(accepted(check_index(sample_index(release), **verified, release.digest())));
}

// The online role can neither publish a confidential image in the clear nor lock devices out of a public one.
// Answers: CF-01, T-37
TEST_F(Published, EncryptionIsDecidedByTheReleaseAndNotByTheIndex) {
  const auto verified = verified_release();
  PayloadIndex index = sample_index(release);
  index.images.front().payloads.front().key_id = sample_digest("key");
  EXPECT_TRUE(refused(check_index(index, **verified, release.digest()), TrustCode::kIndexMismatch));
  EXPECT_EQ(*PayloadIndex::parse(core::as_bytes(index.encode()))->images.front().payloads.front().key_id, sample_digest("key"));
  ReleaseManifest confidential = **verified;
  confidential.encryption = Requirement::kRequired;
  EXPECT_TRUE(refused(check_index(sample_index(release), confidential, release.digest()), TrustCode::kIndexMismatch));
}

TEST_F(Published, RefusesAStatementAtAnotherPath) {
  repository.add_target("targets", "releases/other/release.json", release.encode());
  repository.publish();
  EXPECT_TRUE(refused(StatementVerifier::release(target("releases/other/release.json"), core::as_bytes(release.encode())),
                      TrustCode::kStatementMismatch));
}

TEST_F(Published, AChannelSelectsExactlyOneRelease) {
  const auto verified = verified_release();
  const auto with = [&](const std::function<void(Channel&)>& change) {
    Channel channel = sample_channel(release);
    change(channel);
    repository.add_target("targets", channel.target_path(), channel.encode());
    repository.publish();
    const auto read = StatementVerifier::channel(target(channel.target_path()), core::as_bytes(channel.encode()));
    EXPECT_TRUE(accepted(read));
    return StatementVerifier::selects(*read, *verified);
  };
  EXPECT_TRUE(accepted(with([](Channel&) {})));
  EXPECT_TRUE(refused(with([](Channel& c) { c.release = sample_digest("x"); }), TrustCode::kStatementMismatch));
  EXPECT_TRUE(refused(with([](Channel& c) { c.sequence = 6; }), TrustCode::kStatementMismatch));
  EXPECT_TRUE(refused(with([](Channel& c) { c.product = sample_uuid(9); }), TrustCode::kStatementMismatch));
}

}  // namespace
}  // namespace aseptic::trust::test
