// SPDX-License-Identifier: Apache-2.0
// What journal and monotonic store promise about the medium, and requests that claim more than the medium
// holds.
#include <gtest/gtest.h>

#include "world.h"

namespace aseptic::boot::testing {
namespace {

// A medium whose first `bad_programs` programs of the journal leave a wrong bit behind, silently.
class WornStorage final : public Storage {
 public:
  explicit WornStorage(MemoryStorage& under) : under_(under) {}
  std::uint64_t size(Area area) override { return under_.size(area); }
  Status read(Area area, std::uint64_t offset, MutableBytes out) override {
    return under_.read(area, offset, out);
  }
  Status program(Area area, std::uint64_t offset, ByteView bytes) override {
    if (area != Area::kJournal || bad_programs == 0) return under_.program(area, offset, bytes);
    --bad_programs;
    Bytes changed(bytes.begin(), bytes.end());
    changed[changed.size() / 2] ^= 1;
    return under_.program(area, offset, changed);
  }
  Status erase(Area area, std::uint64_t offset, std::uint64_t length) override {
    return under_.erase(area, offset, length);
  }
  Status sync(Area area) override { return under_.sync(area); }
  std::uint8_t erased_value() const override { return under_.erased_value(); }
  int bad_programs = 0;

 private:
  MemoryStorage& under_;
};

Record boot_record(std::uint32_t count) {
  Record record;
  record.tag = RecordTag::kBoot;
  record.value = count;
  return record;
}

struct Provisioned : World {
  explicit Provisioned(WorldConfig c = {}) : World(c) {
    provision({1, 1, 1});
    EXPECT_EQ(boot(ResetCause::kPowerOn), Status::kOk);
  }
};

TEST(BootJournal, AnAppendedRecordSurvivesACutRightAfterIt) {
  Provisioned w;
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  ASSERT_EQ(journal.append(boot_record(77)), Status::kOk);
  std::mt19937_64 random(1);
  w.storage.power_returns(Tear::kLost, random);
  EXPECT_EQ(w.journal().boot_count, 77U);
}

TEST(BootJournal, WritesARecordAgainWhenTheMediumDoesNotShowIt) {
  Provisioned w;
  WornStorage worn(w.storage);
  const RecordSealer sealer = w.sealer();
  Journal journal(worn, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  worn.bad_programs = 1;
  ASSERT_EQ(journal.append(boot_record(77)), Status::kOk);
  EXPECT_EQ(worn.bad_programs, 0);
  EXPECT_EQ(w.journal().boot_count, 77U);
}

TEST(BootJournal, SaysSoWhenNoPositionTakesTheRecord) {
  Provisioned w;
  WornStorage worn(w.storage);
  const RecordSealer sealer = w.sealer();
  Journal journal(worn, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  worn.bad_programs = 1000;
  EXPECT_NE(journal.append(boot_record(77)), Status::kOk);
  EXPECT_NE(w.journal().boot_count, 77U);
}

// Answers: RB-02, RC-04
TEST(BootStore, NeverLowersFloorGenerationOrRevocations) {
  Provisioned w;
  MonotonicState high = w.monotonic();
  high.floor = 9;
  high.generation += 3;
  high.revoked = 0b110;
  ASSERT_EQ(w.store.burn(high), Status::kOk);
  for (int field = 0; field < 3; ++field) {
    MonotonicState low = high;
    if (field == 0) --low.floor;
    if (field == 1) --low.generation;
    if (field == 2) low.revoked = 0b010;
    EXPECT_EQ(w.store.burn(low), Status::kBadRange) << field;
    EXPECT_EQ(w.monotonic().floor, high.floor);
    EXPECT_EQ(w.monotonic().generation, high.generation);
    EXPECT_EQ(w.monotonic().revoked, high.revoked);
  }
}

TEST(BootStore, ABurnSurvivesACutRightAfterIt) {
  Provisioned w;
  MonotonicState next = w.monotonic();
  next.floor += 1;
  ASSERT_EQ(w.store.burn(next), Status::kOk);
  std::mt19937_64 random(1);
  w.storage.power_returns(Tear::kLost, random);
  EXPECT_EQ(w.monotonic().floor, next.floor);
}

// Answers: MF-09, VF-04
TEST(BootRule1, ARequestForAnotherImageThanTheSlotHoldsIsNotStaged) {
  Provisioned w;
  const Bytes named = w.image({2, 2, 2});
  const Bytes other = w.image({3, 2, 2});
  w.install(Area::kSlotB, other);
  w.request_stage(SlotId::kB, named);
  ASSERT_EQ(w.boot(ResetCause::kCommanded), Status::kOk);
  EXPECT_TRUE(w.events.has(EventCode::kRequestRefused)) << w.events.text();
  EXPECT_FALSE(w.journal().staged.exists());
}

// A port without a device secret keeps the token in the journal. When that record was lost, an all-zero token
// must not match the all-zero memory of it. Answers: RC-02
TEST(BootRule2, ATokenThatWasLostIsNotAZeroToken) {
  Provisioned w({.device_secret = false});
  const Bytes v2 = w.image({2, 2, 2});
  w.install(Area::kSlotB, v2);
  w.request_stage(SlotId::kB, v2);
  ASSERT_EQ(w.boot(ResetCause::kCommanded), Status::kOk);
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  Record attempt;
  attempt.tag = RecordTag::kAttempt;
  attempt.digest = w.digest_of(v2);
  attempt.slot = static_cast<std::uint8_t>(ImagePlace::kSlotB);
  attempt.value = journal.state().boot_count;
  ASSERT_EQ(journal.append(attempt), Status::kOk);
  ASSERT_TRUE(w.journal().trial_open);
  ASSERT_TRUE(is_zero(w.journal().trial_token));
  Request confirm;
  confirm.kind = RequestKind::kConfirm;
  confirm.boot_count = w.boot_count();
  w.request(confirm);
  ASSERT_EQ(w.boot(ResetCause::kCommanded), Status::kOk);
  EXPECT_FALSE(w.events.has(EventCode::kConfirmed)) << w.events.text();
  EXPECT_NE(w.journal().confirmed.manifest, w.digest_of(v2));
}

// Answers: RC-02
TEST(BootJournal, NothingIsConfirmedOrStagedAroundAnOpenTrial) {
  Provisioned w;
  const Bytes v2 = w.image({2, 2, 2});
  const Digest other = w.digest_of(w.image({3, 2, 2}));
  ASSERT_EQ(w.trial(SlotId::kB, v2), Status::kOk);
  ASSERT_TRUE(w.journal().trial_open);
  const RecordSealer sealer = w.sealer();
  Journal journal(w.storage, sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  ASSERT_EQ(journal.prepare(), Status::kOk);
  const Digest confirmed = journal.state().confirmed.manifest;
  for (const RecordTag tag : {RecordTag::kStaged, RecordTag::kConfirmed, RecordTag::kTrialFailed}) {
    Record record;
    record.tag = tag;
    record.digest = other;
    record.attempt = 1;
    record.value = journal.state().generation;
    ASSERT_EQ(journal.append(record), Status::kOk);
    EXPECT_TRUE(journal.state().trial_open);
    EXPECT_EQ(journal.state().staged.manifest, w.digest_of(v2));
    EXPECT_EQ(journal.state().confirmed.manifest, confirmed);
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
