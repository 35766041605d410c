// SPDX-License-Identifier: Apache-2.0
// The tree form of metadata, which publishers edit: what is read is written again, unknown members included.
#include "aseptic/trust/metadata.h"

#include "expect.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

template <typename Role>
void expect_round_trip(core::JsonValue part) {
  (*part.as_object())["x-note"] = "kept";
  const auto read = Role::parse(part);
  ASSERT_TRUE(accepted(read));
  EXPECT_EQ(read->encode(), part);
  (*part.as_object())["_type"] = "other";
  EXPECT_TRUE(refused(Role::parse(part), TrustCode::kWrongType));
}

class Metadata : public testing::Test {
 protected:
  HostileRepository repository;

  void SetUp() override {
    repository.meta_hashes = HostileRepository::MetaHashes::kYes;
    repository.add_target("targets", "file", "content");
    TargetEntry& entry = repository.targets().targets["file"];
    entry.hashes.sha512 = core::sha512(core::as_bytes("content"));
    entry.custom = core::JsonObject{{"hardware", "a"}};
    entry.unrecognized.emplace("x", 1);
    repository.delegate({.delegator = "targets", .role = "a", .terminating = true, .keys = {TestKey::ed25519(20)}});
    repository.delegate({.delegator = "targets", .role = "b", .keys = {TestKey::ed25519(21)}});
    repository.targets().delegations->roles.back().rule = {.path_hash_prefixes = {"0a"}, .by_hash = true};
    repository.targets().delegations->roles.back().unrecognized.emplace("x", 1);
    repository.publish();
  }
};

TEST_F(Metadata, WritesTheRootItReads) { expect_round_trip<Root>(repository.root.encode()); }
TEST_F(Metadata, WritesTheTimestampItReads) { expect_round_trip<Timestamp>(repository.timestamp.encode()); }
TEST_F(Metadata, WritesTheSnapshotItReads) { expect_round_trip<Snapshot>(repository.snapshot.encode()); }
TEST_F(Metadata, WritesTheTargetsItReads) { expect_round_trip<Targets>(repository.targets().encode()); }
TEST_F(Metadata, WritesTheHashBinsItReads) {
  repository.delegate_bins("targets", "bin", 4, TestKey::ed25519(22));
  repository.targets().delegations->succinct->unrecognized.emplace("x", 1);
  expect_round_trip<Targets>(repository.targets().encode());
}

// What the tree form refuses, the streamed form refuses as well, and the other way round.
TEST_F(Metadata, TreeAndStreamAgreeOnTargets) {
  const auto by_stream = [&](const core::JsonValue& part) {
    HostileRepository fresh;
    auto trusted = TrustedMetadata::from_root(core::as_bytes(fresh.roots[1]));
    (void)trusted->finish_root(fresh.now);
    (void)trusted->update_timestamp(core::as_bytes(fresh.timestamp_file()));
    (void)trusted->update_snapshot(core::as_bytes(fresh.snapshot_file()));
    return trusted->update_targets(core::as_bytes(signed_file(part, fresh.signers["targets"]))).has_value();
  };
  repository.targets().version = 1;
  const core::JsonValue good = repository.targets().encode();
  EXPECT_TRUE(by_stream(good));
  for (const char* name : {"targets", "delegations", "expires", "spec_version", "version"}) {
    for (const core::JsonValue& other : {core::JsonValue(nullptr), core::JsonValue(7), core::JsonValue(core::JsonArray{}),
                                         core::JsonValue(core::JsonObject{{"file", core::JsonArray{}}})}) {
      core::JsonValue part = good;
      (*part.as_object())[name] = other;
      if (std::string_view(name) == "version" && other == core::JsonValue(7)) continue;  // well formed, but not the listed one
      EXPECT_EQ(Targets::parse(part).has_value(), by_stream(part)) << name;
      EXPECT_FALSE(by_stream(part)) << name;
    }
  }
}

TEST_F(Metadata, RefusesAHashOfTheWrongLength) {
  core::JsonValue part = repository.targets().encode();
  core::JsonObject& entry = *(*(*part.as_object())["targets"].as_object())["file"].as_object();
  for (const core::JsonValue& hashes :
       {core::JsonValue(core::JsonObject{{"sha256", "00"}}), core::JsonValue(core::JsonObject{{"sha512", std::string(64, 'a')}}),
        core::JsonValue(core::JsonObject{{"md5", "d41d8cd98f00b204e9800998ecf8427e"}}), core::JsonValue(core::JsonObject{}),
        core::JsonValue(core::JsonObject{{"sha256", 7}})}) {
    entry["hashes"] = hashes;
    EXPECT_TRUE(refused(Targets::parse(part), TrustCode::kFormat)) << core::canonical_json(hashes);
  }
}

}  // namespace
}  // namespace aseptic::trust::test
