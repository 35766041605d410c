// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/hold_client.h"

#include <gtest/gtest.h>

#include "rig.h"

namespace aseptic::interlock {
namespace {

// A lease as the therapy side would sign it for the open question of `rig`.
Lease lease_for(const Rig& rig) {
  Lease lease;
  lease.nonce = rig.client.hold();
  lease.device_id = kDeviceId;
  lease.transaction = kTransactionId;
  lease.manifest = kNext;
  lease.boot_id = kBootId;
  lease.sequence = 5;
  lease.state = LeaseState::kInhibited;
  lease.valid_ms = kLeaseValidMsMax;
  return lease;
}

Status deliver(Rig& rig, const Lease& lease, FakeKey& key) {
  Signature signature;
  EXPECT_EQ(key.sign(lease_region(lease), signature), Status::kSuccess);
  return rig.client.receive(rig.client_ports(), encode(lease, signature).view());
}

Rig& asking(Rig& rig) {
  EXPECT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kSuccess);
  rig.to_therapy.sent.clear();
  return rig;
}

TEST(HoldClientLease, BelievesTheRightOne) {
  Rig rig;
  asking(rig);
  EXPECT_EQ(deliver(rig, lease_for(rig), rig.key), Status::kSuccess);
  EXPECT_EQ(rig.client.stage(), HoldStage::kHeld);
  EXPECT_TRUE(rig.client.is_held(rig.client_ports()));
}

// Answers: SI-01
TEST(HoldClientLease, RefusesOneOfAWrongKey) {
  Rig rig;
  FakeKey forger{8};
  asking(rig);
  EXPECT_EQ(deliver(rig, lease_for(rig), forger), Status::kBadSignature);
  EXPECT_EQ(rig.client.stage(), HoldStage::kAsking);
  EXPECT_FALSE(rig.client.is_held(rig.client_ports()));
}

// Answers: SI-01
TEST(HoldClientLease, RefusesOneThatIsNotAboutThisHold) {
  const struct {
    void (*change)(Lease&);
    Status reason;
  } rows[] = {
      {[](Lease& l) { l.device_id.bytes[0] ^= 1; }, Status::kNotThisDevice},
      {[](Lease& l) { l.boot_id.bytes[15] ^= 1; }, Status::kNotThisBoot},
      {[](Lease& l) { l.transaction.bytes[3] ^= 1; }, Status::kNotThisTransaction},
      {[](Lease& l) { l.manifest.bytes[31] ^= 1; }, Status::kNotThisManifest},
      {[](Lease& l) { l.state = LeaseState::kInTrial; }, Status::kNotInhibited},
      {[](Lease& l) { l.nonce.bytes[0] ^= 1; }, Status::kStaleLease},
  };
  for (const auto& row : rows) {
    Rig rig;
    asking(rig);
    Lease lease = lease_for(rig);
    row.change(lease);
    EXPECT_EQ(deliver(rig, lease, rig.key), row.reason);
    EXPECT_FALSE(rig.client.is_held(rig.client_ports()));
  }
}

// Answers: SI-01
TEST(HoldClientLease, RefusesAReplay) {
  Rig rig;
  asking(rig);
  const Lease lease = lease_for(rig);
  ASSERT_EQ(deliver(rig, lease, rig.key), Status::kSuccess);
  EXPECT_EQ(deliver(rig, lease, rig.key), Status::kReplayedLease);
  Lease later = lease;
  later.sequence = 6;
  EXPECT_EQ(deliver(rig, later, rig.key), Status::kStaleLease) << "no question is open";
}

// Answers: SI-01
TEST(HoldClientLease, CountsItsValidityFromTheQuestion) {
  Rig rig;
  asking(rig);
  rig.pass(kLeaseValidMsMax - 1);
  ASSERT_EQ(deliver(rig, lease_for(rig), rig.key), Status::kSuccess);
  EXPECT_TRUE(rig.client.is_held(rig.client_ports()));
  rig.pass(1);
  EXPECT_FALSE(rig.client.is_held(rig.client_ports()));
  Rig late;
  asking(late);
  late.pass(kLeaseValidMsMax);
  EXPECT_EQ(deliver(late, lease_for(late), late.key), Status::kStaleLease);
  EXPECT_FALSE(late.client.is_held(late.client_ports()));
}

TEST(HoldClientLease, IsRenewedInTime) {
  Rig rig;
  rig.hold();
  for (int i = 0; i < 50; ++i) {
    rig.pass(kRenewMsDefault);
    rig.client.poll(rig.client_ports());
    rig.settle();
    EXPECT_TRUE(rig.client.is_held(rig.client_ports())) << i;
  }
}

TEST(HoldClientLease, SilenceLosesTheHold) {
  Rig rig;
  rig.hold();
  rig.pass(kSilenceMsDefault);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.client.stage(), HoldStage::kLost);
  EXPECT_EQ(rig.client.last_reason(), Status::kSilence);
}

TEST(HoldClientLease, ABrokenConnectionLosesTheHold) {
  Rig rig;
  rig.hold();
  rig.to_therapy.is_broken = true;
  rig.pass(kRenewMsDefault);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.client.stage(), HoldStage::kLost);
  EXPECT_EQ(rig.client.last_reason(), Status::kTransport);
}

TEST(HoldClientAsk, WaitsForSlowStorageOfTheOtherSide) {
  Rig rig;
  rig.permit.is_slow = true;
  ASSERT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kSuccess);
  for (int i = 0; i < 30; ++i) {  // longer than both silence limits
    rig.settle();
    rig.pass(kAnswerTimeoutMsDefault);
    rig.client.poll(rig.client_ports());
    ASSERT_EQ(rig.client.stage(), HoldStage::kAsking) << i;
  }
  rig.permit.is_slow = false;
  rig.settle();  // the acknowledgement answers an old question: it is not believed, the next lease is
  rig.pass(kAnswerTimeoutMsDefault);
  rig.client.poll(rig.client_ports());
  rig.settle();
  EXPECT_EQ(rig.client.stage(), HoldStage::kHeld);
}

TEST(HoldClientAsk, TellsWhatBlocksAndWhenToComeBack) {
  Rig rig;
  rig.application.conditions = bit(UseCondition::kAlarmActive);
  ASSERT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kSuccess);
  rig.settle();
  EXPECT_EQ(rig.client.stage(), HoldStage::kLost);
  EXPECT_EQ(rig.client.last_reason(), Status::kTherapyBlocked);
  EXPECT_EQ(rig.client.blocking(), bit(UseCondition::kAlarmActive));
  EXPECT_GT(rig.client.retry_after_ms(), 0u);
}

TEST(HoldClientAsk, RefusesTermsThatNameNothing) {
  Rig rig;
  for (int field = 0; field < 3; ++field) {
    HoldTerms terms = rig.terms();
    if (field == 0) terms.transaction = TransactionId{};
    if (field == 1) terms.manifest = ManifestDigest{};
    if (field == 2) terms.boot_id = BootId{};
    EXPECT_EQ(rig.client.ask(rig.client_ports(), terms), Status::kBadValue);
  }
}

TEST(HoldClientAsk, NeedsRandomNumbersAndAConnection) {
  Rig rig;
  rig.entropy.is_broken = true;
  EXPECT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kNoEntropy);
  rig.entropy.is_broken = false;
  rig.to_therapy.is_broken = true;
  EXPECT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kTransport);
  EXPECT_EQ(rig.client.stage(), HoldStage::kLost);
}

TEST(HoldClientAsk, AsksOneHoldAtATime) {
  Rig rig;
  rig.hold();
  EXPECT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kBadState);
}

// Answers: SI-03
TEST(HoldClientCheck, AsksTheResetOnlyAfterAFreshAnswer) {
  Rig rig;
  EXPECT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kBadState);
  rig.hold();
  EXPECT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kBadState)
      << "a lease is not enough";
  ASSERT_EQ(rig.client.check_now(rig.client_ports()), Status::kSuccess);
  EXPECT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kBadState)
      << "not answered yet";
  rig.settle();
  ASSERT_EQ(rig.client.stage(), HoldStage::kChecked);
  rig.pass(kLeaseValidMsMax);
  EXPECT_EQ(rig.client.ask_reset(rig.client_ports(), ResetPurpose::kSwitch), Status::kStaleLease);
  EXPECT_TRUE(rig.to_therapy.sent.empty());
}

TEST(HoldClientCheck, AnAnswerThatIsNotUsedInTimeMustBeAskedForAgain) {
  Rig rig;
  rig.hold_and_check();
  rig.pass(kLeaseValidMsMax);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.client.stage(), HoldStage::kHeld);
}

TEST(HoldClientCheck, NoAnswerIsNoConsent) {
  Rig rig;
  rig.hold();
  ASSERT_EQ(rig.client.check_now(rig.client_ports()), Status::kSuccess);
  rig.to_therapy.sent.clear();  // lost
  rig.pass(kAnswerTimeoutMsDefault);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.client.stage(), HoldStage::kHeld);
  EXPECT_EQ(rig.client.last_reason(), Status::kNoAnswer);
}

TEST(HoldClientSelfTest, BelievesOnlyTheTherapyKeysReportAboutThisRun) {
  const struct {
    void (*change)(SelfTestReport&);
    Status reason;
  } rows[] = {
      {[](SelfTestReport&) {}, Status::kSuccess},
      {[](SelfTestReport& r) { r.device_id.bytes[0] ^= 1; }, Status::kNotThisDevice},
      {[](SelfTestReport& r) { r.boot_id.bytes[0] ^= 1; }, Status::kNotThisBoot},
      {[](SelfTestReport& r) { r.running.bytes[0] ^= 1; }, Status::kNotThisManifest},
      {[](SelfTestReport& r) { r.sequence = 1; }, Status::kReplayedLease},
      {[](SelfTestReport& r) { r.nonce.bytes[0] ^= 1; }, Status::kStaleLease},
  };
  for (const auto& row : rows) {
    Rig rig(RunKind::kTrial);
    rig.hold(HoldKind::kTrial);
    ASSERT_EQ(rig.client.ask_self_test(rig.client_ports()), Status::kSuccess);
    AgentMessage ask;
    ASSERT_EQ(parse(rig.to_therapy.sent.back(), ask), Status::kSuccess);
    rig.to_therapy.sent.clear();
    SelfTestReport report{ask.challenge, kDeviceId, kRunning, kBootId, 77, SelfTestVerdict::kPassed};
    row.change(report);
    Signature signature;
    ASSERT_EQ(rig.key.sign(self_test_region(report), signature), Status::kSuccess);
    EXPECT_EQ(rig.client.receive(rig.client_ports(), encode(report, signature).view()), row.reason);
    EXPECT_EQ(rig.client.self_test() == SelfTestVerdict::kPassed, row.reason == Status::kSuccess);
    Signature forged = signature;
    forged.bytes[5] ^= 1;
    EXPECT_EQ(rig.client.receive(rig.client_ports(), encode(report, forged).view()), Status::kBadSignature);
  }
}

TEST(HoldClientSelfTest, IsAskedOnlyInATrial) {
  Rig rig;
  rig.hold();
  EXPECT_EQ(rig.client.ask_self_test(rig.client_ports()), Status::kBadState);
}

TEST(HoldClientRefusal, OfAnotherQuestionIsIgnored) {
  Rig rig;
  rig.hold();
  Refusal refusal;
  refusal.nonce = filled<Nonce>(0x5a);
  refusal.reason = Status::kNotThisHold;
  EXPECT_EQ(rig.client.receive(rig.client_ports(), encode(refusal).view()), Status::kStaleLease);
  EXPECT_EQ(rig.client.stage(), HoldStage::kHeld);
}

TEST(HoldClientRelease, IsIdempotentAndFreesTheOtherSide) {
  Rig rig;
  rig.hold();
  rig.client.release(rig.client_ports());
  rig.client.release(rig.client_ports());
  EXPECT_EQ(rig.to_therapy.sent.size(), 1u);
  rig.settle();
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.client.stage(), HoldStage::kFree);
  EXPECT_FALSE(rig.client.is_held(rig.client_ports()));
}

TEST(HoldClientRelease, AFreeClientIgnoresLeases) {
  Rig rig;
  asking(rig);
  const Lease lease = lease_for(rig);
  rig.client.release(rig.client_ports());
  EXPECT_EQ(deliver(rig, lease, rig.key), Status::kBadState);
}

}  // namespace
}  // namespace aseptic::interlock
