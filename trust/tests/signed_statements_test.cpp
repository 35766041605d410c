// SPDX-License-Identifier: Apache-2.0
// Statements with signatures of their own: who may sign, for whom, for how long, and what they can never say.
#include "aseptic/trust/limits.h"
#include "expect.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

using std::chrono::hours;

std::string by_single_key(const core::JsonValue& part, const TestKey& key) {
  Envelope envelope{.signatures = {}, .signed_part = part, .unrecognized = {}};
  envelope.set_signature({.keyid = single_key_id(key.public_key()), .value = key.sign(envelope.signed_bytes())});
  return envelope.encode();
}

TEST(AuthorityPolicyTest, IsAcceptedFromTheThresholdOfRootOnly) {
  HostileRepository repository;
  repository.set_keys("root", {TestKey::ed25519(30), TestKey::ed25519(31), TestKey::ed25519(32)}, 2);
  const core::JsonValue part = sample_policy().encode();
  const std::string good = signed_file(part, {TestKey::ed25519(30), TestKey::ed25519(32)});
  const auto policy = verify_authority_policy(core::as_bytes(good), repository.root);
  ASSERT_TRUE(accepted(policy));
  EXPECT_EQ(policy->encode(), part);
  EXPECT_TRUE(refused(verify_authority_policy(core::as_bytes(signed_file(part, {TestKey::ed25519(30)})), repository.root),
                      TrustCode::kThreshold));
  EXPECT_TRUE(refused(verify_authority_policy(core::as_bytes(signed_file(part, repository.signers["targets"])), repository.root),
                      TrustCode::kThreshold));
  const std::string root_file = signed_file(repository.root.encode(), repository.signers["root"]);
  EXPECT_TRUE(refused(verify_authority_policy(core::as_bytes(root_file), repository.root), TrustCode::kWrongType));
}

TEST(AuthorityPolicyTest, OutlivesARotationOfRootKeys) {
  HostileRepository repository;
  const std::string file = signed_file(sample_policy().encode(), repository.signers["root"]);
  const std::vector<TestKey> old = repository.signers["root"];
  repository.set_keys("root", {TestKey::ed25519(35)});
  repository.publish_root(old);
  EXPECT_TRUE(refused(verify_authority_policy(core::as_bytes(file), repository.root), TrustCode::kThreshold));
  EXPECT_TRUE(accepted(verify_provisioned_policy(core::as_bytes(file), core::as_bytes(repository.roots[1]))));
  const std::string later = signed_file(sample_policy().encode(), repository.signers["root"]);
  EXPECT_TRUE(refused(verify_provisioned_policy(core::as_bytes(later), core::as_bytes(repository.roots[1])),
                      TrustCode::kThreshold));
}

// Answers: MF-12, T-32
TEST(AuthorityPolicyTest, AMissingRequiredStatementIsARefusal) {
  const AuthorityPolicy policy = sample_policy();
  EXPECT_TRUE(accepted(check_statements(policy, {.image_repository = true, .director = true, .log = true})));
  EXPECT_TRUE(refused(check_statements(policy, {.director = true, .log = true}), TrustCode::kStatementMissing));
  EXPECT_TRUE(refused(check_statements(policy, {.image_repository = true, .log = true}), TrustCode::kStatementMissing));
  EXPECT_TRUE(refused(check_statements(policy, {.image_repository = true, .director = true}), TrustCode::kStatementMissing));
  AuthorityPolicy with_site = policy;
  with_site.site = Need::kRequired;
  EXPECT_TRUE(refused(check_statements(with_site, {.image_repository = true, .director = true, .log = true}),
                      TrustCode::kStatementMissing));
}

AuthorityPolicy policy_with(const TestKey& key) {
  AuthorityPolicy policy = sample_policy();
  policy.provisioning_keys = {key.tuf_key()};
  return policy;
}

TEST(AuthorityPolicyTest, KeepsItsProvisioningKeysAndRefusesNoneAndTwice) {
  core::JsonValue part = policy_with(TestKey::ed25519(40)).encode();
  const auto again = AuthorityPolicy::parse(part);
  ASSERT_TRUE(accepted(again));
  ASSERT_EQ(again->provisioning_keys.size(), 1U);
  EXPECT_EQ(again->encode(), part);
  core::JsonArray& keys = *part.as_object()->at("provisioning_keys").as_array();
  keys.push_back(keys.front());
  EXPECT_TRUE(refused(AuthorityPolicy::parse(part), TrustCode::kStatementFormat));
  keys.clear();
  EXPECT_TRUE(refused(AuthorityPolicy::parse(part), TrustCode::kStatementFormat));
}

// Answers: T-24, MF-03
TEST(ProvisioningAttributesTest, AreAcceptedFromAKeyOfThePolicyOnly) {
  const TestKey factory = TestKey::ed25519(40), stranger = TestKey::ed25519(41);
  const AuthorityPolicy policy = policy_with(factory);
  const core::JsonValue part = sample_attributes().encode();
  const auto good = verify_provisioning_attributes(core::as_bytes(signed_file(part, {factory})), policy, "pump-0001");
  ASSERT_TRUE(accepted(good));
  EXPECT_EQ(*good, sample_attributes());
  EXPECT_TRUE(refused(verify_provisioning_attributes(core::as_bytes(signed_file(part, {stranger})), policy, "pump-0001"), TrustCode::kThreshold));
  EXPECT_TRUE(refused(verify_provisioning_attributes(core::as_bytes(signed_file(part, {factory})), sample_policy(), "pump-0001"), TrustCode::kBadThreshold));
}

// Answers: T-24, T-25
TEST(ProvisioningAttributesTest, AreBoundToDeviceProductAndKind) {
  const TestKey factory = TestKey::ed25519(40);
  const AuthorityPolicy policy = policy_with(factory);
  const std::string file = signed_file(sample_attributes().encode(), {factory});
  EXPECT_TRUE(refused(verify_provisioning_attributes(core::as_bytes(file), policy, "pump-0002"), TrustCode::kWrongDevice));
  AuthorityPolicy other = policy;
  other.product = sample_uuid(9);
  EXPECT_TRUE(refused(verify_provisioning_attributes(core::as_bytes(file), other, "pump-0001"), TrustCode::kWrongProduct));
  const std::string director = signed_file(sample_director().encode(), {factory});
  EXPECT_TRUE(refused(verify_provisioning_attributes(core::as_bytes(director), policy, "pump-0001"), TrustCode::kWrongType));
}

// Answers: MF-11
TEST(ProvisioningAttributesTest, RefuseUnknownCriticalFieldsAndGroupsTwice) {
  ProvisioningAttributes attributes = sample_attributes();
  attributes.critical = {"room"};
  attributes.unrecognized["room"] = "12";
  EXPECT_TRUE(refused(ProvisioningAttributes::parse(attributes.encode()), TrustCode::kCriticalUnknown));
  attributes = sample_attributes();
  attributes.groups = {"icu", "icu"};
  EXPECT_TRUE(refused(ProvisioningAttributes::parse(attributes.encode()), TrustCode::kStatementFormat));
}

TEST(AuthorityPolicyTest, CannotDropTheImageRepository) {
  core::JsonValue part = sample_policy().encode();
  (*part.as_object())["image_repository"] = "not-used";
  EXPECT_TRUE(refused(AuthorityPolicy::parse(part), TrustCode::kStatementFormat));
}

// Answers: T-25
TEST(SignedStatement, IsOpenedAsItsOwnKindOnly) {
  const TestKey key = TestKey::ed25519(49);
  const SingleKeyAuthority authority("director", key.public_key());
  const std::string file = by_single_key(sample_director().encode(), key);
  EXPECT_TRUE(accepted(open_statement(core::as_bytes(file), kDirectorType, authority.authority(), kStatementBytesMax)));
  EXPECT_TRUE(refused(open_statement(core::as_bytes(file), kReportType, authority.authority(), kStatementBytesMax),
                      TrustCode::kWrongType));
}

class DirectorTest : public testing::Test {
 protected:
  TestKey key = TestKey::ed25519(50);
  SingleKeyAuthority authority{"director", key.public_key()};
  DirectorStatement statement = sample_director();
  DirectorContext context{.device = "pump-0001",
                          .components = {sample_uuid(10), sample_uuid(11)},
                          .version_seen = 12,
                          .confirmed_sequence = 4,
                          .now = test_time()};

  core::Result<DirectorStatement> verify() {
    return verify_director(core::as_bytes(by_single_key(statement.encode(), key)), authority.authority(), context);
  }
};

TEST_F(DirectorTest, ChoosesARelease) {
  const auto read = verify();
  ASSERT_TRUE(accepted(read));
  EXPECT_EQ(read->encode(), statement.encode());
}
TEST_F(DirectorTest, CannotSpeakToAnotherDevice) {
  context.device = "pump-0002";
  EXPECT_TRUE(refused(verify(), TrustCode::kWrongDevice));
}
TEST_F(DirectorTest, CannotNameComponentsThatAreNotThere) {
  context.components.pop_back();
  EXPECT_TRUE(refused(verify(), TrustCode::kWrongDevice));
}
// Answers: T-19
TEST_F(DirectorTest, CannotGoBack) {
  context.confirmed_sequence = 5;
  EXPECT_TRUE(accepted(verify()));
  context.confirmed_sequence = 6;
  EXPECT_TRUE(refused(verify(), TrustCode::kSequence));
}
TEST_F(DirectorTest, CannotBeReplayedAfterANewerOne) {
  context.version_seen = 13;
  EXPECT_TRUE(refused(verify(), TrustCode::kRollback));
}
TEST_F(DirectorTest, LivesADay) {
  context.now = statement.expires - std::chrono::seconds(1);
  EXPECT_TRUE(accepted(verify()));
  context.now = statement.expires;
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementExpired));
  context.now = test_time();
  statement.expires = statement.issued + kDirectorLifetimeMax + std::chrono::seconds(1);
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
  statement.expires = statement.issued;
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
}
TEST_F(DirectorTest, CannotChooseWhatItSaysIsWithdrawn) {
  statement.withdrawn = {{.release = statement.release, .sequence = 5, .reason = "x"}};
  EXPECT_TRUE(refused(verify(), TrustCode::kWithdrawn));
}
// Answers: T-19
TEST_F(DirectorTest, NeedsItsOwnKey) {
  const TestKey other = TestKey::ed25519(51);
  EXPECT_TRUE(refused(verify_director(core::as_bytes(by_single_key(statement.encode(), other)), authority.authority(), context),
                      TrustCode::kThreshold));
}
TEST_F(DirectorTest, RefusesAnotherKindOfStatementByTheSameKey) {
  EXPECT_TRUE(refused(verify_director(core::as_bytes(by_single_key(sample_token().encode(), key)), authority.authority(), context),
                      TrustCode::kWrongType));
}

class DowngradeTest : public testing::Test {
 protected:
  TestKey key = TestKey::ed25519(52);
  SingleKeyAuthority authority{"release", key.public_key()};
  DowngradeToken token = sample_token();
  DowngradeContext context{.device = "pump-0001",
                           .from = sample_digest("main manifest 5"),
                           .to = sample_digest("main manifest 4"),
                           .nonce = core::Bytes(32, 0x5a),
                           .epoch_to = 2,
                           .epoch_floor = 2,
                           .now = test_time()};

  core::Result<DowngradeToken> verify() {
    return verify_downgrade_token(core::as_bytes(by_single_key(token.encode(), key)), authority.authority(), context);
  }
};

// Answers: RC-04
TEST_F(DowngradeTest, AllowsExactlyOneChangeOfOneDevice) {
  const auto read = verify();
  ASSERT_TRUE(accepted(read));
  EXPECT_EQ(read->encode(), token.encode());
  context.device = "pump-0002";
  EXPECT_TRUE(refused(verify(), TrustCode::kWrongDevice));
}
// Answers: RC-04
TEST_F(DowngradeTest, IsForTheseTwoImages) {
  context.to = sample_digest("main manifest 3");
  EXPECT_TRUE(refused(verify(), TrustCode::kTokenScope));
  context.to = token.to;
  context.from = sample_digest("main manifest 6");
  EXPECT_TRUE(refused(verify(), TrustCode::kTokenScope));
}
// Answers: RC-04
TEST_F(DowngradeTest, AnswersOneNonce) {
  context.nonce.back() ^= 1;
  EXPECT_TRUE(refused(verify(), TrustCode::kNonce));
  context.nonce.clear();
  EXPECT_TRUE(refused(verify(), TrustCode::kNonce));
}
// Answers: RC-04, T-07
TEST_F(DowngradeTest, NeverGoesBelowTheFloor) {
  context.epoch_floor = 3;
  EXPECT_TRUE(refused(verify(), TrustCode::kEpochFloor));
}
TEST_F(DowngradeTest, Expires) {
  context.now = token.not_after + std::chrono::seconds(1);
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementExpired));
  context.now = test_time();
  token.not_after = token.issued + kDowngradeTokenLifetimeMax + std::chrono::seconds(1);
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
}
TEST_F(DowngradeTest, NeedsAReasonAHazardAndAFullNonce) {
  token.reason.clear();
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
  token = sample_token();
  token.hazard.clear();
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
  token = sample_token();
  token.nonce.pop_back();
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
}

class BundleTest : public testing::Test {
 protected:
  TestKey key = TestKey::ed25519(53);
  SingleKeyAuthority authority{"offline", key.public_key()};
  OfflineBundle bundle = sample_bundle();
  BundleContext context{.device = "pump-0001", .product = sample_uuid(2), .root_version = 2, .targets_version = 9, .now = test_time()};

  core::Result<OfflineBundle> verify() {
    return verify_offline_bundle(core::as_bytes(by_single_key(bundle.encode(), key)), authority.authority(), context);
  }
};

TEST_F(BundleTest, IsAcceptedByItsDeviceAndItsGroup) {
  EXPECT_TRUE(accepted(verify()));
  context.device = "pump-0002";
  EXPECT_TRUE(refused(verify(), TrustCode::kWrongDevice));
  context.groups = {"ward-7"};
  EXPECT_TRUE(accepted(verify()));
}
TEST_F(BundleTest, IsRefusedWhenRootOrTargetsAreOlderThanTrusted) {
  context.root_version = 3;
  EXPECT_TRUE(refused(verify(), TrustCode::kRollback));
  context.root_version = 2;
  context.targets_version = 10;
  EXPECT_TRUE(refused(verify(), TrustCode::kRollback));
}
TEST_F(BundleTest, IsRefusedOutsideItsValidity) {
  context.now = bundle.not_after + std::chrono::seconds(1);
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementExpired));
  context.now = bundle.not_before - std::chrono::seconds(1);
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementExpired));
}
TEST_F(BundleTest, IsBoundToSomebody) {
  bundle.devices.clear();
  EXPECT_TRUE(refused(verify(), TrustCode::kWrongDevice));
  bundle.groups.clear();
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat));
}
// Answers: T-41, T-64
TEST_F(BundleTest, NamesNoFileOutsideItsFolders) {
  for (const char* path : {"/etc/passwd", "metadata/../x", "targets//x", "metadata/", "metadata", "other/x", "targets/./x",
                           "targets/a\\b", "../metadata/x", ""}) {
    bundle.files.front().path = path;
    EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat)) << path;
  }
  bundle.files.front().path = bundle.files.back().path;
  EXPECT_TRUE(refused(verify(), TrustCode::kStatementFormat)) << "twice";
}
TEST_F(BundleTest, TheNewerWithdrawnListWins) {
  const std::vector<Withdrawal> older = {{}}, newer = {{}, {}};
  EXPECT_EQ(newer_withdrawn(7, newer, 6, older).size(), 2U);
  EXPECT_EQ(newer_withdrawn(6, older, 7, newer).size(), 2U);
}

class ReportTest : public testing::Test {
 protected:
  TestKey key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  Report report = sample_report();
  LastReport last{.sequence = 8, .digest = sample_digest("report 8"), .log_count = 110, .log_head = sample_digest("head 110")};

  core::Result<ReportArrival> arrive(core::ByteView nonce = {}) {
    return check_arrival(report, sample_digest("this report"), last, nonce);
  }
};

// Answers: LG-05, T-78
TEST_F(ReportTest, IsAcceptedFromItsDeviceOnly) {
  report.boot_report = by_single_key(sample_boot_report().encode(), key);
  const std::string file = by_single_key(report.encode(), key);
  const auto read = verify_report(core::as_bytes(file), key.public_key());
  ASSERT_TRUE(accepted(read));
  EXPECT_EQ(read->encode(), report.encode());
  const auto boot = verify_boot_report(core::as_bytes(*read->boot_report), key.public_key());
  ASSERT_TRUE(accepted(boot));
  EXPECT_EQ(boot->encode(), sample_boot_report().encode());
  EXPECT_TRUE(refused(verify_report(core::as_bytes(file), TestKey::ed25519(1).public_key()), TrustCode::kThreshold));
  EXPECT_TRUE(refused(verify_boot_report(core::as_bytes(file), key.public_key()), TrustCode::kWrongType));
  std::string changed = file;
  changed.replace(changed.find("IN_SERVICE"), 10, "IN_SERVICF");
  EXPECT_TRUE(refused(verify_report(core::as_bytes(changed), key.public_key()), TrustCode::kThreshold));
}
// Answers: LG-05, T-22
TEST_F(ReportTest, ReplayIsSeen) {
  EXPECT_EQ(*arrive(), ReportArrival::kNew);
  report.sequence = 7;
  EXPECT_TRUE(refused(arrive(), TrustCode::kReplay));
}
// Answers: ID-07, T-79
TEST_F(ReportTest, TheSameSequenceWithOtherContentIsAClone) {
  report.sequence = 8;
  EXPECT_TRUE(refused(arrive(), TrustCode::kClone));
  last.digest = sample_digest("this report");
  EXPECT_EQ(*arrive(), ReportArrival::kRepeated);
}
// Answers: LG-05
TEST_F(ReportTest, AnswersTheServersNonce) {
  EXPECT_TRUE(accepted(arrive(report.nonce)));
  EXPECT_TRUE(refused(arrive(core::Bytes(32, 8)), TrustCode::kNonce));
  const core::Bytes asked = report.nonce;
  report.nonce.clear();
  EXPECT_TRUE(refused(arrive(asked), TrustCode::kNonce));
}
// Answers: LG-02, T-81
TEST_F(ReportTest, ALogThatShrankOrForkedIsSeen) {
  report.log_count = 109;
  EXPECT_TRUE(refused(arrive(), TrustCode::kLogFork));
  report.log_count = 110;
  EXPECT_TRUE(refused(arrive(), TrustCode::kLogFork));
  report.log_head = last.log_head;
  EXPECT_TRUE(accepted(arrive()));
}

// A Merkle tree by the definition of RFC 9162 section 2.1.1 and proofs by 2.1.3.1 and 2.1.4.1: recursive, for tests.
std::size_t split(std::size_t n) {
  std::size_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
core::Digest tree(std::span<const core::Digest> leaves) {
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = split(leaves.size());
  return log_node_hash(tree(leaves.first(k)), tree(leaves.subspan(k)));
}
std::vector<core::Digest> inclusion(std::size_t m, std::span<const core::Digest> leaves) {
  if (leaves.size() == 1) return {};
  const std::size_t k = split(leaves.size());
  auto proof = m < k ? inclusion(m, leaves.first(k)) : inclusion(m - k, leaves.subspan(k));
  proof.push_back(m < k ? tree(leaves.subspan(k)) : tree(leaves.first(k)));
  return proof;
}
std::vector<core::Digest> subproof(std::size_t m, std::span<const core::Digest> leaves, bool whole) {
  if (m == leaves.size()) return whole ? std::vector<core::Digest>{} : std::vector<core::Digest>{tree(leaves)};
  const std::size_t k = split(leaves.size());
  auto proof = m <= k ? subproof(m, leaves.first(k), whole) : subproof(m - k, leaves.subspan(k), false);
  proof.push_back(m <= k ? tree(leaves.subspan(k)) : tree(leaves.first(k)));
  return proof;
}

class LogProofTest : public testing::Test {
 protected:
  std::vector<core::Digest> leaves;
  void SetUp() override {
    for (int i = 0; i < 40; ++i) leaves.push_back(log_leaf_hash(sample_digest("release " + std::to_string(i)).bytes));
  }
  std::span<const core::Digest> first(std::size_t n) const { return std::span(leaves).first(n); }
};

TEST_F(LogProofTest, EveryInclusionProofHoldsAndNoChangedOneDoes) {
  for (std::size_t size = 1; size <= leaves.size(); ++size) {
    for (std::size_t index = 0; index < size; ++index) {
      const InclusionClaim claim{.leaf = leaves[index], .index = index, .size = size, .root = tree(first(size))};
      auto proof = inclusion(index, first(size));
      ASSERT_TRUE(accepted(verify_inclusion(claim, proof))) << index << "/" << size;
      InclusionClaim other = claim;
      other.leaf.bytes[0] ^= 1;
      EXPECT_TRUE(refused(verify_inclusion(other, proof), TrustCode::kLogProof));
      other = claim;
      other.index = size;
      EXPECT_TRUE(refused(verify_inclusion(other, proof), TrustCode::kLogProof));
      proof.push_back(leaves[0]);
      EXPECT_TRUE(refused(verify_inclusion(claim, proof), TrustCode::kLogProof));
      proof.pop_back();
      if (proof.empty()) continue;
      proof.pop_back();
      EXPECT_TRUE(refused(verify_inclusion(claim, proof), TrustCode::kLogProof));
    }
  }
}

TEST_F(LogProofTest, EveryConsistencyProofHoldsAndNoForkDoes) {
  for (std::size_t size = 1; size <= leaves.size(); ++size) {
    for (std::size_t old = 1; old <= size; ++old) {
      const ConsistencyClaim claim{.old_size = old, .old_root = tree(first(old)), .new_size = size, .new_root = tree(first(size))};
      auto proof = subproof(old, first(size), true);
      ASSERT_TRUE(accepted(verify_consistency(claim, proof))) << old << "/" << size;
      ConsistencyClaim fork = claim;
      fork.old_root.bytes[0] ^= 1;
      EXPECT_TRUE(refused(verify_consistency(fork, proof), TrustCode::kLogFork));
      fork = claim;
      fork.new_root.bytes[0] ^= 1;
      EXPECT_TRUE(refused(verify_consistency(fork, proof), TrustCode::kLogFork));
      if (proof.empty()) continue;
      proof.pop_back();
      EXPECT_TRUE(refused(verify_consistency(claim, proof), TrustCode::kLogFork));
    }
  }
  EXPECT_TRUE(refused(verify_consistency({.old_size = 2, .old_root = tree(first(2)), .new_size = 1, .new_root = leaves[0]}, {}),
                      TrustCode::kLogFork));
}

// Answers: VF-08, T-72
TEST_F(LogProofTest, AReleaseIsProvenAgainstASignedCheckpointThatContinuesTheLast) {
  const TestKey key = TestKey::ed25519(54);
  const auto checkpoint_at = [&](std::size_t size) {
    Checkpoint checkpoint;
    checkpoint.log = "releases";
    checkpoint.size = size;
    checkpoint.root = tree(first(size));
    checkpoint.time = test_time();
    return checkpoint;
  };
  LogProof proof;
  proof.release = sample_digest("release 17");
  proof.leaf_index = 17;
  proof.inclusion = inclusion(17, first(33));
  proof.previous_size = 12;
  proof.consistency = subproof(12, first(33), true);
  proof.checkpoint = by_single_key(checkpoint_at(33).encode(), key);
  const auto reread = LogProof::parse(core::as_bytes(proof.encode()));
  ASSERT_TRUE(accepted(reread));
  EXPECT_EQ(reread->encode(), proof.encode());
  const auto verify = [&](const std::optional<Checkpoint>& last) {
    return verify_log_proof(*reread, sample_digest("release 17"), key.public_key(), last);
  };
  EXPECT_TRUE(accepted(verify(std::nullopt)));
  EXPECT_EQ(verify(checkpoint_at(12))->size, 33U);
  EXPECT_TRUE(accepted(verify(checkpoint_at(33))));
  EXPECT_TRUE(refused(verify(checkpoint_at(11)), TrustCode::kLogProof)) << "proof starts elsewhere";
  Checkpoint forked = checkpoint_at(12);
  forked.root = sample_digest("another history");
  EXPECT_TRUE(refused(verify(forked), TrustCode::kLogFork));
  Checkpoint same_size = checkpoint_at(33);
  same_size.root = sample_digest("another history");
  EXPECT_TRUE(refused(verify(same_size), TrustCode::kLogFork));
  Checkpoint other_log = checkpoint_at(12);
  other_log.log = "another";
  EXPECT_TRUE(refused(verify(other_log), TrustCode::kLogProof));
  EXPECT_TRUE(refused(verify_log_proof(proof, sample_digest("release 18"), key.public_key(), std::nullopt), TrustCode::kLogProof));
  EXPECT_TRUE(refused(verify_log_proof(proof, sample_digest("release 17"), TestKey::ed25519(55).public_key(), std::nullopt),
                      TrustCode::kThreshold));
}

// Answers: CF-01, CF-03
TEST(KeyEnvelopeTest, TheInfoBindsReleaseGroupEpochAndPayload) {
  const core::Digest payload = sample_digest("payload");
  const core::Bytes info = sample_envelope().hkdf_info(payload);
  const auto with = [&](const std::function<void(KeyEnvelope&)>& change) {
    KeyEnvelope envelope = sample_envelope();
    change(envelope);
    return envelope.hkdf_info(payload);
  };
  EXPECT_NE(info, with([](auto& e) { e.release = sample_digest("x"); }));
  EXPECT_NE(info, with([](auto& e) { e.group = "ward-8"; }));
  EXPECT_NE(info, with([](auto& e) { e.group_epoch = 2; }));
  EXPECT_NE(info, sample_envelope().hkdf_info(sample_digest("x")));
  GroupMembership membership = sample_membership();
  const core::Bytes of_device = membership.hkdf_info();
  membership.device = "pump-0002";
  EXPECT_NE(of_device, membership.hkdf_info());
}

// Answers: CF-01, T-44
TEST(KeyEnvelopeTest, OneAlgorithmOneKeyAPayloadAndSizesThatFitIt) {
  const auto with = [](const std::function<void(KeyEnvelope&)>& change) {
    KeyEnvelope envelope = sample_envelope();
    change(envelope);
    return KeyEnvelope::parse(core::as_bytes(envelope.encode()));
  };
  EXPECT_TRUE(accepted(with([](auto&) {})));
  EXPECT_TRUE(refused(with([](auto& e) { e.algorithm = "none"; }), TrustCode::kStatementFormat));
  EXPECT_TRUE(refused(with([](auto& e) { e.keys.clear(); }), TrustCode::kStatementFormat));
  EXPECT_TRUE(refused(with([](auto& e) { e.keys.push_back(e.keys[0]); }), TrustCode::kStatementFormat));
  EXPECT_TRUE(accepted(with([](auto& e) {
    e.keys.push_back(e.keys[0]);
    e.keys[1].payload = sample_digest("another payload");
  })));
  for (const std::size_t size : {63u, 65u})
    EXPECT_TRUE(refused(with([&](auto& e) { e.keys[0].ephemeral.resize(size); }), TrustCode::kStatementFormat)) << size;
  for (const std::size_t size : {39u, 41u})
    EXPECT_TRUE(refused(with([&](auto& e) { e.keys[0].wrapped.resize(size); }), TrustCode::kStatementFormat)) << size;
  GroupMembership membership = sample_membership();
  membership.algorithm = "none";
  EXPECT_TRUE(refused(GroupMembership::parse(core::as_bytes(membership.encode())), TrustCode::kStatementFormat));
}

// Answers: CF-05
TEST(KeyEnvelopeTest, AnEnvelopeIsSmallWhateverTheNumberOfDevices) {
  EXPECT_LT(sample_envelope().encode().size(), 700u) << "one for a group, of 1 device or of 100,000";
}

TEST(ForwardedBootReportTest, StandsOncePerComponentAndIsWrittenAsRead) {
  Report report = sample_report();
  report.boot_reports = {{sample_uuid(11), core::Bytes(1024, 3), "{}"}, {sample_uuid(12), core::Bytes(1024, 4), ""}};
  const core::JsonValue part = report.encode();
  const auto again = Report::parse(part);
  ASSERT_TRUE(accepted(again));
  EXPECT_EQ(again->encode(), part);
  report.boot_reports[1].component = sample_uuid(11);
  EXPECT_TRUE(refused(Report::parse(report.encode()), TrustCode::kStatementFormat));
  core::JsonValue empty = part;
  empty.as_object()->at("boot_reports") = core::JsonArray{};
  EXPECT_TRUE(refused(Report::parse(empty), TrustCode::kStatementFormat));
}

}  // namespace
}  // namespace aseptic::trust::test
