// SPDX-License-Identifier: Apache-2.0
// Target search: TUF 1.0.34 section 5.6.7 and TAP 15. The graphs are those of the public conformance suite.
#include "aseptic/trust/limits.h"
#include "expect.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

class Search : public testing::Test {
 protected:
  HostileRepository repository;
  TestClient client{repository.roots[1]};
  core::UtcTime now = repository.now;
  std::uint8_t next_seed = 100;

  void delegate(const std::string& delegator, const std::string& role, bool terminating = false,
                std::vector<std::string> paths = {"*"}) {
    std::vector<TestKey> keys{TestKey::ed25519(next_seed++)};
    if (const auto known = repository.signers.find(role); known != repository.signers.end()) keys = known->second;
    repository.delegate(
        {.delegator = delegator, .role = role, .paths = std::move(paths), .terminating = terminating, .keys = keys});
  }
  // Roles fetched while looking for `path`, in order.
  std::vector<std::string> visited(const std::string& path) {
    repository.root.consistent_snapshot = false;
    repository.publish_root();
    repository.publish();
    client.cache.clear();
    const auto trusted = client.refresh(repository, now);
    EXPECT_TRUE(accepted(trusted));
    client.requests.clear();
    const auto result = client.find(repository, *trusted, path);
    EXPECT_TRUE(result || result.error().is(TrustCode::kNotFound));
    return client.requests;
  }
  core::Result<core::Verified<TargetInfo>> find(const std::string& path) {
    return client.refresh_and_find(repository, path, now);
  }
  using Roles = std::vector<std::string>;
};

TEST_F(Search, FindsATopLevelTargetWithoutFetchingARole) {
  delegate("targets", "a");
  repository.add_target("targets", "file", "content");
  EXPECT_EQ(visited("file"), Roles{});
}

TEST_F(Search, VisitsSiblingsInOrderOfAppearance) {
  delegate("targets", "a");
  delegate("targets", "b");
  EXPECT_EQ(visited("missing"), (Roles{"a", "b"}));
}

TEST_F(Search, VisitsDepthFirst) {
  delegate("targets", "a");
  delegate("targets", "b");
  delegate("a", "c");
  delegate("a", "d");
  delegate("c", "e");
  EXPECT_EQ(visited("missing"), (Roles{"a", "c", "e", "d", "b"}));
}

// CVE-2025-2886: a terminating delegation was not respected.
// Answers: T-13
TEST_F(Search, StopsAtATerminatingDelegation) {
  delegate("targets", "a");
  delegate("targets", "b");
  delegate("a", "c", true);
  delegate("a", "d");
  delegate("c", "e");
  EXPECT_EQ(visited("missing"), (Roles{"a", "c", "e"}));
}

TEST_F(Search, ATerminatingDelegationForOtherPathsStopsNothing) {
  delegate("targets", "a", true, {"*.py"});
  delegate("targets", "b");
  EXPECT_EQ(visited("missing"), (Roles{"b"}));
}

TEST_F(Search, VisitsEarlierSiblingsOfATerminatingDelegation) {
  delegate("targets", "a");
  delegate("targets", "b", true);
  delegate("targets", "c");
  EXPECT_EQ(visited("missing"), (Roles{"a", "b"}));
}

TEST_F(Search, SkipsBranchesWhosePathsDoNotMatch) {
  delegate("targets", "a", false, {"*.py"});
  delegate("targets", "b");
  delegate("a", "c");
  EXPECT_EQ(visited("missing"), (Roles{"b"}));
}

TEST_F(Search, EndsOnACycle) {
  delegate("targets", "a");
  delegate("targets", "b");
  delegate("b", "c");
  delegate("c", "d");
  delegate("d", "b");
  EXPECT_EQ(visited("missing"), (Roles{"a", "b", "c", "d"}));
}

TEST_F(Search, VisitsARoleOnceThoughTwoDelegateToIt) {
  delegate("targets", "a");
  delegate("targets", "b");
  delegate("b", "c");
  delegate("a", "c");
  EXPECT_EQ(visited("missing"), (Roles{"a", "c", "b"}));
}

TEST_F(Search, FollowsOnlyChainsThatAllCoverThePath) {
  delegate("targets", "a", false, {"*.doc", "*.md"});
  delegate("targets", "b", false, {"releases/*/*"});
  delegate("b", "c", false, {"releases/x/*"});
  delegate("b", "d", false, {"releases/y/*.zip"});
  repository.add_target("a", "README.md", "a");
  repository.add_target("c", "releases/x/x_v1", "c");
  repository.add_target("d", "releases/y/y_v1.zip", "d");
  repository.add_target("d", "releases/z/z_v1.zip", "z");
  repository.publish({"targets", "a", "b", "c", "d"});
  EXPECT_EQ((*find("README.md"))->role, "a");
  EXPECT_EQ((*find("releases/x/x_v1"))->role, "c");
  EXPECT_EQ((*find("releases/y/y_v1.zip"))->role, "d");
  EXPECT_TRUE(refused(find("releases/z/z_v1.zip"), TrustCode::kNotFound));
}

// Answers: KM-03, T-13
// specification#19, python-tuf and go-tuf expected failures of 2026-08-12: a diamond.
// targets -> a -> c (by a's key for c), targets -> b -> c (by another key); c is signed by a's choice only.
TEST_F(Search, VerifiesARoleAgainstTheDelegatorOfThisPath) {
  const TestKey trusted_by_a = TestKey::ed25519(70), trusted_by_b = TestKey::ed25519(71);
  delegate("targets", "a", false, {"one/*"});
  delegate("targets", "b", false, {"two/*"});
  repository.delegate({.delegator = "a", .role = "c", .paths = {"*/*"}, .keys = {trusted_by_a}});
  repository.delegate({.delegator = "b", .role = "c", .paths = {"*/*"}, .keys = {trusted_by_b}});
  repository.add_target("c", "one/file", "x");
  repository.add_target("c", "two/file", "x");
  repository.publish({"targets", "a", "b", "c"});
  EXPECT_TRUE(accepted(find("one/file")));
  ASSERT_TRUE(client.cache.contains("c"));  // cached, and still not trusted by b
  EXPECT_TRUE(refused(find("two/file"), TrustCode::kThreshold));
}

// CVE-2024-47534: the wrong delegation was looked up by name.
TEST_F(Search, TakesTheKeysOfTheDelegatorNotOfANamesake) {
  delegate("targets", "a", false, {"one/*"});
  delegate("targets", "b", false, {"two/*"});
  const TestKey real = TestKey::ed25519(72), fake = TestKey::ed25519(73);
  repository.delegate({.delegator = "a", .role = "same", .paths = {"one/*"}, .keys = {real}});
  repository.delegate({.delegator = "b", .role = "same", .paths = {"two/*"}, .keys = {fake}});
  repository.signers["same"] = {fake};
  repository.add_target("same", "one/file", "x");
  repository.publish({"targets", "a", "b", "same"});
  EXPECT_TRUE(refused(find("one/file"), TrustCode::kThreshold));
}

TEST_F(Search, AFailedRoleEndsTheSearch) {
  delegate("targets", "a");
  delegate("targets", "b");
  repository.add_target("b", "file", "x");
  repository.publish({"targets", "a", "b"});
  repository.signers["a"] = {TestKey::ed25519(99)};
  EXPECT_TRUE(refused(find("file"), TrustCode::kThreshold));
}

// CVE-2026-6967: expiry, hash and length of delegated roles were not enforced.
TEST_F(Search, EnforcesExpiryOfDelegatedRoles) {
  delegate("targets", "a");
  repository.roles["a"].expires = now;
  repository.add_target("a", "file", "x");
  repository.publish({"targets", "a"});
  EXPECT_TRUE(refused(find("file"), TrustCode::kFreeze));
  EXPECT_FALSE(client.cache.contains("a"));
}

TEST_F(Search, DoesNotUseACachedRoleAfterItsExpiry) {
  delegate("targets", "a");
  repository.roles["a"].expires = now + std::chrono::hours(24);
  repository.add_target("a", "file", "x");
  repository.publish({"targets", "a"});
  EXPECT_TRUE(accepted(find("file")));
  EXPECT_TRUE(refused(client.refresh_and_find(repository, "file", now + std::chrono::hours(25)), TrustCode::kFreeze));
  repository.roles["a"].expires = now + std::chrono::hours(48);
  repository.publish({"a"});
  EXPECT_TRUE(accepted(client.refresh_and_find(repository, "file", now + std::chrono::hours(25))));
}

TEST_F(Search, EnforcesLengthAndHashOfDelegatedRoles) {
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  delegate("targets", "a");
  repository.add_target("a", "file", "x");
  repository.publish({"targets", "a"});
  client.in_transit = [](const std::string& name, std::string bytes) { return name.ends_with("a") ? bytes + " " : bytes; };
  EXPECT_TRUE(refused(find("file"), TrustCode::kLength));
  client.in_transit = [](const std::string& name, std::string bytes) {
    if (name.ends_with("a")) bytes.back() = ' ';
    return bytes;
  };
  EXPECT_TRUE(refused(find("file"), TrustCode::kHash));
}

// CVE-2025-2887: a rollback of a delegated role was not detected.
TEST_F(Search, RefusesADelegatedRoleOfAnotherVersionThanListed) {
  delegate("targets", "a");
  repository.add_target("a", "file", "x");
  repository.publish({"targets", "a"});
  --repository.roles["a"].version;
  EXPECT_TRUE(refused(find("file"), TrustCode::kMixAndMatch));
}

TEST_F(Search, RefusesARoleThatTheSnapshotDoesNotList) {
  delegate("targets", "a");
  repository.publish();
  repository.snapshot.meta.erase("a");
  ++repository.snapshot.version;
  repository.publish_timestamp();
  EXPECT_TRUE(refused(find("file"), TrustCode::kNotListed));
}

TEST_F(Search, VisitsExactlyTheNamedNumberOfRoles) {
  for (std::size_t i = 0; i <= kDelegatedRolesVisitedMax; ++i) delegate("targets", "role" + std::to_string(i));
  const std::string last_allowed = "role" + std::to_string(kDelegatedRolesVisitedMax - 1);
  const std::string first_beyond = "role" + std::to_string(kDelegatedRolesVisitedMax);
  repository.add_target(last_allowed, "allowed", "x");
  repository.add_target(first_beyond, "beyond", "x");
  repository.publish({"targets", last_allowed, first_beyond});
  EXPECT_TRUE(accepted(find("allowed")));
  EXPECT_TRUE(refused(find("beyond"), TrustCode::kEndless));
}

// Answers: T-13, T-41
TEST_F(Search, UnusualRoleNamesStayNames) {
  for (const std::string role : {"?", "#", "/absolute", "../up", "a/b", "\x01\n", "%2e%2e", "naïve", ".", " "}) {
    delegate("targets", role, false, {"for " + core::to_hex(core::as_bytes(role))});
    repository.add_target(role, "for " + core::to_hex(core::as_bytes(role)), "x");
    repository.publish({"targets", role});
    const auto found = find("for " + core::to_hex(core::as_bytes(role)));
    ASSERT_TRUE(accepted(found)) << role;
    EXPECT_EQ((*found)->role, role);
  }
}

TEST_F(Search, FindsByPathHashPrefix) {
  delegate("targets", "a");
  const std::string prefix = core::sha256("file").hex().substr(0, 3);
  PathRule& rule = repository.targets().delegations->roles.front().rule;
  rule = {.path_hash_prefixes = {"000000", prefix}, .by_hash = true};
  repository.add_target("a", "file", "x");
  repository.add_target("a", "other", "x");
  repository.publish({"targets", "a"});
  EXPECT_TRUE(accepted(find("file")));
  ASSERT_NE(core::sha256("other").hex().substr(0, 3), prefix);
  EXPECT_TRUE(refused(find("other"), TrustCode::kNotFound));
}

TEST_F(Search, FindsInHashBins) {
  for (const std::uint32_t bits : {1U, 4U, 5U, 9U}) {
    HostileRepository bins;
    bins.delegate_bins("targets", "bin", bits, TestKey::ed25519(80));
    const SuccinctRoles succinct = *bins.targets().delegations->succinct;
    std::set<std::string> used{"targets"};
    for (int i = 0; i < 20; ++i) {
      const std::string path = "file" + std::to_string(i);
      bins.add_target(succinct.role_for(path), path, path);
      used.insert(succinct.role_for(path));
    }
    bins.publish({used.begin(), used.end()});
    TestClient own(bins.roots[1]);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(accepted(own.refresh_and_find(bins, "file" + std::to_string(i), now)));
    EXPECT_TRUE(refused(own.refresh_and_find(bins, "absent", now), TrustCode::kNotFound));
  }
}

// The values are those of TAP 15's own arithmetic: prefix, dash, hexadecimal as wide as the last bin needs.
TEST(SuccinctRoles, NamesBinsAsTap15Does) {
  SuccinctRoles succinct;
  succinct.name_prefix = "bin";
  succinct.bit_length = 1;
  EXPECT_EQ(succinct.bin_name(1), "bin-1");
  succinct.bit_length = 5;
  EXPECT_EQ(succinct.bin_name(3), "bin-03");
  EXPECT_EQ(succinct.bin_name(31), "bin-1f");
  succinct.bit_length = 32;
  EXPECT_EQ(succinct.bin_name(0), "bin-00000000");
  EXPECT_EQ(succinct.bins(), 1ULL << 32);
  const std::string hex = core::sha256("some/path").hex();
  EXPECT_EQ(succinct.role_for("some/path"), "bin-" + hex.substr(0, 8));
  succinct.bit_length = 8;
  EXPECT_EQ(succinct.role_for("some/path"), "bin-" + hex.substr(0, 2));
}

TEST(SuccinctRoles, KnowsItsOwnRolesOnly) {
  SuccinctRoles succinct;
  succinct.name_prefix = "bin";
  succinct.bit_length = 3;
  EXPECT_TRUE(succinct.has_role("bin-7"));
  for (const char* name : {"bin-8", "bin-07", "bin-", "bin", "bin-A", "bin-g", "xbin-1", "bin-1 "})
    EXPECT_FALSE(succinct.has_role(name)) << name;
}

TEST(PathPattern, StarAndQuestionMarkDoNotCrossSlashes) {
  EXPECT_TRUE(matches_pattern("*", "file"));
  EXPECT_FALSE(matches_pattern("*", "a/file"));
  EXPECT_TRUE(matches_pattern("*/*", "a/file"));
  EXPECT_TRUE(matches_pattern("a/*.zip", "a/b.zip"));
  EXPECT_FALSE(matches_pattern("a/*.zip", "a/b/c.zip"));
  EXPECT_TRUE(matches_pattern("fw-?.bin", "fw-1.bin"));
  EXPECT_FALSE(matches_pattern("fw-?.bin", "fw-10.bin"));
  EXPECT_FALSE(matches_pattern("a?b", "a/b"));
  EXPECT_TRUE(matches_pattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches_pattern("a*b", "aXc"));
  EXPECT_TRUE(matches_pattern("", ""));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_TRUE(matches_pattern("**", "abc"));
  EXPECT_FALSE(matches_pattern("A", "a"));
  EXPECT_FALSE(matches_pattern("[ab]", "a"));
  EXPECT_TRUE(matches_pattern("[ab]", "[ab]"));
}

TEST(PathPattern, CannotBeMadeExponential) {
  std::string pattern, path(5000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_FALSE(matches_pattern(pattern + "b", path));
}

// Which delegations are refused when they are read, whoever signed them.
class DelegationShape : public testing::Test {
 protected:
  HostileRepository repository;
  core::Result<Delegations> with(const std::function<void(core::JsonObject&)>& change) {
    HostileRepository fresh;
    fresh.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(20), TestKey::ed25519(21)}});
    core::JsonValue value = fresh.targets().delegations->encode();
    change(*value.as_object());
    return Delegations::parse(value);
  }
  static core::JsonObject& first(core::JsonObject& delegations) {
    return *delegations["roles"].as_array()->front().as_object();
  }
};

TEST_F(DelegationShape, AcceptsAPlainOne) { EXPECT_TRUE(accepted(with([](core::JsonObject&) {}))); }

// CVE-2026-23992
TEST_F(DelegationShape, RefusesThresholdsThatMeanNothing) {
  EXPECT_TRUE(refused(with([](auto& d) { first(d)["threshold"] = 0; }), TrustCode::kBadThreshold));
  EXPECT_FALSE(with([](auto& d) { first(d)["threshold"] = -1; }));
  EXPECT_FALSE(with([](auto& d) { first(d).erase("threshold"); }));
  EXPECT_FALSE(with([](auto& d) { first(d)["threshold"] = nullptr; }));
  EXPECT_FALSE(with([](auto& d) { first(d)["threshold"] = "1"; }));
  EXPECT_TRUE(accepted(with([](auto& d) { first(d)["threshold"] = 2; })));
  EXPECT_TRUE(refused(with([](auto& d) { first(d)["threshold"] = 3; }), TrustCode::kBadThreshold));
  EXPECT_TRUE(refused(with([](auto& d) { first(d)["keyids"] = core::JsonArray{}; }), TrustCode::kBadThreshold));
}

TEST_F(DelegationShape, RefusesAmbiguity) {
  EXPECT_TRUE(refused(with([](auto& d) { first(d)["path_hash_prefixes"] = core::JsonArray{}; }), TrustCode::kDelegation));
  EXPECT_TRUE(refused(with([](auto& d) { first(d).erase("paths"); }), TrustCode::kDelegation));
  EXPECT_TRUE(refused(with([](auto& d) { d["roles"].as_array()->push_back(d["roles"].as_array()->front()); }),
                      TrustCode::kDelegation));
  EXPECT_TRUE(refused(with([](auto& d) { d["succinct_roles"] = core::JsonObject{}; }), TrustCode::kDelegation));
  EXPECT_TRUE(refused(with([](auto& d) { d.erase("roles"); }), TrustCode::kDelegation));
  EXPECT_TRUE(refused(with([](auto& d) { first(d)["keyids"].as_array()->push_back(first(d)["keyids"].as_array()->front()); }),
                      TrustCode::kDelegation));
}

TEST_F(DelegationShape, RefusesTopLevelAndEmptyNames) {
  for (const char* name : {"", "root", "timestamp", "snapshot", "targets"})
    EXPECT_TRUE(refused(with([name](auto& d) { first(d)["name"] = name; }), TrustCode::kDelegation)) << name;
}

TEST_F(DelegationShape, BoundsTheBitLengthOfHashBins) {
  const auto with_bits = [](std::int64_t bits) {
    SuccinctRoles succinct;
    succinct.name_prefix = "bin";
    const TestKey key = TestKey::ed25519(20);
    succinct.role_keys.keyids = {key.id()};
    Delegations delegations;
    delegations.keys.emplace(key.id(), key.tuf_key());
    delegations.succinct = succinct;
    core::JsonValue value = delegations.encode();
    (*(*value.as_object())["succinct_roles"].as_object())["bit_length"] = bits;
    return Delegations::parse(value);
  };
  EXPECT_FALSE(with_bits(0));
  EXPECT_FALSE(with_bits(-1));
  EXPECT_TRUE(accepted(with_bits(1)));
  EXPECT_TRUE(accepted(with_bits(32)));
  EXPECT_FALSE(with_bits(33));
  EXPECT_FALSE(with_bits(std::int64_t{1} << 40));
}

}  // namespace
}  // namespace aseptic::trust::test
