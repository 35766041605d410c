// SPDX-License-Identifier: Apache-2.0
// Whole updates in process: the real boot, guard and engine over the simulated disk.
#include "aseptic/trust/report.h"
#include "update_fixture.h"

namespace aseptic::agent::test {
namespace {

using UpdateTest = UpdateFixture;

// Answers: AP-01, RC-02, LG-01
TEST_F(UpdateTest, GoesFromAvailableToSyncedAndBothSlotsHoldTheNewImage) {
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure << "\n" << log_text();
  EXPECT_EQ(states, (std::vector<std::string>{"AVAILABLE", "STAGED", "OFFERED", "APPROVED", "HELD", "SWITCHED",
                                              "SELF_TEST", "RETURN_TO_SERVICE", "CONFIRM_REQUESTED", "CONFIRMED",
                                              "IN_SERVICE", "SYNCED", "IDLE"}));
  core::Bytes slot = v2.slot_bytes;
  slot.resize(kSlotSize, 0);
  EXPECT_EQ(world.content("slots/a.img"), slot);
  EXPECT_EQ(world.content("slots/b.img"), slot);
  EXPECT_GE(site.posts, 2u);
}

// Answers: AP-01
TEST_F(UpdateTest, LeavesTheRunningSlotUntouchedUntilTheNewImageIsConfirmed) {
  publish(v2);
  const auto running = world.content("slots/a.img");
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return run.engine().status().state == State::kConfirmRequested; }));
  EXPECT_EQ(world.content("slots/a.img"), running);
}

// Answers: RC-01, RC-02
TEST_F(UpdateTest, RevertsWhenTheSelfTestFailsAndDoesNotTryThatDigestAgain) {
  publish(v2);
  behaviour.self_test["2.0.0"] = interlock::SelfTestVerdict::kFailed;
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return is_idle_on(run, v1) && run.engine().status().last_error == "trust.attempt"; }))
      << failure << "\n" << log_text();
  EXPECT_TRUE(has_reason("agent.self_test_failed"));
  EXPECT_TRUE(has_reason("agent.trial_failed"));
  EXPECT_TRUE(has_reason("boot.trial_failed"));
  const std::uint32_t resets_before = resets;
  run_rounds(60);
  EXPECT_EQ(resets, resets_before);
  core::Bytes slot = v1.slot_bytes;
  slot.resize(kSlotSize, 0);
  EXPECT_EQ(world.content("slots/b.img"), slot) << "the other slot was not brought up to date again";
}

// Answers: RC-01
TEST_F(UpdateTest, TriesAQuarantinedImageAgainOnlyWithAHigherAttemptNumber) {
  publish(v2);
  behaviour.self_test["2.0.0"] = interlock::SelfTestVerdict::kFailed;
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return is_idle_on(run, v1) && run.engine().status().last_error == "trust.attempt"; }));
  behaviour.self_test.clear();
  publish(v2, {.attempt = 2});
  ASSERT_TRUE(run_until(idle_on(v2))) << failure << "\n" << log_text();
}

// Answers: RC-04, MF-01
TEST_F(UpdateTest, RefusesAnOlderReleaseAfterANewerOneWasConfirmed) {
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  publish(v1);
  const auto before = protected_state();
  run_rounds(40);
  EXPECT_TRUE(has_reason("trust.sequence")) << log_text();
  EXPECT_EQ(protected_state(), before);
}

// Answers: T-06, MF-01, RC-04
TEST_F(UpdateTest, RefusesAnOlderReleaseAlsoAfterTheAgentsStateWasWiped) {
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  wipe_agent();
  publish(v1);
  const auto before = protected_state();
  run_rounds(40);
  EXPECT_TRUE(has_reason("trust.sequence")) << log_text();
  EXPECT_EQ(protected_state(), before);
}

// Answers: T-06
TEST_F(UpdateTest, FinishesATrialAlthoughTheAgentsStateWasWipedInIt) {
  publish(v2);
  ASSERT_TRUE(run_until([&](DeviceRun& run) { return run.engine().status().state == State::kSelfTest; }));
  const auto storage = world.storage("agent");
  ASSERT_TRUE(storage->remove("transaction.json").has_value());
  ASSERT_TRUE(storage->remove("memory.json").has_value());
  // The agent is started again in the same start of the device: boot's mailbox still says trial.
  cause = boot::ResetCause::kPowerOn;
  ASSERT_TRUE(run_until(idle_on(v2))) << failure << "\n" << log_text();
}

// Answers: DL-07
TEST_F(UpdateTest, FinishesTheTrialAlthoughAllMetadataHasExpiredAndTheServerIsGone) {
  publish(v2);
  bool gone = false;
  ASSERT_TRUE(run_until([&](DeviceRun& run) {
    if (run.engine().status().state == State::kSwitched && !std::exchange(gone, true)) {
      world.set_wall(rig_time().time_since_epoch().count() + 5LL * 365 * 24 * 3600);
      site.files->clear();
    }
    return run.engine().status().state == State::kInService;
  })) << failure << "\n" << log_text();
  EXPECT_TRUE(gone);
}

// Answers: AP-04, T-68
TEST_F(UpdateTest, WritesNothingWhileTheEnergyDoesNotSuffice) {
  publish(v2, {.energy_mwh = 500});
  config.policy.energy_mwh = 499;
  const auto slots = std::pair(world.content("slots/a.img"), world.content("slots/b.img"));
  run_rounds(40);
  EXPECT_TRUE(has_reason("agent.energy")) << log_text();
  EXPECT_EQ(slots, std::pair(world.content("slots/a.img"), world.content("slots/b.img")));
  config.policy.energy_mwh = 500;
  EXPECT_TRUE(run_until(idle_on(v2))) << failure;
}

// Answers: AP-04, DL-08, T-68
TEST_F(UpdateTest, WritesNothingWhileTheDevicesReserveOfSpaceWouldBeTouched) {
  publish(v2);
  config.policy.disk_reserve_bytes = ~0ULL >> 1;
  const auto slots = std::pair(world.content("slots/a.img"), world.content("slots/b.img"));
  run_rounds(40);
  EXPECT_TRUE(has_reason("agent.space")) << log_text();
  EXPECT_EQ(slots, std::pair(world.content("slots/a.img"), world.content("slots/b.img")));
}

// Answers: AP-04
TEST_F(UpdateTest, RefusesAReleaseWhoseSourceRangeDoesNotCoverTheConfirmedVersion) {
  run_rounds(3);
  publish(v3, {.sources_min = 2});
  const auto before = protected_state();
  run_rounds(40);
  EXPECT_TRUE(has_reason("trust.source_range")) << log_text();
  EXPECT_EQ(protected_state(), before);
}

// Answers: SI-15
TEST_F(UpdateTest, WaitsForTheMaintenanceWindowAndNeverMakesOne) {
  publish(v2);
  config.policy.windows = {{6 * 60, 7 * 60}};  // the world begins at 05:00
  run_rounds(200);
  EXPECT_EQ(resets, 0u);
  EXPECT_TRUE(has_reason("agent.waits_for_window")) << log_text();
  world.set_wall(rig_time().time_since_epoch().count() + 3600);
  EXPECT_TRUE(run_until(idle_on(v2))) << failure << "\n" << log_text();
}

// Answers: SI-15, SI-01, T-66
TEST_F(UpdateTest, NeverResetsTheDeviceWhileTherapyIsActive) {
  publish(v2);
  behaviour.conditions = interlock::bit(interlock::UseCondition::kTherapyActive);
  run_rounds(300, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kApproved); });
  EXPECT_EQ(resets, 0u);
  behaviour.conditions = 0;
  EXPECT_TRUE(run_until(idle_on(v2))) << failure << "\n" << log_text();
}

TEST_F(UpdateTest, WaitsForALocalApprovalWhereThePolicyAsksForOne) {
  publish(v2);
  config.policy.approval = Decision::kLocal;
  run_rounds(60, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kOffered); });
  bool asked = false;
  EXPECT_TRUE(run_until([&](DeviceRun& run) {
    if (!std::exchange(asked, true)) run.engine().approve("local:1000");
    return is_idle_on(run, v2);
  })) << failure << "\n" << log_text();
}

// Answers: SI-12
TEST_F(UpdateTest, RevertsWhenReturnToServiceIsRefused) {
  publish(v2);
  config.policy.return_to_service = Decision::kLocal;
  EXPECT_TRUE(run_until([&](DeviceRun& run) {
    if (run.engine().status().why == "waits_for_decision") run.engine().decide_return_to_service(Verdict::kFailed, "local:0");
    return is_idle_on(run, v1) && run.engine().status().last_error == "trust.attempt";
  })) << failure << "\n" << log_text();
  EXPECT_TRUE(has_reason("agent.return_refused"));
}

// Answers: SI-15
TEST_F(UpdateTest, GivesUpAStagedReleaseThatTheChannelDoesNotSelectAnyMore) {
  publish(v2);
  config.policy.approval = Decision::kLocal;
  run_rounds(40, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kOffered); });
  publish(v1);  // back to what runs: nothing is offered
  run_rounds(60, [](DeviceRun& run) { EXPECT_EQ(run.engine().status().state, State::kIdle); });
  EXPECT_TRUE(has_reason("agent.withdrawn")) << log_text();
}

// Answers: AP-10
TEST_F(UpdateTest, DoesNothingTwiceForAReleaseThatIsAlreadyInstalled) {
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  publish(v2);  // the same release in newer metadata
  const auto before = protected_state();
  const auto resets_before = resets;
  run_rounds(60);
  EXPECT_EQ(protected_state(), before);
  EXPECT_EQ(resets, resets_before);
}

// Answers: LG-05, T-22
TEST_F(UpdateTest, SignsReportsWithGrowingSequenceNumbersThatAServerTakesInOrder) {
  publish(v2);
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  ASSERT_GE(site.reports.size(), 4u);
  trust::LastReport last;
  for (const std::string& file : site.reports) {
    const auto report = trust::verify_report(core::as_bytes(file), keys.device.public_key());
    ASSERT_TRUE(report.has_value()) << report.error().sentence();
    const core::Digest digest = core::sha256(file);
    const auto arrival = trust::check_arrival(*report, digest, last, {});
    ASSERT_TRUE(arrival.has_value()) << arrival.error().sentence();
    EXPECT_EQ(*arrival, trust::ReportArrival::kNew);
    EXPECT_GT(report->sequence, last.sequence);
    last = {report->sequence, digest, report->log_count, report->log_head};
  }
  const auto final_report = trust::verify_report(core::as_bytes(site.reports.back()), keys.device.public_key());
  EXPECT_EQ(final_report->confirmed.at(0).confirmed_manifest, v2.manifest);
}

// Answers: LG-05
TEST_F(UpdateTest, KeepsReportsWhileOfflineAndNeverUsesANumberTwice) {
  publish(v2);
  config.server.report_url = "https://nowhere/report";  // queued only until a server takes them
  config.server.report_url.clear();
  ASSERT_TRUE(run_until(idle_on(v2))) << failure;
  EXPECT_EQ(site.posts, 0u);
  config.server.report_url = "https://repository/report";
  run_rounds(20);
  ASSERT_GE(site.reports.size(), 4u);
  std::uint64_t sequence = 0;
  for (const std::string& file : site.reports) {
    const auto report = trust::verify_report(core::as_bytes(file), keys.device.public_key());
    ASSERT_TRUE(report.has_value());
    EXPECT_GT(report->sequence, sequence);
    sequence = report->sequence;
  }
}

}  // namespace
}  // namespace aseptic::agent::test
