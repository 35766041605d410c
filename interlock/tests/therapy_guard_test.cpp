// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/therapy_guard.h"

#include <gtest/gtest.h>

#include "rig.h"

namespace aseptic::interlock {
namespace {

AgentMessage hold_ask(std::uint8_t nonce = 0x10) {
  AgentMessage m;
  m.type = AgentMessageType::kHoldAsk;
  m.hold = filled<Nonce>(nonce);
  m.transaction = kTransactionId;
  m.manifest = kNext;
  return m;
}

Refusal last_refusal(Rig& rig) {
  TherapyMessage message;
  EXPECT_EQ(parse(rig.to_agent.sent.back(), message), Status::kSuccess);
  EXPECT_EQ(message.type, TherapyMessageType::kRefused);
  return message.refusal;
}

// ---- start

// Answers: SI-01, SI-03
TEST(TherapyGuardStart, TherapyIsImpossibleUntilTheCancelIsDurableAndReadBack) {
  Rig rig;
  TherapyGuard guard{GuardConfig{}};
  rig.permit.medium = PermitCell{PermitState::kGranted, 12, filled<Nonce>(1)};
  rig.permit.is_slow = true;
  ASSERT_EQ(guard.start(rig.guard_ports(), rig.facts), Status::kSuccess);
  EXPECT_EQ(guard.state(), GuardState::kCancelling);
  for (int i = 0; i < 5; ++i)
    guard.poll(rig.guard_ports());
  EXPECT_EQ(guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  rig.permit.is_slow = false;
  guard.poll(rig.guard_ports());
  EXPECT_EQ(guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
  EXPECT_EQ(guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
}

TEST(TherapyGuardStart, WritesAgainWhenReadBackStillShowsThePermit) {
  Rig rig;
  TherapyGuard guard{GuardConfig{}};
  rig.permit.medium = PermitCell{PermitState::kGranted, 12, filled<Nonce>(1)};
  rig.permit.forgets = true;
  const int before = rig.permit.stores;
  ASSERT_EQ(guard.start(rig.guard_ports(), rig.facts), Status::kSuccess);
  guard.poll(rig.guard_ports());
  EXPECT_EQ(guard.state(), GuardState::kCancelling);
  EXPECT_EQ(guard.last_reason(), Status::kStorage);
  EXPECT_GE(rig.permit.stores - before, 2);
  rig.permit.forgets = false;
  guard.poll(rig.guard_ports());
  EXPECT_EQ(guard.state(), GuardState::kIdle);
}

TEST(TherapyGuardStart, StaysInhibitedWhenThePermitCellCannotBeWritten) {
  Rig rig;
  TherapyGuard guard{GuardConfig{}};
  rig.permit.fails = true;
  ASSERT_EQ(guard.start(rig.guard_ports(), rig.facts), Status::kSuccess);
  for (int i = 0; i < 10; ++i)
    guard.poll(rig.guard_ports());
  EXPECT_EQ(guard.state(), GuardState::kCancelling);
  EXPECT_EQ(guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
}

// Answers: SI-03
TEST(TherapyGuardStart, StartsInhibitedInATrial) {
  Rig rig(RunKind::kTrial);
  EXPECT_EQ(rig.guard.state(), GuardState::kInTrial);
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
}

TEST(TherapyGuardStart, TakesAnUnknownRunKindForATrial) {
  Rig rig(static_cast<RunKind>(0));
  EXPECT_EQ(rig.guard.state(), GuardState::kInTrial);
}

TEST(TherapyGuardStart, GoesOnWithATherapyThatWasRunning) {
  Rig rig;
  rig.application.conditions = bit(UseCondition::kTherapyActive);
  TherapyGuard guard{GuardConfig{}};
  ASSERT_EQ(guard.start(rig.guard_ports(), rig.facts), Status::kSuccess);
  EXPECT_EQ(guard.state(), GuardState::kTherapy);
}

TEST(TherapyGuardStart, RefusesFactsThatNameNoBoot) {
  Rig rig;
  for (int field = 0; field < 4; ++field) {
    BootFacts facts = rig.facts;
    if (field == 0) facts.boot_count = 0;
    if (field == 1) facts.boot_id = BootId{};
    if (field == 2) facts.device_id = DeviceId{};
    if (field == 3) facts.running = ManifestDigest{};
    TherapyGuard guard{GuardConfig{}};
    EXPECT_EQ(guard.start(rig.guard_ports(), facts), Status::kBadValue) << field;
    EXPECT_EQ(guard.state(), GuardState::kStarting);
    EXPECT_EQ(guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  }
}

TEST(TherapyGuardStart, RefusesASecondStart) {
  Rig rig;
  EXPECT_EQ(rig.guard.start(rig.guard_ports(), rig.facts), Status::kBadState);
}

TEST(TherapyGuardConfig, KeepsEveryValueWithinItsLimits) {
  struct Row {
    std::uint32_t GuardConfig::*field;
    std::uint32_t lowest;
    std::uint32_t highest;
  };
  const Row rows[] = {{&GuardConfig::lease_valid_ms, kLeaseValidMsMin, kLeaseValidMsMax},
                      {&GuardConfig::silence_ms, kSilenceMsMin, kSilenceMsMax},
                      {&GuardConfig::hold_budget_ms, kHoldBudgetMsMin, kHoldBudgetMsMax},
                      {&GuardConfig::trial_budget_ms, kTrialBudgetMsMin, kTrialBudgetMsMax}};
  for (const Row& row : rows) {
    GuardConfig config;
    config.*row.field = row.lowest;
    EXPECT_EQ(check(config), Status::kSuccess);
    config.*row.field = row.highest;
    EXPECT_EQ(check(config), Status::kSuccess);
    config.*row.field = row.lowest - 1;
    EXPECT_EQ(check(config), Status::kBadConfig);
    config.*row.field = row.highest + 1;
    EXPECT_EQ(check(config), Status::kBadConfig);
    Rig rig;
    TherapyGuard guard{config};
    EXPECT_EQ(guard.start(rig.guard_ports(), rig.facts), Status::kBadConfig);
    EXPECT_EQ(guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  }
}

// ---- the hold

// Answers: SI-01, SI-03
TEST(TherapyGuardHold, AcknowledgesOnlyWhenThePermitIsDurableAndReadBack) {
  Rig rig;
  rig.permit.is_slow = true;
  rig.tell_guard(hold_ask());
  EXPECT_EQ(rig.guard.state(), GuardState::kGranting);
  rig.guard.poll(rig.guard_ports());
  EXPECT_TRUE(rig.to_agent.sent.empty()) << "nothing is acknowledged before it is durable";
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  rig.permit.is_slow = false;
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
  EXPECT_EQ(rig.permit.medium, (PermitCell{PermitState::kGranted, 12, filled<Nonce>(0x10)}));
  TherapyMessage ack;
  ASSERT_EQ(parse(rig.take_from_guard(), ack), Status::kSuccess);
  EXPECT_EQ(ack.type, TherapyMessageType::kLease);
  EXPECT_EQ(ack.lease.nonce, filled<Nonce>(0x10));
  EXPECT_EQ(ack.lease.transaction, kTransactionId);
  EXPECT_EQ(ack.lease.manifest, kNext);
  EXPECT_EQ(ack.lease.boot_id, kBootId);
  EXPECT_EQ(ack.lease.device_id, kDeviceId);
  EXPECT_EQ(ack.lease.state, LeaseState::kInhibited);
}

TEST(TherapyGuardHold, CancelsWhenReadBackDoesNotShowThePermit) {
  Rig rig;
  rig.permit.forgets = true;
  rig.tell_guard(hold_ask());
  EXPECT_EQ(rig.guard.last_reason(), Status::kNoPermit);
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle) << "cancelled: the medium shows a cleared cell";
  EXPECT_TRUE(rig.to_agent.sent.empty());
}

// Answers: SI-01
TEST(TherapyGuardHold, IsNotAcknowledgedWhenTheFlushFailsAlthoughThePermitCanBeRead) {
  Rig rig;
  rig.permit.sync_fails = true;
  rig.tell_guard(hold_ask());
  EXPECT_EQ(rig.guard.last_reason(), Status::kStorage);
  EXPECT_EQ(rig.guard.state(), GuardState::kCancelling)
      << "nor is the clearing believed before it is durable";
  EXPECT_TRUE(rig.to_agent.sent.empty());
  rig.permit.sync_fails = false;
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
}

// Answers: SI-01, SI-02
TEST(TherapyGuardHold, IsRefusedForEveryRowOfTheTable) {
  for (const BlockingRule& rule : kBlockingTable) {
    Rig rig;
    rig.application.conditions = bit(rule.condition);
    rig.tell_guard(hold_ask());
    EXPECT_EQ(rig.guard.state(), GuardState::kIdle) << rule.name;
    EXPECT_EQ(last_refusal(rig).reason, Status::kTherapyBlocked) << rule.name;
    EXPECT_EQ(last_refusal(rig).blocking, bit(rule.condition));
    EXPECT_EQ(rig.permit.medium, PermitCell{});
  }
}

// Answers: SI-01
TEST(TherapyGuardHold, IsRefusedWhileTherapyRunsEvenIfTheApplicationForgotIt) {
  Rig rig;
  ASSERT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
  rig.tell_guard(hold_ask());
  EXPECT_EQ(rig.guard.state(), GuardState::kTherapy);
  EXPECT_EQ(last_refusal(rig).blocking, bit(UseCondition::kTherapyActive));
  ASSERT_EQ(rig.guard.end_therapy(), Status::kSuccess);
  rig.tell_guard(hold_ask());
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
}

// Answers: SI-01
TEST(TherapyGuardHold, IsRefusedWhenTheApplicationIsFrozenOrDead) {
  Rig frozen;
  frozen.application.is_frozen = true;
  frozen.tell_guard(hold_ask());
  EXPECT_EQ(frozen.guard.state(), GuardState::kIdle);
  EXPECT_EQ(last_refusal(frozen).reason, Status::kNoAnswer);
  Rig dead;
  dead.application.is_dead = true;
  dead.tell_guard(hold_ask());
  EXPECT_EQ(dead.guard.state(), GuardState::kIdle);
  EXPECT_EQ(last_refusal(dead).reason, Status::kNoAnswer);
}

// Answers: SI-03
TEST(TherapyGuardHold, EndsAfterSilenceT) {
  Rig rig;
  rig.hold();
  rig.pass(kSilenceMsDefault - 1);
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
  rig.pass(1);
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.guard.last_reason(), Status::kSilence);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
}

TEST(TherapyGuardHold, AMessageAfterSilenceTDoesNotReviveIt) {
  Rig rig;
  rig.hold();
  AgentMessage renew;
  renew.type = AgentMessageType::kRenew;
  renew.hold = rig.client.hold();
  renew.challenge = filled<Nonce>(0x44);
  rig.pass(kSilenceMsDefault);
  rig.tell_guard(renew);
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotThisHold);
}

// Answers: SI-08
TEST(TherapyGuardHold, EndsWhenItsBudgetIsSpentHoweverOftenItIsRenewed) {
  Rig rig;
  rig.hold();
  std::uint64_t passed = 0;
  while (passed < kHoldBudgetMsDefault - 1000) {
    rig.pass(1000);
    passed += 1000;
    rig.client.poll(rig.client_ports());
    rig.settle();
    ASSERT_EQ(rig.guard.state(), GuardState::kInhibited) << passed;
  }
  rig.pass(1000);
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.guard.last_reason(), Status::kBudgetSpent);
}

TEST(TherapyGuardHold, EndsAtReleaseWithThePermitCleared) {
  Rig rig;
  rig.hold();
  rig.client.release(rig.client_ports());
  rig.permit.is_slow = true;
  rig.deliver_to_guard();
  EXPECT_EQ(rig.guard.state(), GuardState::kCancelling);
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  rig.permit.is_slow = false;
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
}

TEST(TherapyGuardHold, ACancelWaitsForStorageEvenIfTheMediumNeverShowedThePermit) {
  // The grant is still on its way to the medium when it is cancelled: a medium that shows no PERMIT proves
  // nothing yet.
  Rig rig;
  rig.permit.is_slow = true;
  rig.tell_guard(hold_ask());
  rig.guard.agent_gone(rig.guard_ports());
  ASSERT_EQ(rig.permit.medium, PermitCell{});
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kCancelling);
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  rig.permit.is_slow = false;
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
}

TEST(TherapyGuardHold, ARenewalOfAnotherHoldGetsNoLease) {
  Rig rig;
  rig.hold();
  const int before = rig.key.signatures;
  AgentMessage renew;
  renew.type = AgentMessageType::kRenew;
  renew.hold = filled<Nonce>(0xee);
  renew.challenge = filled<Nonce>(0xef);
  rig.tell_guard(renew);
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotThisHold);
  EXPECT_EQ(rig.key.signatures, before);
}

TEST(TherapyGuardHold, AGrantedHoldCarriesNoReasonOfAnEarlierRefusal) {
  Rig rig;
  rig.application.conditions = bit(UseCondition::kAlarmActive);
  rig.tell_guard(hold_ask());
  ASSERT_EQ(rig.guard.last_reason(), Status::kTherapyBlocked);
  rig.application.conditions = 0;
  rig.tell_guard(hold_ask());
  ASSERT_EQ(rig.guard.state(), GuardState::kInhibited);
  EXPECT_EQ(rig.guard.last_reason(), Status::kSuccess);
}

TEST(TherapyGuardHold, AReleaseOfAnotherHoldChangesNothing) {
  Rig rig;
  rig.hold();
  AgentMessage release;
  release.type = AgentMessageType::kRelease;
  release.hold = filled<Nonce>(0xee);
  rig.tell_guard(release);
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
}

TEST(TherapyGuardHold, EndsAtOnceWhenTheAgentHangsUp) {
  Rig rig;
  rig.hold();
  rig.guard.agent_gone(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
}

// Answers: SI-02, SI-03
TEST(TherapyGuardHold, EndsWhenAPatientIsConnectedMeanwhile) {
  Rig rig;
  rig.hold();
  rig.application.input_2 = PatientSignal::kConnected;
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.guard.last_reason(), Status::kTherapyBlocked);
}

TEST(TherapyGuardHold, AnotherHoldIsRefusedWhileOneIsInForce) {
  Rig rig;
  rig.hold();
  rig.tell_guard(hold_ask(0x99));
  EXPECT_EQ(last_refusal(rig).reason, Status::kHeldByOther);
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
}

TEST(TherapyGuardHold, GivesNoLeaseWhenTheTherapyKeyCannotSign) {
  Rig rig;
  rig.key.is_broken = true;
  rig.tell_guard(hold_ask());
  EXPECT_EQ(last_refusal(rig).reason, Status::kSigner);
}

// ---- the reset

// Answers: SI-01, SI-03, SI-15
TEST(TherapyGuardReset, IsCommandedForTheHoldThatWasJustChecked) {
  Rig rig;
  rig.hold_and_check();
  rig.ask_reset(ResetPurpose::kSwitch);
  ASSERT_EQ(rig.reset.commanded.size(), 1u);
  EXPECT_EQ(rig.reset.commanded[0], ResetPurpose::kSwitch);
}

// Answers: SI-01, SI-02, SI-03
TEST(TherapyGuardReset, IsRefusedWhenAnythingBlocksAtTheLastInstant) {
  for (const BlockingRule& rule : kBlockingTable) {
    Rig rig;
    rig.hold_and_check();
    ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
    rig.application.conditions = bit(rule.condition);
    rig.settle();
    EXPECT_TRUE(rig.reset.commanded.empty()) << rule.name;
    EXPECT_EQ(rig.client.stage(), HoldStage::kLost);
    EXPECT_EQ(rig.permit.medium, PermitCell{}) << "the hold is cancelled as well";
  }
}

// Answers: SI-03
TEST(TherapyGuardReset, IsRefusedWhenTheStateChangesBetweenTheTwoChecks) {
  Rig rig;
  rig.hold_and_check();
  ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
  // Question 1 from here is poll's, 2 the first check's, 3 the second check's.
  rig.application.changes_at_question = rig.application.questions + 3;
  rig.settle();
  EXPECT_TRUE(rig.reset.commanded.empty());
}

TEST(TherapyGuardReset, IsRefusedWhenTheApplicationStoppedAnswering) {
  Rig rig;
  rig.hold_and_check();
  ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
  rig.application.is_frozen = true;
  rig.settle();
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
}

// Answers: SI-03
TEST(TherapyGuardReset, IsRefusedOnAnUnexpiredLeaseWithoutAChallengeAnsweredNow) {
  Rig rig;
  rig.hold();
  AgentMessage ask;
  ask.type = AgentMessageType::kResetAsk;
  ask.hold = rig.client.hold();
  ask.challenge = rig.client.hold();  // the nonce of the acknowledgement, whose lease is still valid
  ask.transaction = kTransactionId;
  ask.manifest = kNext;
  ask.purpose = ResetPurpose::kSwitch;
  ASSERT_TRUE(rig.client.is_held(rig.client_ports()));
  rig.tell_guard(ask);
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(last_refusal(rig).reason, Status::kStaleLease);
}

TEST(TherapyGuardReset, IsRefusedWhenTheAnswerToTheChallengeIsTooOld) {
  for (const std::uint32_t age : {kLeaseValidMsMax, kLeaseValidMsMax + 1}) {
    Rig rig;
    rig.hold_and_check();
    AgentMessage ask;
    ask.type = AgentMessageType::kResetAsk;
    ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
    rig.pass(age);
    rig.deliver_to_guard();
    EXPECT_EQ(rig.reset.commanded.size(), age <= kLeaseValidMsMax ? 1u : 0u) << age;
  }
}

TEST(TherapyGuardReset, OneAnswerServesOneAttempt) {
  Rig rig;
  rig.hold_and_check();
  ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kConfirm), Status::kBadValue);
  ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
  auto frame = rig.to_therapy.sent.back();
  frame[8 + 48] ^= 1;  // another manifest
  rig.guard.receive(rig.guard_ports(), frame);
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotThisManifest);
  rig.deliver_to_guard();  // the right one, after the failed attempt
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(last_refusal(rig).reason, Status::kStaleLease);
}

// Answers: SI-01, SI-03
TEST(TherapyGuardReset, IsRefusedWhenThePermitIsNotOnTheMedium) {
  const PermitCell others[] = {PermitCell{}, PermitCell{PermitState::kGranted, 11, filled<Nonce>(1)},
                               PermitCell{PermitState::kGranted, 12, filled<Nonce>(0xaa)}};
  for (const PermitCell& other : others) {
    Rig rig;
    rig.hold_and_check();
    rig.permit.medium = other;
    rig.ask_reset(ResetPurpose::kSwitch);
    EXPECT_TRUE(rig.reset.commanded.empty());
    EXPECT_EQ(rig.client.last_reason(), Status::kNoPermit);
  }
}

TEST(TherapyGuardReset, IsRefusedForAnotherHoldTransactionOrManifest) {
  const struct {
    std::size_t byte;
    Status reason;
  } rows[] = {{8, Status::kNotThisHold},
              {8 + 32, Status::kNotThisTransaction},
              {8 + 48, Status::kNotThisManifest},
              {8 + 16, Status::kStaleLease}};
  for (const auto& row : rows) {
    Rig rig;
    rig.hold_and_check();
    ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
    auto frame = rig.to_therapy.sent.back();
    frame[row.byte] ^= 0x40;
    rig.guard.receive(rig.guard_ports(), frame);
    EXPECT_TRUE(rig.reset.commanded.empty());
    EXPECT_EQ(last_refusal(rig).reason, row.reason);
  }
}

TEST(TherapyGuardReset, CancelsTheHoldWhenTheResetDoesNotHappen) {
  Rig rig;
  rig.hold_and_check();
  rig.ask_reset(ResetPurpose::kSwitch);  // the fake line returns: the reset failed
  EXPECT_EQ(rig.client.last_reason(), Status::kResetFailed);
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
}

// ---- the trial

// Answers: SI-03
TEST(TherapyGuardTrial, ResetsToConfirmOrRevertAndNeverToSwitch) {
  for (const ResetPurpose purpose : {ResetPurpose::kConfirm, ResetPurpose::kRevert, ResetPurpose::kSwitch}) {
    Rig rig(RunKind::kTrial);
    rig.hold_and_check(HoldKind::kTrial);
    const bool fits = purpose != ResetPurpose::kSwitch;
    EXPECT_EQ(rig.client.ask_reset(rig.client_ports(), purpose), fits ? Status::kSuccess : Status::kBadValue);
    rig.settle();
    EXPECT_EQ(rig.reset.commanded.size(), fits ? 1u : 0u);
  }
}

TEST(TherapyGuardTrial, ConfirmAndRevertAreRefusedOutsideATrial) {
  for (const ResetPurpose purpose : {ResetPurpose::kConfirm, ResetPurpose::kRevert}) {
    Rig rig;
    rig.hold_and_check();
    AgentMessage ask;
    ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kSuccess);
    ASSERT_EQ(parse(rig.to_therapy.sent.back(), ask), Status::kSuccess);
    ask.purpose = purpose;
    rig.tell_guard(ask);
    EXPECT_TRUE(rig.reset.commanded.empty());
    EXPECT_EQ(last_refusal(rig).reason, Status::kNotInTrial);
  }
}

TEST(TherapyGuardTrial, ASwitchIsRefusedForWantOfAHold) {
  Rig rig(RunKind::kTrial);
  rig.hold_and_check(HoldKind::kTrial);
  ASSERT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kConfirm), Status::kSuccess);
  AgentMessage ask;
  ASSERT_EQ(parse(rig.to_therapy.sent.back(), ask), Status::kSuccess);
  ask.purpose = ResetPurpose::kSwitch;
  rig.tell_guard(ask);
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotInhibited);
}

TEST(TherapyGuardTrial, ResetsOnlyWhileTheApplicationAnswers) {
  Rig rig(RunKind::kTrial);
  rig.hold_and_check(HoldKind::kTrial);
  rig.application.is_frozen = true;
  rig.ask_reset(ResetPurpose::kConfirm);
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(rig.client.last_reason(), Status::kNoAnswer);
  EXPECT_EQ(rig.guard.state(), GuardState::kInTrial);
}

TEST(TherapyGuardTrial, GivesNoLeaseForAnotherImageThanTheRunningOne) {
  Rig rig(RunKind::kTrial);
  rig.tell_guard(hold_ask());
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotThisManifest);
}

TEST(TherapyGuardTrial, WritesNoPermit) {
  Rig rig(RunKind::kTrial);
  rig.hold(HoldKind::kTrial);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
  EXPECT_EQ(rig.permit.cached, PermitCell{});
}

// Answers: SI-08
TEST(TherapyGuardTrial, GoesBackByItselfWhenTheOutOfServiceTimeIsSpent) {
  Rig rig(RunKind::kTrial);
  rig.pass(kTrialBudgetMsDefault - 1);
  rig.guard.poll(rig.guard_ports());
  EXPECT_TRUE(rig.reset.commanded.empty());
  rig.pass(1);
  rig.guard.poll(rig.guard_ports());
  ASSERT_EQ(rig.reset.commanded.size(), 1u);
  EXPECT_EQ(rig.reset.commanded[0], ResetPurpose::kRevert);
}

TEST(TherapyGuardTrial, AnswersTheSelfTestForThisHoldOnly) {
  for (const SelfTestVerdict verdict :
       {SelfTestVerdict::kPassed, SelfTestVerdict::kFailed, SelfTestVerdict::kRunning}) {
    Rig rig(RunKind::kTrial);
    rig.hold(HoldKind::kTrial);
    rig.application.verdict = verdict;
    ASSERT_EQ(rig.client.ask_self_test(rig.client_ports()), Status::kSuccess);
    EXPECT_EQ(rig.exchange(), Status::kSuccess);
    EXPECT_EQ(rig.client.self_test(), verdict);
  }
  Rig rig(RunKind::kTrial);
  rig.hold(HoldKind::kTrial);
  AgentMessage ask;
  ask.type = AgentMessageType::kSelfTestAsk;
  ask.hold = filled<Nonce>(0xee);
  ask.challenge = filled<Nonce>(0xef);
  rig.tell_guard(ask);
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotThisHold);
}

TEST(TherapyGuardTrial, AnswersNoSelfTestOutsideATrial) {
  Rig rig;
  AgentMessage ask;
  ask.type = AgentMessageType::kSelfTestAsk;
  ask.hold = filled<Nonce>(0xee);
  ask.challenge = filled<Nonce>(0xef);
  rig.tell_guard(ask);
  EXPECT_EQ(last_refusal(rig).reason, Status::kNotInTrial);
}

TEST(TherapyGuardTherapy, BeginsOnlyInIdleAndEndsOnlyInTherapy) {
  Rig rig;
  EXPECT_EQ(rig.guard.end_therapy(), Status::kBadState);
  ASSERT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
  ASSERT_EQ(rig.guard.end_therapy(), Status::kSuccess);
  rig.hold();
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kTherapyInhibited);
}

TEST(TherapyGuardTherapy, IsPossibleOnTheRecoveryImage) {
  Rig rig(RunKind::kRecovery);
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
}

TEST(TherapyGuardNames, AreDistinct) {
  EXPECT_STREQ(name_of(GuardState::kInhibited), "INHIBITED");
  EXPECT_STREQ(name_of(static_cast<GuardState>(1)), "unknown");
  EXPECT_STREQ(name_of(HoldStage::kResetAsked), "RESET_ASKED");
  EXPECT_STREQ(name_of(static_cast<HoldStage>(1)), "unknown");
}

}  // namespace
}  // namespace aseptic::interlock
