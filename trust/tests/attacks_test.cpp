// SPDX-License-Identifier: Apache-2.0
// The attacks that the TUF specification names, one test each: refused, with the right reason, and the client's
// files byte-identical. The same attacks run through the real binaries in tests/e2e.
#include "aseptic/trust/limits.h"
#include "aseptic/trust/time_floor.h"
#include "damage.h"
#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

using std::chrono::hours;

class Attack : public testing::Test {
 protected:
  HostileRepository repository;
  TestClient client{repository.roots[1]};
  core::UtcTime now = repository.now;

  void SetUp() override {
    repository.add_target("targets", "firmware", "genuine");
    repository.publish();
    ASSERT_TRUE(accepted(client.refresh_and_find(repository, "firmware", now)));
  }
  // The update is refused for this reason and nothing that the client holds has changed.
  void expect_refused(const HostileRepository& attacker, TrustCode code) {
    const auto root = client.root;
    const auto cache = client.cache;
    EXPECT_TRUE(refused(client.refresh_and_find(attacker, "firmware", now), code));
    EXPECT_EQ(client.root, root);
    EXPECT_EQ(client.cache, cache);
  }
  HostileRepository attacker() { return repository; }
};

// Answers: VF-09, KM-02, T-01
TEST_F(Attack, ArbitraryInstallationIsRefused) {
  HostileRepository evil = attacker();
  evil.add_target("targets", "firmware", "evil");
  evil.signers["timestamp"] = evil.signers["snapshot"] = evil.signers["targets"] = {TestKey::ed25519(200)};
  evil.publish();
  expect_refused(evil, TrustCode::kThreshold);
}

// Answers: T-01, T-03
TEST_F(Attack, UnsignedMetadataIsRefused) {
  HostileRepository evil = attacker();
  evil.signers["timestamp"].clear();
  evil.publish();
  expect_refused(evil, TrustCode::kThreshold);
}

// Answers: DL-01, T-15, T-35
TEST_F(Attack, EndlessDataStopsAtTheLimitOfEachRole) {
  for (const auto& [role, limit] : {std::pair{"timestamp", kTimestampBytesMax}, std::pair{"snapshot", kSnapshotBytesMax},
                                    std::pair{"targets", kTargetsBytesMax}}) {
    TestClient victim(repository.roots[1]);
    victim.in_transit = [file = std::string(role), size = limit](const std::string& name, std::string bytes) {
      if (name.ends_with(file)) bytes.append(size, ' ');
      return bytes;
    };
    EXPECT_TRUE(refused(victim.refresh(repository, now), TrustCode::kEndless)) << role;
  }
}

// Answers: T-15
TEST_F(Attack, AnEndlessChainOfDelegationsStopsAtTheLimit) {
  HostileRepository evil = attacker();
  std::string delegator = "targets";
  for (int i = 0; i < 40; ++i) {
    const std::string role = "r" + std::to_string(i);
    evil.delegate({.delegator = delegator, .role = role, .keys = {TestKey::ed25519(201)}});
    delegator = role;
  }
  evil.publish();
  EXPECT_TRUE(refused(client.refresh_and_find(evil, "elsewhere", now), TrustCode::kEndless));
}

// Answers: MF-07, T-14
TEST_F(Attack, AnExtraneousDependencyIsRefused) {
  ReleaseManifest release = sample_release();
  release.components[0].dependencies.push_back({.component = sample_uuid(99), .sequence_min = 1});
  EXPECT_TRUE(refused(applicable(release, release.digest(), {}, sample_device()), TrustCode::kDependency));
}

// Answers: RC-11, T-10
TEST_F(Attack, AFastForwardIsUndoneByReplacingTheKeys) {
  HostileRepository evil = attacker();
  evil.timestamp.version = evil.snapshot.version = evil.targets().version = (1LL << 53) - 2;
  evil.publish_snapshot();
  ASSERT_TRUE(accepted(client.refresh(evil, now)));  // the thief has the online keys
  EXPECT_TRUE(refused(client.refresh(repository, now), TrustCode::kRollback));
  repository.set_keys("timestamp", {TestKey::ed25519(210)});
  repository.set_keys("snapshot", {TestKey::ed25519(211)});
  repository.publish_root();
  EXPECT_TRUE(accepted(client.refresh(repository, now)));
}

// Answers: T-10, T-35
TEST_F(Attack, AVersionBeyondAllIntegersIsRefused) {
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name == "timestamp") bytes.replace(bytes.find("\"version\":"), 10, "\"version\":9223372036854775807");
    return bytes;
  };
  EXPECT_FALSE(client.refresh(repository, now));
}

// Answers: MF-02, DL-07, T-08
TEST_F(Attack, AnIndefiniteFreezeEndsAtTheExpiry) {
  now = repository.timestamp.expires;
  expect_refused(repository, TrustCode::kFreeze);
}

// Answers: MF-02, LG-09, T-08, T-69
TEST_F(Attack, AFreezeWithTheClockSetBackEndsAtTheFloor) {
  HostileRepository later(now + hours(24 * 60));
  // The device once saw a timestamp of two months later; then its clock is set back and the old one is replayed.
  const TimeFloor floor{.time = *later.timestamp.issued, .key = core::sha256("k")};
  now = judged_time(now - hours(24 * 365), now - hours(24 * 400), floor);
  expect_refused(repository, TrustCode::kFreeze);
}

// Answers: MF-01, T-05
TEST_F(Attack, RollbackOfTheTimestampIsRefused) {
  HostileRepository evil = attacker();
  --evil.timestamp.version;
  expect_refused(evil, TrustCode::kRollback);
}
// Answers: MF-01, T-05
TEST_F(Attack, RollbackOfTheSnapshotIsRefused) {
  HostileRepository evil = attacker();
  evil.snapshot.version -= 1;
  evil.publish_timestamp();
  expect_refused(evil, TrustCode::kRollback);
}
// Answers: MF-01, T-05
TEST_F(Attack, RollbackOfTheTargetsIsRefused) {
  HostileRepository evil = attacker();
  --evil.targets().version;
  evil.publish_snapshot();
  const auto cache = client.cache;
  EXPECT_TRUE(refused(client.refresh(evil, now), TrustCode::kRollback));
  EXPECT_EQ(client.cache.find("snapshot")->second, cache.find("snapshot")->second);
  EXPECT_EQ(client.cache.find("targets")->second, cache.find("targets")->second);
  // CVE-2025-2888: the timestamp that was accepted before must not block the repository's next one.
  evil.targets().version += 2;
  evil.publish_snapshot();
  EXPECT_TRUE(accepted(client.refresh(evil, now)));
}
// Answers: MF-01, KM-04, T-05, T-21
TEST_F(Attack, RollbackOfTheRootIsRefused) {
  repository.publish_root();
  ASSERT_TRUE(accepted(client.refresh(repository, now)));
  HostileRepository evil = attacker();
  evil.roots[3] = repository.roots[1];
  expect_refused(evil, TrustCode::kRootChain);
}

// Answers: MF-14, T-11
TEST_F(Attack, MixAndMatchOfOldAndNewFilesIsRefused) {
  const std::string old_snapshot = repository.snapshot_file(), old_targets = repository.role_file("targets");
  repository.publish();
  for (const auto& [role, old] : {std::pair{"snapshot", old_snapshot}, std::pair{"targets", old_targets}}) {
    TestClient victim(repository.roots[1]);
    victim.in_transit = [file = std::string(role), replay = old](const std::string& name, std::string bytes) {
      return name.ends_with(file) ? replay : bytes;
    };
    EXPECT_TRUE(refused(victim.refresh(repository, now), TrustCode::kMixAndMatch)) << role;
  }
}

// Answers: MF-03, T-13
TEST_F(Attack, AnotherValidTargetUnderTheWantedNameIsRefused) {
  repository.add_target("targets", "other", "signed as well");
  repository.publish();
  const auto wanted = client.refresh_and_find(repository, "firmware", now);
  ASSERT_TRUE(accepted(wanted));
  EXPECT_TRUE(refused(check_target_bytes(*wanted, core::as_bytes("signed as well")), TrustCode::kLength));
  using namespace std::string_view_literals;
  for (const auto name : {"./firmware"sv, "/firmware"sv, "firmware/"sv, "FIRMWARE"sv, "firmware\0x"sv, "%66irmware"sv,
                          "../firmware"sv, ""sv})
    EXPECT_TRUE(refused(client.refresh_and_find(repository, name, now), TrustCode::kNotFound)) << name;
}

// Answers: KM-02, T-20
TEST_F(Attack, KeysBelowTheThresholdReleaseNothing) {
  const std::vector<TestKey> persons = {TestKey::ed25519(220), TestKey::ed25519(221), TestKey::ed25519(222)};
  repository.set_keys("targets", persons, 2);
  repository.publish_root();
  repository.publish();
  ASSERT_TRUE(accepted(client.refresh(repository, now)));
  HostileRepository evil = attacker();
  evil.add_target("targets", "firmware", "evil");
  evil.signers["targets"] = {persons[1]};  // one person's key is stolen, and the online keys as well
  evil.publish();
  const std::string targets = client.cache["targets"];
  EXPECT_TRUE(refused(client.refresh(evil, now), TrustCode::kThreshold));
  EXPECT_EQ(client.cache["targets"], targets);
}

// Answers: KM-02, KM-04, T-20, T-21
TEST_F(Attack, RootKeysBelowTheThresholdReplaceNothing) {
  const std::vector<TestKey> persons = {TestKey::ed25519(220), TestKey::ed25519(221), TestKey::ed25519(222)};
  const std::vector<TestKey> first = repository.signers["root"];
  repository.set_keys("root", persons, 2);
  repository.publish_root(first);
  ASSERT_TRUE(accepted(client.refresh(repository, now)));
  HostileRepository evil = attacker();
  evil.set_keys("root", {persons[0]}, 1);
  evil.publish_root();
  expect_refused(evil, TrustCode::kThreshold);
}

// Answers: KM-03
TEST_F(Attack, AKeyOfOneRoleSignsForNoOther) {
  for (const char* role : {"timestamp", "snapshot", "targets"}) {
    HostileRepository evil = attacker();
    for (const char* thief : {"timestamp", "snapshot", "targets"}) {
      if (std::string_view(thief) == role) continue;
      evil.signers[role] = repository.signers[thief];
      TestClient victim(repository.roots[1]);
      EXPECT_TRUE(refused(victim.refresh(evil, now), TrustCode::kThreshold)) << thief << " signs " << role;
    }
  }
}

// Answers: T-13
TEST_F(Attack, ADelegatedKeyCannotSpeakOutsideItsPaths) {
  const TestKey thief = TestKey::ed25519(230);
  repository.delegate({.delegator = "targets", .role = "contractor", .paths = {"contractor/*"}, .keys = {thief}});
  repository.add_target("contractor", "other", "evil");
  repository.add_target("contractor", "firmware", "evil");
  repository.publish({"targets", "contractor"});
  const auto found = client.refresh_and_find(repository, "firmware", now);
  ASSERT_TRUE(accepted(found));
  EXPECT_EQ((*found)->role, "targets");
  EXPECT_TRUE(refused(client.refresh_and_find(repository, "other", now), TrustCode::kNotFound));
}

// GHSA-77hh-43cm-v8j6: keys for a role come from its delegator's list and from nowhere else.
TEST_F(Attack, ARoleThatNobodyDelegatesToHasNoAuthority) {
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(231)}});
  const Delegations& delegations = *repository.targets().delegations;
  EXPECT_TRUE(delegations.authority("a").has_value());
  for (const char* role : {"b", "", "targets", "root", "A"}) EXPECT_FALSE(delegations.authority(role).has_value()) << role;
}

// Answers: VF-02, T-04
TEST_F(Attack, EveryRoleRefusesDuplicateSignatures) {
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(232)}});
  repository.add_target("a", "thing", "x");
  repository.publish({"targets", "a"});
  for (const char* role : {"timestamp", "snapshot", "targets", "a"}) {
    HostileRepository evil = attacker();
    evil.signers[role].push_back(evil.signers[role].front());
    TestClient victim(repository.roots[1]);
    EXPECT_TRUE(refused(victim.refresh_and_find(evil, "thing", now), TrustCode::kDuplicateSignature)) << role;
  }
  HostileRepository evil = attacker();
  evil.publish_root(evil.signers["root"]);
  TestClient victim(repository.roots[1]);
  EXPECT_TRUE(refused(victim.refresh(evil, now), TrustCode::kDuplicateSignature));
}

// Answers: VF-01, T-38
// CVE-2026-23991: malformed JSON that is valid syntax was a panic. Each file with each member damaged in turn, signed by
// the right keys, so that only our own checks stand.
TEST_F(Attack, NoDamagedMemberOfASignedFileIsACrash) {
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(232)}});
  repository.add_target("a", "thing", "x");
  repository.publish({"targets", "a"});
  std::size_t cases = 0;
  const auto damage = [&](const std::string& role, const core::JsonValue& part) {
    for_each_damage(part, [&](const core::JsonValue& damaged) {
      const std::string file = signed_file(damaged, repository.signers.find(role)->second);
      TestClient victim(repository.roots[1]);
      victim.in_transit = [&](const std::string& name, std::string bytes) { return name.ends_with(role) ? file : bytes; };
      (void)victim.refresh_and_find(repository, "thing", now);
      ++cases;
    });
  };
  damage("timestamp", repository.timestamp.encode());
  damage("snapshot", repository.snapshot.encode());
  damage("targets", repository.targets().encode());
  damage("a", repository.roles["a"].encode());
  EXPECT_GT(cases, 300U);
}

}  // namespace
}  // namespace aseptic::trust::test
