// SPDX-License-Identifier: Apache-2.0
// The eleven boot rules, each as claims about one power-up after another.
#include <gtest/gtest.h>

#include "world.h"

namespace aseptic::boot::testing {
namespace {

constexpr auto kCommanded = ResetCause::kCommanded;
constexpr auto kPowerOn = ResetCause::kPowerOn;

struct Updating : World {
  explicit Updating(WorldConfig c = {}) : World(c) {
    provision({1, 1, 1});
    EXPECT_EQ(boot(kPowerOn), Status::kOk);
    v2 = image({2, 2, 2});
    v3 = image({3, 2, 2});
  }
  // Trial of v2 in slot B, confirmed by token and a second commanded reset.
  void update_to_v2() {
    EXPECT_EQ(trial(SlotId::kB, v2), Status::kOk) << events.text();
    EXPECT_EQ(decision.kind, RunKind::kTrial) << events.text();
    request_confirm();
    EXPECT_EQ(boot(kCommanded), Status::kOk);
    EXPECT_EQ(decision.kind, RunKind::kConfirmed);
  }
  void sync() {
    install(Area::kSlotA, storage.bytes(Area::kSlotB));
    request_synced();
    EXPECT_EQ(boot(kCommanded), Status::kOk);
  }
  bool runs(const Bytes& slot) { return decision.image.manifest == digest_of(slot); }
  Bytes v2;
  Bytes v3;
};

// ---- Rule 1: trial
// Answers: RC-01, AP-10
TEST(BootRule1, StagedIsNoPermissionToRun) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kStaged));
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_EQ(w.journal().staged.manifest, w.digest_of(w.v2));
}

TEST(BootRule1, ArmPermitAndCommandedResetStartATrial) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kTrial);
  EXPECT_TRUE(w.runs(w.v2));
  EXPECT_TRUE(w.journal().trial_open);
  EXPECT_FALSE(is_zero(w.mailbox().token));
}

// Answers: SI-01
TEST(BootRule1, ArmWithoutPermitIsVoid) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value, static_cast<std::uint32_t>(ArmVoid::kNoPermit));
}

TEST(BootRule1, PermitWithoutArmIsVoid) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.permit();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
}

TEST(BootRule1, EveryOtherResetCauseVoidsTheArm) {
  for (const ResetCause cause : {kPowerOn, ResetCause::kBrownOut, ResetCause::kWatchdog, ResetCause::kLockUp,
                                 ResetCause::kSoftware, ResetCause::kUnknown}) {
    Updating w;
    w.install(Area::kSlotB, w.v2);
    w.request_stage(SlotId::kB, w.v2);
    w.request_arm();
    w.permit();
    ASSERT_EQ(w.boot(cause), Status::kOk);
    EXPECT_EQ(w.decision.kind, RunKind::kConfirmed) << static_cast<int>(cause);
    EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value, static_cast<std::uint32_t>(ArmVoid::kResetCause));
  }
}

TEST(BootRule1, ArmAndPermitCountForOneBootOnly) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  w.permit();
  const Bytes requests = w.storage.bytes(Area::kRequests);
  const Bytes permit = w.storage.bytes(Area::kPermit);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);  // void: power-on
  w.storage.bytes(Area::kRequests) = requests;
  w.storage.bytes(Area::kPermit) = permit;
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value, static_cast<std::uint32_t>(ArmVoid::kOtherBootCount));
}

TEST(BootRule1, PermitOfAnEarlierBootIsVoid) {
  Updating w;
  w.permit();
  const Bytes permit = w.storage.bytes(Area::kPermit);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  w.storage.bytes(Area::kPermit) = permit;
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kArmVoid)->value,
            static_cast<std::uint32_t>(ArmVoid::kPermitOtherBootCount));
}

TEST(BootRule1, EveryStartClearsPermitAndRequests) {
  Updating w;
  w.permit();
  w.request_synced();
  w.request_arm();
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  Permit permit;
  EXPECT_NE(decode_permit(ByteView(w.storage.bytes(Area::kPermit)).first<kPermitCellSize>(), permit),
            Status::kOk);
  const Requests left = parse_request_area(w.storage.bytes(Area::kRequests));
  for (const bool present : left.present)
    EXPECT_FALSE(present);
}

TEST(BootRule1, APortThatCannotTellCausesSaysSoAndTakesTheArm) {
  Updating w;
  w.provisioning.port_capabilities &= ~kPortKnowsResetCause;
  encode_provisioning(w.provisioning,
                      MutableBytes(w.storage.bytes(Area::kProvisioning)).first<kProvisioningSize>());
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  w.permit();
  ASSERT_EQ(w.boot(ResetCause::kUnknown), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kTrial);
  ASSERT_EQ(w.boot(ResetCause::kUnknown), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kTrialInterrupted)) << "an unknown cause says nothing about the image";
}

TEST(BootRule1, ARequestThatNamesAnotherSetIsNotStaged) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  Request r;
  r.boot_count = w.boot_count();
  r.slot = SlotId::kB;
  r.attempt = 1;
  r.manifest = w.digest_of(w.v2);
  r.set.fill(0x5E);
  w.request(r);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kRequestRefused)->status, Status::kBadDependency);
}

TEST(BootRule1, NothingIsStagedWhenTheStoreCouldNotCountItsUpdate) {
  Updating w;
  MonotonicState state = w.monotonic();
  state.generation = w.store.generation_max() - 3;
  ASSERT_EQ(w.store.burn(state), Status::kOk);
  JournalState journal = w.journal();
  journal.generation = state.generation;
  const RecordSealer sealer = w.sealer();
  Journal fresh(w.storage, sealer);
  static_cast<void>(fresh.load());
  ASSERT_EQ(fresh.restart(journal), Status::kOk);
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kRequestRefused)->status, Status::kStoreExhausted);
}

// ---- Rule 2: closing a trial
// Answers: RC-02, RC-03
TEST(BootRule2, TokenConfirmsAtTheNextBoot) {
  Updating w;
  w.update_to_v2();
  EXPECT_EQ(w.journal().confirmed.manifest, w.digest_of(w.v2));
  EXPECT_EQ(w.monotonic().confirmed, w.digest_of(w.v2));
  EXPECT_EQ(w.monotonic().generation, 1U);
}

TEST(BootRule2, ConfirmSurvivesALossOfPower) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_confirm();
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kConfirmed));
}

TEST(BootRule2, WrongTokenDoesNotConfirm) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  Request r;
  r.kind = RequestKind::kConfirm;
  r.boot_count = w.boot_count();
  r.token = w.mailbox().token;
  r.token[31] ^= 1;
  w.request(r);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kTrialFailed));
  EXPECT_TRUE(w.journal().confirmed.manifest != w.digest_of(w.v2));
}

TEST(BootRule2, TokenOfAnEarlierTrialDoesNotConfirm) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  const Digest old_token = w.mailbox().token;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);  // interrupted
  w.request_arm();
  w.permit();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  ASSERT_EQ(w.decision.kind, RunKind::kTrial);
  EXPECT_NE(w.mailbox().token, old_token);
  Request r;
  r.kind = RequestKind::kConfirm;
  r.token = old_token;
  w.request(r);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kTrialFailed));
}

TEST(BootRule2, PortWithoutSecretUsesARandomTokenFromTheAttemptRecord) {
  WorldConfig config;
  config.device_secret = false;
  Updating w(config);
  w.update_to_v2();
  EXPECT_TRUE(w.journal().confirmed.manifest == w.digest_of(w.v2));
}

TEST(BootRule2, NoConfirmWithoutATrial) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  Request r;
  r.kind = RequestKind::kConfirm;
  r.token.fill(1);
  w.request(r);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_FALSE(w.events.has(EventCode::kConfirmed));
  EXPECT_EQ(w.monotonic().generation, 0U);
}

// Answers: RC-01
TEST(BootRule2, RevertQuarantinesWithItsAttemptNumber) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2, 3), Status::kOk);
  w.request_revert();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_TRUE(w.journal().is_quarantined(w.digest_of(w.v2), 3));
  EXPECT_EQ(w.mailbox().quarantine[0].digest, w.digest_of(w.v2));
  ASSERT_EQ(w.trial(SlotId::kB, w.v2, 3), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed) << "a quarantined digest needs a higher attempt number";
  EXPECT_EQ(w.events.find(EventCode::kRequestRefused)->status, Status::kQuarantined);
  ASSERT_EQ(w.trial(SlotId::kB, w.v2, 4), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kTrial);
}

TEST(BootRule2, RevertOfAnotherBootIsIgnored) {
  Updating w;
  Request r;
  r.kind = RequestKind::kRevert;
  r.boot_count = w.boot_count();
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request(r);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kTrialInterrupted));
}

TEST(BootRule2, ResetWithoutConfirmFailsTheTrial) {
  for (const ResetCause cause :
       {kCommanded, ResetCause::kWatchdog, ResetCause::kLockUp, ResetCause::kSoftware}) {
    Updating w;
    ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
    ASSERT_EQ(w.boot(cause), Status::kOk);
    EXPECT_TRUE(w.events.has(EventCode::kTrialFailed)) << static_cast<int>(cause);
    EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
    EXPECT_FALSE(w.runs(w.v2));
  }
}

TEST(BootRule2, TheEighthLossOfPowerFailsTheTrial) {
  Updating w;
  for (int i = 1; i <= 8; ++i) {
    if (i == 1) {
      ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
    } else {
      w.request_arm();
      w.permit();
      ASSERT_EQ(w.boot(kCommanded), Status::kOk);
    }
    ASSERT_EQ(w.decision.kind, RunKind::kTrial) << i;
    ASSERT_EQ(w.boot(i % 2 == 0 ? kPowerOn : ResetCause::kBrownOut), Status::kOk);
    EXPECT_EQ(w.events.has(EventCode::kTrialFailed), i == 8) << i;
    EXPECT_EQ(w.decision.kind, RunKind::kConfirmed) << "the arm is used up";
  }
  EXPECT_TRUE(w.journal().is_quarantined(w.digest_of(w.v2), 1));
}

TEST(BootRule2, ExactlyOneRecordClosesATrial) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_confirm();
  w.request_revert();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  int closing = 0;
  for (const auto& e : w.events.events)
    closing += e.code == EventCode::kConfirmed || e.code == EventCode::kTrialFailed ||
               e.code == EventCode::kTrialInterrupted;
  EXPECT_EQ(closing, 1);
  EXPECT_FALSE(w.journal().trial_open);
}

// ---- Rule 3: BOOTHASH
// Answers: MB-01, MB-02
TEST(BootRule3, BootRecordsItsOwnMeasurementOfWhatItRan) {
  Updating w;
  w.update_to_v2();
  Manifest v2;
  ASSERT_EQ(decode_manifest(ByteView(w.v2).first<kManifestRegionSize>(), v2), Status::kOk);
  EXPECT_EQ(w.journal().boot_hash.manifest, w.digest_of(w.v2));
  EXPECT_EQ(w.journal().boot_hash.image, image_digest(w.hasher, v2));
  EXPECT_EQ(w.journal().boot_hash.slot, static_cast<std::uint8_t>(SlotId::kB));
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.mailbox().boothash_verdict, BootHashVerdict::kMatches);
}

TEST(BootRule3, ConfirmedIsReportedOnlyAfterTheBootThatRecordedIt) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_confirm();
  EXPECT_NE(w.mailbox().confirmed_manifest, w.digest_of(w.v2));
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.mailbox().confirmed_manifest, w.digest_of(w.v2));
}

// ---- Rule 4: order of candidates
// A copy that a cut left half written can verify today and fade later: it does not take the place of the slot
// that ran.
TEST(BootRule4, TheSlotThatRanBeforeComesFirst) {
  Updating w;
  w.update_to_v2();
  ASSERT_EQ(w.decision.place, ImagePlace::kSlotB);
  w.install(Area::kSlotA, w.v2);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.place, ImagePlace::kSlotB);
  w.storage.bytes(Area::kSlotB)[5] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.place, ImagePlace::kSlotA);
}

TEST(BootRule4, CorruptConfirmedFallsBackToThePreviousAndRecordsIt) {
  Updating w;
  w.update_to_v2();
  w.storage.bytes(Area::kSlotB)[kFirstRegionOffset + 5] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kAutoRevert));
  EXPECT_EQ(w.decision.place, ImagePlace::kSlotA);
  EXPECT_EQ(w.decision.image.sequence, 1U);
  EXPECT_EQ(w.monotonic().generation, 2U);
  EXPECT_EQ(w.monotonic().confirmed, w.decision.image.manifest);
}

// Answers: RC-08
TEST(BootRule4, RecoveryRunsWhenNoSlotVerifies) {
  Updating w;
  w.storage.bytes(Area::kSlotA)[0] ^= 1;
  w.storage.bytes(Area::kSlotB)[0] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kRecovery);
}

TEST(BootRule4, AnImageThatWasNeverConfirmedRunsOnlyAsAForcedTrial) {
  WorldConfig config;
  config.recovery = false;
  Updating w(config);
  w.install(Area::kSlotA, w.v3);
  w.install(Area::kSlotB, w.v2);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kForcedTrial);
  EXPECT_TRUE(w.runs(w.v2)) << "the lowest sequence";
  EXPECT_TRUE(w.journal().trial_open);
}

TEST(BootRule4, StopsWithAnAlarmWhenNothingVerifies) {
  Updating w;
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    w.storage.bytes(area)[100] ^= 1;
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
  EXPECT_TRUE(w.events.has(EventCode::kNothingBoots));
}

TEST(BootRule4, LastResortSkipsQuarantinedImages) {
  WorldConfig config;
  config.recovery = false;
  Updating w(config);
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_revert();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  w.storage.bytes(Area::kSlotA)[0] ^= 1;
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
}

// ---- Rule 5: default state
TEST(BootRule5, EmptyJournalKeepsWhatTheNvStoreConfirms) {
  Updating w;
  w.update_to_v2();
  w.storage.bytes(Area::kJournal).assign(kJournalArea, 0xFF);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kJournalDiscarded));
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_TRUE(w.runs(w.v2));
}

TEST(BootRule5, TheDefaultStateKnowsTheConfirmedImagesSet) {
  Updating w;
  w.update_to_v2();
  const Digest set = w.mailbox().confirmed_set;
  ASSERT_FALSE(is_zero(set));
  w.storage.bytes(Area::kJournal).assign(kJournalArea, 0xFF);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.mailbox().confirmed_set, set);
}

// A wiped journal opens no way to an older release, even when the confirmed image is gone from both slots.
TEST(BootRule5, TheStoreRemembersTheConfirmedSequence) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v3), Status::kOk);
  w.request_confirm();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  w.storage.bytes(Area::kJournal).assign(kJournalArea, 0xFF);
  w.install(Area::kSlotA, w.v2);
  w.storage.bytes(Area::kSlotB)[0] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kRecovery);
  w.request_stage(SlotId::kA, w.v2);
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kRequestRefused)->status, Status::kOlderThanConfirmed);
}

TEST(BootRule5, OnFusePortsTheDefaultIsRecovery) {
  WorldConfig config;
  config.nv_port = false;
  Updating w(config);
  w.storage.bytes(Area::kJournal).assign(kJournalArea, 0xFF);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kRecovery);
}

TEST(BootRule5, WithoutRecoveryTheDefaultIsTheLowestSequenceAsAForcedTrial) {
  WorldConfig config;
  config.nv_port = false;
  config.recovery = false;
  Updating w(config);
  w.install(Area::kSlotB, w.v3);
  w.storage.bytes(Area::kJournal).assign(kJournalArea, 0x00);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kForcedTrial);
  EXPECT_EQ(w.decision.image.sequence, 1U) << "never the highest";
}

// ---- Rule 6: floor and revocation
// Answers: RC-03
TEST(BootRule6, FloorStaysUntilBothSlotsHoldTheConfirmedDigest) {
  Updating w;
  w.update_to_v2();
  EXPECT_EQ(w.monotonic().floor, 1U) << "not at CONFIRMED";
  w.request_synced();  // a lie: slot A still holds v1
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.monotonic().floor, 1U) << "REQ_SYNCED is only a hint";
  w.sync();
  EXPECT_EQ(w.monotonic().floor, 2U);
  EXPECT_EQ(w.monotonic().generation, 2U);
}

// Found by boot_power_cut --nightly: the request was torn, read right once and faded; the power failed between SYNCED and the burn.
TEST(BootRule6, SyncedAsksOnWhenItsRequestFadedBeforeTheBurn) {
  WorldConfig config;
  config.recovery = false;
  Updating w(config);
  w.update_to_v2();
  w.install(Area::kSlotA, w.v2);
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  ASSERT_EQ(journal.append(Record(RecordTag::kSynced, w.journal().confirmed.manifest)), Status::kOk);
  ASSERT_TRUE(w.journal().synced);
  EXPECT_EQ(w.monotonic().floor, 1U);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.monotonic().floor, 2U);
}

TEST(BootRule6, ReadOnlyRecoveryBelowTheNewFloorPinsIt) {
  WorldConfig config;
  config.recovery_writable = false;
  Updating w(config);
  w.update_to_v2();
  w.sync();
  EXPECT_TRUE(w.journal().synced);
  EXPECT_EQ(w.monotonic().floor, 1U);
}

TEST(BootRule6, PolicyDelayRaisesWithOneSlotAndRecoveryUnderTheNewFloor) {
  WorldConfig config;
  config.policy_delay = 3;
  Updating w(config);
  w.update_to_v2();
  // Recovery is brought to v2, slot A stays old.
  w.install(Area::kRecovery, w.v2);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(w.monotonic().floor, 1U) << i;
    ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  }
  EXPECT_EQ(w.monotonic().floor, 2U);
}

TEST(BootRule6, PolicyDelayIsJudgedByTheNewFloor) {
  WorldConfig config;
  config.policy_delay = 1;
  config.recovery_writable = false;
  Updating w(config);
  w.update_to_v2();
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.monotonic().floor, 1U) << "recovery is v1 and would not live with floor 2";
}

// Answers: KM-05
TEST(BootRule6, RevocationComesFromTheConfirmedManifestAndWaitsForTheGate) {
  Updating w;
  w.v2 = w.image({2, 2, 2, 0b01});
  w.update_to_v2();
  EXPECT_EQ(w.monotonic().revoked, 0U) << "not burnt at CONFIRMED";
  w.sync();
  EXPECT_EQ(w.monotonic().revoked, 0b01U);
}

TEST(BootRule6, AManifestCannotRevokeItsOwnKey) {
  Updating w;
  w.v2 = w.image({2, 2, 2, 0b10});
  w.update_to_v2();
  w.sync();
  EXPECT_EQ(w.monotonic().revoked, 0U);
  EXPECT_EQ(w.monotonic().floor, 2U);
}

TEST(BootRule6, TheLastKeyIsNeverRevoked) {
  Updating w;
  w.v2 = w.image({2, 2, 2, 0b11});
  w.update_to_v2();
  w.sync();
  EXPECT_EQ(w.monotonic().revoked, 0U);
}

TEST(BootRule6, RevokeNowBurnsWithoutWaitingAndIsRecorded) {
  Updating w;
  w.v2 = w.image({2, 2, 2, 0b01, kPolicyRevokeNow});
  w.update_to_v2();
  EXPECT_EQ(w.monotonic().revoked, 0b01U);
  EXPECT_EQ(w.monotonic().floor, 1U);
  EXPECT_TRUE(w.events.has(EventCode::kKeysRevoked));
}

TEST(BootRule6, TheValueBurntIsNotTheRecords) {
  // A floor record with another value than the confirmed manifest's burns nothing of its own.
  Updating w;
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  Record forged;
  forged.tag = RecordTag::kFloor;
  forged.digest[0] = 200;  // floor 200
  forged.value = w.monotonic().generation + 1;
  ASSERT_EQ(journal.append(forged), Status::kOk);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.monotonic().floor, 1U);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
}

// ---- Rule 7 is the agent's; what boot owes to it is the report.
TEST(BootRule7, TheReportSaysWhetherRecoveryVerifies) {
  WorldConfig config;
  config.recovery_writable = false;
  Updating w(config);
  EXPECT_EQ(w.mailbox().recovery, RecoveryState::kVerifies);
  w.storage.bytes(Area::kRecovery)[kFirstRegionOffset] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.mailbox().recovery, RecoveryState::kDoesNotVerify);
}

TEST(BootRule7, AFailedTrialEndsSynced) {
  Updating w;
  EXPECT_TRUE(w.journal().synced);
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_revert();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_FALSE(w.mailbox().synced);
}

// ---- Rule 8: recovery
TEST(BootRule8, RecoveryIsUpdatedOnlyWhileBothSlotsHoldTheConfirmedDigest) {
  Updating w;
  w.update_to_v2();
  EXPECT_FALSE(w.events.has(EventCode::kRecoveryWritten));
  const Bytes old = w.storage.bytes(Area::kRecovery);
  w.request_synced();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.storage.bytes(Area::kRecovery), old);
  w.sync();
  EXPECT_TRUE(w.events.has(EventCode::kRecoveryWritten));
  EXPECT_EQ(w.digest_of(w.storage.bytes(Area::kRecovery)), w.digest_of(w.v2));
}

TEST(BootRule8, ABrokenRecoveryIsRepairedFromTheConfirmedDigest) {
  Updating w;
  w.storage.bytes(Area::kRecovery)[kFirstRegionOffset] ^= 1;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kRecoveryWritten));
  EXPECT_EQ(w.mailbox().recovery, RecoveryState::kVerifies);
}

// ---- Rule 9 is explored in boot_states_test.cpp.

// ---- Rule 10: replay
// Answers: RC-04, RC-05
TEST(BootRule10, AReplayedJournalUndoesNoConfirmOnNvPorts) {
  Updating w;
  const Bytes old = w.storage.bytes(Area::kJournal);
  w.update_to_v2();
  w.storage.bytes(Area::kJournal) = old;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kJournalDiscarded)->value, 2U);
  EXPECT_TRUE(w.runs(w.v2));
}

TEST(BootRule10, AReplayedJournalLiftsNoQuarantineOnNvPorts) {
  Updating w;
  const Bytes old = w.storage.bytes(Area::kJournal);
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_revert();
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  w.storage.bytes(Area::kJournal) = old;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_TRUE(w.journal().is_quarantined(w.digest_of(w.v2), 1));
}

TEST(BootRule10, AJournalAheadOfTheStoreIsDiscarded) {
  Updating w;
  JournalState forged = w.journal();
  forged.generation = 2;
  forged.confirmed.manifest = w.digest_of(w.v3);
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  static_cast<void>(journal.load());
  ASSERT_EQ(journal.restart(forged), Status::kOk);
  w.install(Area::kSlotB, w.v3);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.events.find(EventCode::kJournalDiscarded)->value, 3U);
  EXPECT_FALSE(w.runs(w.v3));
}

TEST(BootRule10, ABurnThatWasCutOffIsCompleted) {
  Updating w;
  const Bytes store = w.storage.bytes(Area::kMonotonic);
  w.update_to_v2();
  w.storage.bytes(Area::kMonotonic) = store;  // the record is there, the burn is not
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_FALSE(w.events.has(EventCode::kJournalDiscarded));
  EXPECT_TRUE(w.events.has(EventCode::kGenerationBurnt));
  EXPECT_EQ(w.monotonic().confirmed, w.digest_of(w.v2));
}

TEST(BootRule10, AWholeDiskFromBeforeAFloorRiseBootsNothing) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  const Bytes journal = w.storage.bytes(Area::kJournal);
  const Bytes v1 = w.storage.bytes(Area::kSlotA);
  w.update_to_v2();
  w.sync();
  w.storage.bytes(Area::kJournal) = journal;
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    w.install(area, v1);
  EXPECT_EQ(w.boot(kPowerOn), Status::kNothingBoots);
}

// ---- Rule 11
TEST(BootRule11, NoImageSaysWhetherADebugPortIsTolerated) {
  // The manifest has no such field: every policy flag but revoke_now is refused.
  Updating w;
  Manifest m = w.manifest_for({2, 2, 2});
  std::array<std::uint8_t, kManifestRegionSize> region{};
  for (std::uint32_t bit = 1; bit < 32; ++bit) {
    m.policy_flags = 1U << bit;
    EXPECT_EQ(encode_manifest(m, region), Status::kPolicyFlagUnknown) << bit;
  }
}

// ---- What a failing medium does
TEST(BootDegraded, UnwritableJournalStillRunsTheConfirmedImageButNoTrial) {
  Updating w;
  w.install(Area::kSlotB, w.v2);
  w.request_stage(SlotId::kB, w.v2);
  w.request_arm();
  w.permit();
  w.storage.unwritable = Area::kJournal;
  ASSERT_EQ(w.boot(kCommanded), Status::kOk);
  EXPECT_EQ(w.decision.kind, RunKind::kConfirmed);
  EXPECT_TRUE(w.events.has(EventCode::kDegraded));
}

TEST(BootDegraded, AFailedBurnRunsNothing) {
  Updating w;
  ASSERT_EQ(w.trial(SlotId::kB, w.v2), Status::kOk);
  w.request_confirm();
  w.storage.unwritable = Area::kMonotonic;
  EXPECT_NE(w.boot(kCommanded), Status::kOk);
}

TEST(BootDegraded, AReadErrorInASlotIsAnInvalidSlot) {
  Updating w;
  w.storage.unreadable = Area::kSlotA;
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.decision.place, ImagePlace::kSlotB);
}

TEST(BootDegraded, UnreadableStoreRunsNothing) {
  Updating w;
  w.storage.bytes(Area::kMonotonic).assign(kMonotonicAreaSize, 0xFF);
  EXPECT_EQ(w.boot(kPowerOn), Status::kStoreUnreadable);
}

TEST(BootReport, ChallengeAndLogHeadArePassedOn) {
  Updating w;
  Request r;
  r.kind = RequestKind::kChallenge;
  r.challenge.fill(0xC4);
  r.log_head.fill(0x10);
  r.log_count = 77;
  w.request(r);
  ASSERT_EQ(w.boot(kPowerOn), Status::kOk);
  EXPECT_EQ(w.mailbox().challenge, r.challenge);
  EXPECT_EQ(w.mailbox().log_head, r.log_head);
  EXPECT_EQ(w.mailbox().log_count, 77U);
}

TEST(BootJournalLife, HundredsOfBootsCompactWithoutLosingState) {
  Updating w;
  w.update_to_v2();
  w.sync();
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(w.boot(i % 3 == 0 ? kCommanded : kPowerOn), Status::kOk) << i;
    ASSERT_EQ(w.decision.kind, RunKind::kConfirmed);
    ASSERT_TRUE(w.runs(w.v2));
    ASSERT_EQ(w.journal().boot_count, 5U + static_cast<unsigned>(i));
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
