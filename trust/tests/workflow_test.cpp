// SPDX-License-Identifier: Apache-2.0
// The client workflow of TUF 1.0.34 section 5, clause by clause, in the order of the specification.
#include <chrono>

#include "aseptic/trust/limits.h"
#include "expect.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

using std::chrono::hours;
constexpr hours kDay{24};

class Workflow : public testing::Test {
 protected:
  HostileRepository repository;
  TestClient client{repository.roots[1]};
  core::UtcTime now = repository.now;

  // A client that has refreshed once.
  void settle() { ASSERT_TRUE(accepted(client.refresh(repository, now))); }
};

// 5.1, 5.3.10: one start time for all expiry checks.
TEST_F(Workflow, JudgesEveryExpiryByTheOneStartTime) {
  repository.root.expires = now + hours(1);
  repository.publish_root();
  repository.timestamp.expires = now + hours(1);
  EXPECT_TRUE(accepted(client.refresh(repository, now + hours(1) - std::chrono::seconds(1))));
  EXPECT_TRUE(refused(client.refresh(repository, now + hours(1)), TrustCode::kFreeze));
}

// 5.2
TEST_F(Workflow, TakesAnExpiredTrustedRootAsStartingPoint) {
  repository.root.expires = now + kDay * 1000;
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now + kDay * 29)));
  EXPECT_TRUE(accepted(TrustedMetadata::from_root(core::as_bytes(repository.roots[1]))));
}

TEST_F(Workflow, ChecksTheTrustedRootsOwnSignaturesBeforeAnyRequest) {
  const std::string stranger = signed_file(repository.root.encode(), {TestKey::ed25519(99)});
  TestClient misled(stranger);
  EXPECT_TRUE(refused(misled.refresh(repository, now), TrustCode::kThreshold));
  EXPECT_TRUE(misled.requests.empty());
}

TEST_F(Workflow, RefusesATrustedRootWithoutVersion) {
  core::JsonValue part = repository.root.encode();
  part.as_object()->erase("version");
  EXPECT_TRUE(refused(TrustedMetadata::from_root(core::as_bytes(signed_file(part, repository.signers["root"]))),
                      TrustCode::kFormat));
}

// 5.3.2, 5.3.3
TEST_F(Workflow, AsksForExactlyTheNextRootThenTimestampSnapshotTargets) {
  settle();
  EXPECT_EQ(client.requests, (std::vector<std::string>{"timestamp", "1.snapshot", "1.targets"}));
  const auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  ASSERT_TRUE(accepted(trusted));
  EXPECT_EQ(trusted->next_root_request().version, 2U);
  EXPECT_EQ(trusted->next_root_request().bytes_max, kRootBytesMax);
}

TEST_F(Workflow, RefusesARootLargerThanItsLimit) {
  auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  repository.publish_root();
  std::string padded = repository.roots[2];
  padded.resize(kRootBytesMax, ' ');
  EXPECT_TRUE(accepted(trusted->update_root(core::as_bytes(padded))));
  repository.publish_root();
  padded = repository.roots[3];
  padded.resize(kRootBytesMax + 1, ' ');
  EXPECT_TRUE(refused(trusted->update_root(core::as_bytes(padded)), TrustCode::kEndless));
  EXPECT_EQ(trusted->root().version, 2U);
}

// Answers: KM-04
// python-tuf#2672: 32 rotations per run stranded devices.
TEST_F(Workflow, FollowsAThousandRootsInOneRunAndGoesOnInTheNext) {
  for (std::uint32_t i = 0; i < kRootRotationsPerRunMax + 3; ++i) repository.publish_root();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kEndless));
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
  const auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  EXPECT_EQ(trusted->root().version, kRootRotationsPerRunMax + 4);
}

// 5.3.4
// Answers: T-21
TEST_F(Workflow, RefusesANewRootThatOldKeysDidNotSign) {
  repository.set_keys("root", {TestKey::ed25519(50)});
  repository.publish_root();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
  EXPECT_EQ(client.root, repository.roots[1]);
}

// CVE-2020-15163: the new root's own threshold was not checked.
// Answers: T-21
TEST_F(Workflow, RefusesANewRootThatItsOwnKeysDidNotSign) {
  const std::vector<TestKey> old = repository.signers["root"];
  repository.set_keys("root", {TestKey::ed25519(50)});
  repository.signers["root"] = old;
  repository.publish_root();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
  EXPECT_EQ(client.root, repository.roots[1]);
}

// Answers: KM-04, RB-03
TEST_F(Workflow, FollowsAKeyRotationSignedByBothSides) {
  const std::vector<TestKey> old = repository.signers["root"];
  repository.set_keys("root", {TestKey::ed25519(50), TestKey::ed25519(51)}, 2);
  repository.publish_root(old);
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
  EXPECT_EQ(client.root, repository.roots[3]);
}

// 5.3.5, CVE-2025-2885
// Answers: T-21
TEST_F(Workflow, RefusesARootThatSkipsAVersion) {
  ++repository.root.version;
  repository.publish_root();
  repository.roots[2] = repository.roots[3];
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRootChain));
}

TEST_F(Workflow, RefusesTheSameRootAgainAsTheNext) {
  repository.roots[2] = repository.roots[1];
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRootChain));
}

// 5.3.6 to 5.3.8
TEST_F(Workflow, CrossesExpiredIntermediateRoots) {
  repository.root.expires = now - kDay;
  repository.publish_root();
  repository.root.expires = now + kDay;
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// 5.3.10
TEST_F(Workflow, RefusesToGoOnUnderAnExpiredFinalRootButKeepsIt) {
  repository.root.expires = now - kDay;
  repository.publish_root();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kFreeze));
  EXPECT_EQ(client.root, repository.roots[2]);
  repository.root.expires = now + kDay;
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// Answers: RC-11
// 5.3.11: fast-forward recovery of the timestamp.
TEST_F(Workflow, RecoversFromAFastForwardedTimestampWhenItsKeyIsReplaced) {
  repository.timestamp.version = 9'000'000'000;
  settle();
  repository.set_keys("timestamp", {TestKey::ed25519(60)});
  repository.timestamp.version = 1;
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// Answers: RC-11
// 5.3.11: only the snapshot's key is replaced, yet the timestamp that lists the poisoned version must go as well.
TEST_F(Workflow, RecoversFromAFastForwardedSnapshotWhenItsKeyIsReplaced) {
  repository.snapshot.version = 9'000'000'000;
  repository.publish_timestamp();
  settle();
  repository.snapshot.version = 2;
  repository.publish_timestamp();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
  repository.set_keys("snapshot", {TestKey::ed25519(60)});
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// Answers: RC-11
TEST_F(Workflow, RecoversFromAFastForwardedTargetsWhenTheSnapshotKeyIsReplaced) {
  repository.targets().version = 9'000'000'000;
  repository.publish_snapshot();
  settle();
  repository.targets().version = 2;
  repository.publish_snapshot();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
  repository.set_keys("snapshot", {TestKey::ed25519(60)});
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

TEST_F(Workflow, KeepsTheRollbackReferenceAcrossARotationOfOtherKeys) {
  repository.publish();
  settle();
  repository.set_keys("targets", {TestKey::ed25519(61)});
  repository.publish_root();
  repository.timestamp.version = 1;
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
}

// 5.3.12: consistent_snapshot comes from the final root.
TEST_F(Workflow, UsesPlainNamesWithoutConsistentSnapshots) {
  repository.root.consistent_snapshot = false;
  repository.publish_root();
  settle();
  EXPECT_EQ(client.requests, (std::vector<std::string>{"2.root", "timestamp", "snapshot", "targets"}));
}

// 5.4.2
TEST_F(Workflow, RefusesATimestampOfForeignKeys) {
  repository.signers["timestamp"] = {TestKey::ed25519(99)};
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
  EXPECT_FALSE(client.cache.contains("timestamp"));
}

// 5.4.3
TEST_F(Workflow, RefusesAnOlderTimestamp) {
  repository.publish_timestamp();
  settle();
  --repository.timestamp.version;
  const std::string before = client.cache["timestamp"];
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
  EXPECT_EQ(client.cache["timestamp"], before);
}

TEST_F(Workflow, KeepsItsOwnTimestampWhenTheVersionIsEqual) {
  settle();
  const std::string before = client.cache["timestamp"];
  repository.timestamp.snapshot.version = 100;
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
  EXPECT_EQ(client.cache["timestamp"], before);
}

TEST_F(Workflow, RefusesATimestampThatListsAnOlderSnapshot) {
  repository.publish_snapshot();
  settle();
  repository.snapshot.version = 1;
  repository.publish_timestamp();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
}

// 5.4.4
TEST_F(Workflow, RefusesAnExpiredTimestampAndDoesNotKeepIt) {
  settle();
  repository.timestamp.expires = now - kDay;
  repository.publish_timestamp();
  const std::string before = client.cache["timestamp"];
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kFreeze));
  EXPECT_EQ(client.cache["timestamp"], before);
}

TEST_F(Workflow, RefusesAReplayedTimestampOnceItHasExpired) {
  repository.timestamp.expires = now + kDay;
  settle();
  EXPECT_TRUE(refused(client.refresh(repository, now + kDay), TrustCode::kFreeze));
}

TEST_F(Workflow, UpdatesFromExpiredCachedMetadata) {
  repository.timestamp.expires = now + kDay * 7;
  settle();
  repository.timestamp.expires = now + kDay * 21;
  repository.publish();
  EXPECT_TRUE(accepted(client.refresh(repository, now + kDay * 18)));
}

TEST_F(Workflow, UsesExpiredCachedMetadataForTheRollbackCheck) {
  repository.timestamp.expires = now + kDay * 7;
  repository.publish();
  settle();
  repository.timestamp.expires = now + kDay * 21;
  repository.timestamp.version = 1;
  EXPECT_TRUE(refused(client.refresh(repository, now + kDay * 18), TrustCode::kRollback));
}

TEST_F(Workflow, RefusesATimestampLargerThanItsLimit) {
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name == "timestamp") bytes.resize(kTimestampBytesMax + 1, ' ');
    return bytes;
  };
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kEndless));
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name == "timestamp") bytes.resize(kTimestampBytesMax, ' ');
    return bytes;
  };
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// 5.5.1: the length in the timestamp is the cap.
TEST_F(Workflow, CapsTheSnapshotAtItsListedLength) {
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  repository.publish();
  auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  ASSERT_TRUE(accepted(trusted->finish_root(now)));
  ASSERT_TRUE(accepted(trusted->update_timestamp(core::as_bytes(repository.timestamp_file()))));
  EXPECT_EQ(trusted->snapshot_request()->bytes_max, repository.snapshot_file().size());
  EXPECT_TRUE(refused(trusted->update_snapshot(core::as_bytes(repository.snapshot_file() + " ")), TrustCode::kLength));
  EXPECT_TRUE(accepted(trusted->update_snapshot(core::as_bytes(repository.snapshot_file()))));
}

TEST_F(Workflow, NeverAsksForMoreThanTheNamedLimitWhateverIsListed) {
  repository.timestamp.snapshot.length = 1ULL << 52;
  auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  ASSERT_TRUE(accepted(trusted->finish_root(now)));
  ASSERT_TRUE(accepted(trusted->update_timestamp(core::as_bytes(repository.timestamp_file()))));
  EXPECT_EQ(trusted->snapshot_request()->bytes_max, kSnapshotBytesMax);
}

// 5.5.2: hashes are checked before signatures: the bytes below are not even JSON.
// Answers: VF-01, T-38
TEST_F(Workflow, ChecksTheSnapshotsHashBeforeReadingIt) {
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  repository.publish();
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name.ends_with("snapshot")) bytes.front() = '!';
    return bytes;
  };
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kHash));
}

// 5.5.3
TEST_F(Workflow, RefusesASnapshotOfForeignKeys) {
  repository.signers["snapshot"] = {TestKey::ed25519(99)};
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
  EXPECT_TRUE(client.cache.contains("timestamp"));
  EXPECT_FALSE(client.cache.contains("snapshot"));
}

// 5.5.4
// Answers: VF-09
TEST_F(Workflow, RefusesASnapshotOfAnotherVersionThanListed) {
  ++repository.snapshot.version;
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kMixAndMatch));
  EXPECT_FALSE(client.cache.contains("snapshot"));
}

// 5.5.5
TEST_F(Workflow, RefusesASnapshotInWhichTargetsGoBack) {
  repository.publish();
  settle();
  repository.targets().version = 1;
  repository.publish_snapshot();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
}

TEST_F(Workflow, RefusesASnapshotFromWhichARoleVanished) {
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(20)}});
  repository.publish();
  settle();
  repository.roles.erase("a");
  repository.snapshot.meta.erase("a");
  repository.publish_snapshot();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
}

TEST_F(Workflow, RefusesASnapshotInWhichADelegatedRoleGoesBack) {
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(20)}});
  repository.publish({"targets", "a"});
  settle();
  repository.roles["a"].version = 1;
  repository.publish_snapshot();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
}

// 5.5.6
TEST_F(Workflow, RefusesAnExpiredSnapshot) {
  settle();
  repository.snapshot.expires = now - kDay;
  repository.publish();
  const std::string before = client.cache["snapshot"];
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kFreeze));
  EXPECT_EQ(client.cache["snapshot"], before);
}

TEST_F(Workflow, FetchesTheSnapshotAgainWhenTheCachedOneHasExpired) {
  repository.snapshot.expires = now + kDay;
  settle();
  EXPECT_TRUE(refused(client.refresh(repository, now + kDay), TrustCode::kFreeze));
  repository.snapshot.expires = now + kDay * 2;
  repository.publish();
  EXPECT_TRUE(accepted(client.refresh(repository, now + kDay)));
}

// A cached snapshot whose version is right and whose bytes are not the listed ones is no snapshot of today.
TEST_F(Workflow, FetchesTheSnapshotAgainWhenItsBytesAreNotTheListedOnes) {
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  repository.publish();
  settle();
  const std::string genuine = client.cache["snapshot"];
  HostileRepository other = repository;
  other.snapshot.expires -= hours(1);
  client.cache["snapshot"] = other.snapshot_file();
  settle();
  EXPECT_EQ(client.cache["snapshot"], genuine);
  // The same length: only the hash tells them apart.
  ASSERT_EQ(other.snapshot_file().size(), genuine.size());
}

TEST_F(Workflow, DoesNotFetchWhatItAlreadyHas) {
  settle();
  client.requests.clear();
  settle();
  EXPECT_EQ(client.requests, (std::vector<std::string>{"timestamp"}));
}

// 5.6.2 to 5.6.6
TEST_F(Workflow, RefusesTargetsThatDoNotMatchTheSnapshotsHash) {
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  repository.publish();
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name.ends_with("targets")) bytes.back() = ' ';
    return bytes;
  };
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kHash));
}

TEST_F(Workflow, RefusesTargetsOfForeignKeys) {
  repository.signers["targets"] = {TestKey::ed25519(99)};
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kThreshold));
}

TEST_F(Workflow, RefusesTargetsOfAnotherVersionThanListed) {
  ++repository.targets().version;
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kMixAndMatch));
}

TEST_F(Workflow, RefusesExpiredTargets) {
  repository.targets().expires = now - kDay;
  repository.publish();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kFreeze));
  EXPECT_FALSE(client.cache.contains("targets"));
}

TEST_F(Workflow, RefusesTargetsLargerThanTheirLimit) {
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name.ends_with("targets")) bytes.resize(kTargetsBytesMax + 1, ' ');
    return bytes;
  };
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kEndless));
}

TEST_F(Workflow, RefusesASnapshotThatDoesNotListTargets) {
  repository.roles.clear();
  repository.snapshot.meta.clear();
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kNotListed));
}

// 5.7.2, 5.7.3
TEST_F(Workflow, ChecksLengthAndEveryHashOfATarget) {
  repository.add_target("targets", "file", "content");
  repository.targets().targets["file"].hashes.sha512 = core::sha512(core::as_bytes("content"));
  repository.publish();
  const auto target = client.refresh_and_find(repository, "file", now);
  ASSERT_TRUE(accepted(target));
  EXPECT_TRUE(accepted(check_target_bytes(*target, core::as_bytes("content"))));
  EXPECT_TRUE(refused(check_target_bytes(*target, core::as_bytes("content!")), TrustCode::kLength));
  EXPECT_TRUE(refused(check_target_bytes(*target, core::as_bytes("Content")), TrustCode::kHash));
  (*repository.targets().targets["file"].hashes.sha512)[0] ^= 1;
  repository.publish();
  const auto other = client.refresh_and_find(repository, "file", now);
  ASSERT_TRUE(accepted(other));
  EXPECT_TRUE(refused(check_target_bytes(*other, core::as_bytes("content")), TrustCode::kHash));
}

// Facts 16: a failed step leaves the client able to update later.
TEST_F(Workflow, CanUpdateAfterEachKindOfRefusal) {
  settle();
  const HostileRepository good = repository;
  using Fault = std::function<void(HostileRepository&)>;
  const std::vector<Fault> faults = {
      [](HostileRepository& r) { r.signers["timestamp"] = {TestKey::ed25519(99)}; },
      [](HostileRepository& r) { r.timestamp.expires = r.now - kDay; r.publish_timestamp(); },
      [](HostileRepository& r) { r.publish(); r.signers["snapshot"] = {TestKey::ed25519(99)}; },
      [](HostileRepository& r) { r.publish(); ++r.snapshot.version; },
      [](HostileRepository& r) { r.publish(); r.signers["targets"] = {TestKey::ed25519(99)}; },
      [](HostileRepository& r) { r.publish(); ++r.targets().version; },
  };
  for (const Fault& fault : faults) {
    HostileRepository bad = good;
    fault(bad);
    EXPECT_FALSE(client.refresh(bad, now));
  }
  for (int i = 0; i < 3; ++i) repository.publish();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

TEST_F(Workflow, ARefusedFileChangesNothing) {
  auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  ASSERT_TRUE(accepted(trusted->finish_root(now)));
  EXPECT_FALSE(trusted->update_timestamp(core::as_bytes("{}")));
  EXPECT_EQ(trusted->timestamp(), nullptr);
  ASSERT_TRUE(accepted(trusted->update_timestamp(core::as_bytes(repository.timestamp_file()))));
  EXPECT_FALSE(trusted->update_snapshot(core::as_bytes("{}")));
  EXPECT_EQ(trusted->snapshot(), nullptr);
  ASSERT_TRUE(accepted(trusted->update_snapshot(core::as_bytes(repository.snapshot_file()))));
  EXPECT_FALSE(trusted->update_targets(core::as_bytes("{}")));
  EXPECT_EQ(trusted->targets_version(), std::nullopt);
  EXPECT_TRUE(accepted(trusted->update_targets(core::as_bytes(repository.role_file("targets")))));
}

TEST_F(Workflow, RefusesStepsOutOfOrder) {
  auto trusted = TrustedMetadata::from_root(core::as_bytes(client.root));
  EXPECT_TRUE(refused(trusted->update_timestamp(core::as_bytes(repository.timestamp_file())), TrustCode::kOrder));
  EXPECT_TRUE(refused(trusted->update_snapshot(core::as_bytes(repository.snapshot_file())), TrustCode::kOrder));
  EXPECT_TRUE(refused(trusted->update_targets(core::as_bytes(repository.role_file("targets"))), TrustCode::kOrder));
  EXPECT_TRUE(refused(TargetSearch::begin(*trusted, "x"), TrustCode::kOrder));
  ASSERT_TRUE(accepted(trusted->finish_root(now)));
  repository.publish_root();
  EXPECT_TRUE(refused(trusted->update_root(core::as_bytes(repository.roots[2])), TrustCode::kOrder));
}

// Facts 17
TEST_F(Workflow, KeepsUnknownFieldsForTheSignature) {
  core::JsonValue part = repository.root.encode();
  (*part.as_object())["x-field"] = "kept";
  (*part.as_object())["version"] = 2;
  repository.roots[2] = signed_file(part, repository.signers["root"]);
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
  EXPECT_EQ(client.root, repository.roots[2]);
  const auto envelope = Envelope::parse(core::as_bytes(client.root), kRootBytesMax);
  ASSERT_TRUE(accepted(envelope));
  EXPECT_EQ(core::canonical_json(Root::parse(envelope->signed_part)->encode()), envelope->signed_bytes());
}

TEST_F(Workflow, AcceptsSpecificationOneAndRefusesOthers) {
  for (const char* version : {"1.0", "1.0.0", "1.0.34", "1.99.7"}) {
    repository.timestamp.spec_version = version;
    EXPECT_TRUE(accepted(client.refresh(repository, now))) << version;
    client.cache.clear();
  }
  for (const char* version : {"2.0.0", "0.9", "1", "1.", "1.x", "", "1..0", "10.0"}) {
    repository.timestamp.spec_version = version;
    EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kSpecVersion)) << version;
  }
}

TEST_F(Workflow, RefusesAFileOfAnotherRole) {
  // The same key signs both roles, so that only the type tells them apart.
  repository.set_keys("snapshot", repository.signers["timestamp"]);
  repository.publish_root();
  client.in_transit = [this](const std::string& name, std::string bytes) {
    return name.ends_with("snapshot") ? repository.timestamp_file() : bytes;
  };
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kWrongType)
              || refused(client.refresh(repository, now), TrustCode::kFormat));
}

TEST_F(Workflow, RemembersWhichKeySignedTheTimestamp) {
  const auto trusted = client.refresh(repository, now);
  ASSERT_TRUE(accepted(trusted));
  EXPECT_EQ(trusted->timestamp_key(), repository.signers["timestamp"].front().public_key().fingerprint());
}

}  // namespace
}  // namespace aseptic::trust::test
