// SPDX-License-Identifier: Apache-2.0
// Attacks through the real agent: a hostile repository or disk. Each test asserts three things: refused, slots and state
// byte-identical, the right reason in the log.
#include <algorithm>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/journal/requests.h"
#include "update_fixture.h"

namespace aseptic::agent::test {
namespace {

class Attack : public UpdateFixture {
 protected:
  // A first start without any repository: what boot and agent tidy up then is no effect of an attack.
  void SetUp() override { run_rounds(3); }

  // The device knows today's repository; then the attack; then it looks again.
  void look_once() { run_rounds(20); }

  void expect_refused(const std::string& reason, const std::map<std::string, core::Bytes>& before) {
    run_rounds(60, [&](DeviceRun& run) { EXPECT_EQ(run.engine().status().running, v1.manifest); });
    EXPECT_TRUE(has_reason(reason)) << "expected " << reason << "\n" << log_text();
    expect_same(before);
    EXPECT_EQ(resets, 0u);
  }

  void expect_same(const std::map<std::string, core::Bytes>& before) {
    const auto now = protected_state();
    for (const auto& [name, content] : before) EXPECT_TRUE(now.contains(name) && now.at(name) == content) << name << " changed";
    EXPECT_EQ(now.size(), before.size());
  }

  std::string& file(const std::string& part) {
    for (auto& [name, content] : *site.files)
      if (name.find(part) != std::string::npos) return content;
    ADD_FAILURE() << "no file " << part;
    return site.files->begin()->second;
  }
  static void flip(std::string& bytes, std::size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 1); }
};

// Answers: VF-01, VF-09, T-01
TEST_F(Attack, ArbitraryReleaseManifestIsRefused) {
  publish(v2);
  flip(file("release.json"), 40);
  expect_refused("trust.hash", protected_state());
}

// Answers: VF-09, T-01
TEST_F(Attack, ArbitraryTargetsMetadataIsRefused) {
  publish(v2);
  flip(file(".targets.json"), 200);
  expect_refused("trust.hash", protected_state());
}

// Answers: MF-01, T-05
TEST_F(Attack, RollbackOfTimestampIsRefused) {
  publish(v1);
  const std::string old = file("timestamp.json");
  publisher.repository.publish();
  publisher.write_to(site);
  look_once();
  file("timestamp.json") = old;
  expect_refused("trust.rollback", protected_state());
}

// Answers: T-08
TEST_F(Attack, FreezeIsRefusedOnceTheTimestampHasExpired) {
  publish(v1);
  look_once();
  world.set_wall(rig_time().time_since_epoch().count() + 60LL * 24 * 3600);
  expect_refused("trust.freeze", protected_state());
}

// Answers: T-11
TEST_F(Attack, MixAndMatchOfSnapshotsIsRefused) {
  publish(v1);
  const std::string old = file(".snapshot.json");
  const std::string name = "metadata/" + std::to_string(publisher.repository.snapshot.version + 1) + ".snapshot.json";
  publish(v2);
  (*site.files)[name] = old;
  expect_refused("trust.length", protected_state());
}

// Answers: T-15
TEST_F(Attack, EndlessTimestampIsRefused) {
  publish(v2);
  file("timestamp.json").append(1 << 20, ' ');
  expect_refused("platform.net_too_large", protected_state());
}

// Answers: T-20
TEST_F(Attack, TargetsSignedByOneOfTwoReleaseKeysAreRefused) {
  const auto first = trust::test::TestKey::ed25519(91), second = trust::test::TestKey::ed25519(92);
  publisher.repository.set_keys("targets", {first, second}, 2);
  publisher.repository.publish_root();
  publisher.repository.signers["targets"] = {first};
  publish(v2);
  expect_refused("trust.threshold", protected_state());
}

// Answers: T-04
TEST_F(Attack, OneReleaseKeySigningTwiceIsRefused) {
  const auto first = trust::test::TestKey::ed25519(91), second = trust::test::TestKey::ed25519(92);
  publisher.repository.set_keys("targets", {first, second}, 2);
  publisher.repository.publish_root();
  publisher.repository.signers["targets"] = {first, first};
  publish(v2);
  expect_refused("trust.duplicate_signature", protected_state());
}

// Answers: T-21
TEST_F(Attack, RootThatSkipsAVersionIsRefused) {
  publish(v1);
  look_once();
  publisher.repository.root.version += 1;
  publisher.repository.publish_root();
  publisher.write_to(site);
  (*site.files)["metadata/2.root.json"] = publisher.repository.roots.rbegin()->second;
  expect_refused("trust.root_chain", protected_state());
}

// Answers: T-13, T-33
TEST_F(Attack, ReleaseManifestSpokenByThePayloadRoleIsRefused) {
  // The online role names a release of its own: it lies outside its delegated paths.
  auto& repository = publisher.repository;
  publish(v1);
  repository.add_target("payload-index", "releases/evil/release.json", "{}");
  repository.publish({"payload-index"});
  publisher.write_to(site);
  const auto before = protected_state();
  run_rounds(60);
  expect_same(before);
  EXPECT_EQ(resets, 0u);
}

// Answers: VF-05, T-29
TEST_F(Attack, PayloadHeaderThatTheIndexDoesNotNameIsRefused) {
  publish(v2);
  flip(file("targets/payloads/"), 20);
  auto before = protected_state();
  run_rounds(60);
  EXPECT_TRUE(has_reason("payload.header_digest")) << log_text();
  EXPECT_EQ(world.content("slots/a.img"), before["slots/a.img"]);
  EXPECT_EQ(world.content("slots/b.img"), before["slots/b.img"]);
}

// Answers: VF-01, VF-04, VF-05, T-29
TEST_F(Attack, OneChangedByteOfAChunkIsRefusedAndTheOtherSlotIsRestored) {
  publish(v2);
  std::string& payload = file("targets/payloads/");
  flip(payload, payload.size() - 100);
  const auto before = protected_state();
  run_rounds(60);
  EXPECT_TRUE(has_reason("payload.chunk_digest")) << log_text();
  EXPECT_TRUE(has_reason("agent.refused")) << log_text();
  expect_same(before);  // chunks written before the bad one were replaced by the confirmed image
  EXPECT_EQ(resets, 0u);
}

// Answers: VF-05, T-34
TEST_F(Attack, PayloadThatEndsEarlyIsRefused) {
  publish(v2);
  std::string& payload = file("targets/payloads/");
  payload.resize(payload.size() - 1000);
  const auto before = protected_state();
  run_rounds(200);
  EXPECT_EQ(world.content("slots/a.img"), before.at("slots/a.img"));
  EXPECT_FALSE(has_reason("agent.staged")) << log_text();
  EXPECT_EQ(resets, 0u);
}

// Answers: VF-03
TEST_F(Attack, AMediumThatStoresAnotherBitIsNoticedByReadingBack) {
  publish(v2);
  const sim::World clean = make_device(keys, v1, 1);
  int lies = 0;
  for (std::uint64_t at = 0; at < 36; ++at) {  // the payload has 18 chunks, each one read and one write
    world = clean.snapshot();
    world.plan({.at_io = at, .kind = sim::FaultKind::kLie, .file_prefix = "slots/b.img"});
    run_rounds(6);
    if (has_reason("payload.read_back")) ++lies;
    // The fault may have hit a read, which changes nothing; but what counts as staged is what was signed.
    const core::Bytes slot = *world.content("slots/b.img");
    // The two signatures are boot's to judge: it refuses to record a stage whose signature is damaged.
    const bool holds_v2 = std::equal(v2.slot_bytes.begin(), v2.slot_bytes.begin() + boot::kManifestRegionSize, slot.begin()) &&
                          std::equal(v2.slot_bytes.begin() + boot::kManifestSize, v2.slot_bytes.end(), slot.begin() + boot::kManifestSize);
    EXPECT_TRUE(holds_v2 || !has_reason("agent.staged")) << "at " << at;
  }
  EXPECT_GE(lies, 14);
}

// Answers: VF-03, T-46
TEST_F(Attack, AMediumThatGivesBackAnotherSignatureIsNoticedWhenStaging) {
  publish(v2);
  behaviour.medium_changes_signature = true;
  run_rounds(60);
  EXPECT_TRUE(has_reason("agent.measured")) << log_text();
  EXPECT_FALSE(has_reason("agent.staged")) << log_text();
  EXPECT_EQ(resets, 0u) << "found before boot has to";
}

// Answers: T-24
TEST_F(Attack, ReleaseForAnotherProductIsRefused) {
  publish(v2);
  config.device.device_class = core::Uuid{};
  expect_refused("trust.wrong_class", protected_state());
}

// Answers: T-24
TEST_F(Attack, ReleaseForAnotherHardwareRevisionIsRefused) {
  publish(v2);
  config.device.hardware_revision = 10;
  expect_refused("trust.wrong_revision", protected_state());
}

// Answers: MF-09, T-30
TEST_F(Attack, ChangingTheReleaseAfterItWasVerifiedChangesNothing) {
  publish(v2);
  bool changed = false;
  ASSERT_TRUE(run_until([&](DeviceRun& run) {
    if (run.engine().status().state == State::kAvailable && !std::exchange(changed, true)) {
      file("release.json") = "{}";
      file("stable.json") = "{}";
    }
    return run.engine().status().state == State::kInService;
  })) << failure << "\n" << log_text();
  EXPECT_TRUE(changed);
}

// Answers: T-32
TEST_F(Attack, AWithdrawnReleaseIsGivenUpBeforeTheSwitch) {
  const core::Digest release = publish(v2);
  config.policy.approval = Decision::kLocal;
  run_rounds(40, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kOffered); });
  publish(v2, {.withdrawn = {{release, 2, "found a fault"}}});
  run_rounds(60, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kIdle); });
  EXPECT_TRUE(has_reason("agent.withdrawn")) << log_text();
  EXPECT_TRUE(has_reason("trust.withdrawn"));
  EXPECT_EQ(resets, 0u);
}

// Answers: T-54
TEST_F(Attack, NoSlotIsErasedWhileTheRunningSlotDoesNotVerifyOnTheMedium) {
  publish(v2);
  DeviceRun run(world, keys, site, publisher.first_root(), behaviour, cause, {&v1}, config);
  ASSERT_TRUE(run.boots());
  const auto slot = world.block_device("slots/a.img");
  ASSERT_TRUE(slot->write(20000, core::Bytes(1, 0xEE)).has_value());
  ASSERT_TRUE(slot->flush().has_value());
  const auto other = world.content("slots/b.img");
  for (int i = 0; i < 60; ++i) run.round();
  EXPECT_TRUE(has_reason("agent.last_image")) << log_text();
  EXPECT_EQ(world.content("slots/b.img"), other);
  EXPECT_FALSE(run.reset_commanded());
}

// Answers: T-46
TEST_F(Attack, AStagedImageThatIsChangedOnTheMediumIsRefusedByBootAndTheDeviceKeepsItsVersion) {
  publish(v2);
  config.policy.approval = Decision::kLocal;
  run_rounds(40);
  const auto slot = world.block_device("slots/b.img");
  ASSERT_TRUE(slot->write(13000, core::Bytes(1, 0xEE)).has_value());
  ASSERT_TRUE(slot->flush().has_value());
  config.policy.approval = Decision::kAutomatic;
  config.policy.switch_tries_max = 3;
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return run.engine().status().why == "too_many_tries" || is_idle_on(run, v1); }))
      << failure << "\n" << log_text();
  EXPECT_TRUE(has_reason("boot.request_refused") || has_reason("boot.image_refused")) << log_text();
}

// Answers: T-06, T-21, MF-01
TEST_F(Attack, AnOlderRootThanTheConfirmedImageDemandsIsRefusedAfterTheAgentWasWiped) {
  publisher.repository.publish_root();
  v2 = build_image(keys, "2.0.0", 2, 2);
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  wipe_agent();
  site.files->erase("metadata/2.root.json");
  const auto before = protected_state();
  run_rounds(40);
  EXPECT_TRUE(has_reason("trust.rollback")) << log_text();
  expect_same(before);
}

// Answers: AP-02
TEST_F(Attack, ARequestThatDoesNotReadBackFromTheMediumLeadsToNoReset) {
  publish(v2);
  const sim::World clean = make_device(keys, v1, 1);
  int lies = 0;
  for (std::uint64_t at = 0; at < 12; ++at) {
    world = clean.snapshot();
    resets = 0;
    world.plan({.at_io = at, .kind = sim::FaultKind::kLie, .file_prefix = "requests/"});
    run_rounds(8);
    if (!has_reason("agent.request")) continue;
    ++lies;
    EXPECT_EQ(resets, 0u) << log_text();
  }
  EXPECT_GE(lies, 1);
}

// Boot ignores such a request without a word; the agent says who it is about and takes it away.
// Answers: T-61, RC-02, LG-01
TEST_F(Attack, AConfirmOrRevertWhileNoTrialRunsIsWithdrawnAndRecorded) {
  publish(v1);
  for (const boot::RequestKind kind : {boot::RequestKind::kConfirm, boot::RequestKind::kRevert}) {
    DeviceRun run(world, keys, site, publisher.first_root(), behaviour, cause, {&v1, &v2, &v3, &next}, config);
    ASSERT_TRUE(run.boots()) << run.why_not();
    for (int i = 0; i < 20; ++i) run.round();
    const auto count = [&] { return std::ranges::count(reasons(), "agent.not_in_trial"); };
    const auto before = count();
    boot::Request stranger{.kind = kind, .boot_count = run.report().boot_count};
    if (kind == boot::RequestKind::kConfirm) stranger.token.fill(0x5A);
    const boot::Request challenge{.kind = boot::RequestKind::kChallenge, .boot_count = run.report().boot_count, .challenge = v2.manifest.bytes};
    core::Bytes area(4096);
    for (const boot::Request& one : {stranger, challenge})
      std::ranges::copy(boot::encode_request(one), area.begin() + static_cast<std::ptrdiff_t>(boot::request_offset(one.kind)));
    const auto device = world.block_device("requests/requests.bin");
    ASSERT_TRUE(device->write(0, area));
    ASSERT_TRUE(device->flush());
    for (int i = 0; i < 300 && count() == before; ++i) run.round();
    EXPECT_EQ(count(), before + 1) << log_text();
    ASSERT_TRUE(device->read(0, area));
    const boot::Requests left = boot::parse_request_area(core::ByteView(area).first(boot::kRequestAreaSize));
    EXPECT_FALSE(left.has(kind));
    EXPECT_TRUE(left.has(boot::RequestKind::kChallenge)) << "what boot acts on stays";
    EXPECT_EQ(run.engine().status().confirmed, v1.manifest);
  }
  EXPECT_EQ(resets, 0u);
}

// Answers: T-58
TEST_F(Attack, AnEditedAgentStateCannotClaimAConfirmedUpdate) {
  publish(v2);
  config.policy.approval = Decision::kLocal;
  run_rounds(40);
  std::string state(core::as_text(*world.content("agent/transaction.json")));
  state.replace(state.find("\"OFFERED\""), 9, "\"CONFIRMED\"");
  const auto storage = world.storage("agent");
  ASSERT_TRUE(storage->replace("transaction.json", core::as_bytes(state)).has_value());
  run_rounds(10, [&](DeviceRun& run) {
    EXPECT_EQ(run.engine().status().running, v1.manifest);
    EXPECT_NE(run.engine().status().state, State::kInService);
  });
  EXPECT_TRUE(has_reason("agent.reverted_by_boot")) << log_text();
  EXPECT_EQ(resets, 0u);
}

// Answers: T-81, LG-02
TEST_F(Attack, AnEditedDeviceLogIsNoticedAtTheNextStart) {
  publish(v1);
  look_once();
  std::string log(core::as_text(*world.content("agent/log/000000000001.log")));
  log.replace(log.find("cause 1"), 7, "cause 3");
  const auto storage = world.storage("agent");
  ASSERT_TRUE(storage->replace("log/000000000001.log", core::as_bytes(log)).has_value());
  look_once();
  EXPECT_TRUE(has_reason("log.edited")) << log_text();
}

// Answers: T-81, LG-02
TEST_F(Attack, ADeletedDeviceLogIsNoticedAtTheNextStart) {
  publish(v1);
  look_once();
  const auto storage = world.storage("agent");
  ASSERT_TRUE(storage->remove("log/000000000001.log").has_value());
  look_once();
  EXPECT_TRUE(has_reason("log.truncated")) << log_text();
}

}  // namespace
}  // namespace aseptic::agent::test
