// SPDX-License-Identifier: Apache-2.0
// The real boot core over hostile journals and request areas: every record sequence up to length three behind
// the factory's snapshot (rightly sealed, which is more than an attacker can do), every torn tail of the last
// record, and request areas of any bytes. Whatever is there: boot answers, the floor never falls, nothing
// unverified runs, and without an ATTEMPT record nothing but the factory image runs outside a trial.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "world.h"

namespace aseptic::boot::testing {
namespace {

class Hostile {
 public:
  explicit Hostile(WorldConfig config = small()) : world(config) {
    world.provision({1, 1, 1});
    v1 = world.digest_of(world.storage.bytes(Area::kSlotA));
    const Bytes second = world.image({2, 2, 2});
    v2 = world.digest_of(second);
    world.install(Area::kSlotB, second);
    for (std::size_t i = 0; i < kAreaCount; ++i)
      start_[i] = world.storage.bytes(static_cast<Area>(i));
  }
  static WorldConfig small() {
    WorldConfig c;
    c.slot_size = 16384;
    c.device_secret = false;
    return c;
  }
  void again() {
    for (const Area area :
         {Area::kJournal, Area::kMonotonic, Area::kRequests, Area::kPermit, Area::kMailbox, Area::kRecovery})
      world.storage.bytes(area) = start_[static_cast<std::size_t>(area)];
  }
  std::vector<Record> letters() const {
    std::vector<Record> out;
    const auto add = [&](RecordTag tag, const Digest& digest, std::uint32_t value, std::uint8_t detail = 0) {
      Record r;
      r.tag = tag;
      r.digest = digest;
      r.value = value;
      r.detail = detail;
      r.attempt = 1;
      out.push_back(r);
    };
    Digest unknown{};
    unknown.fill(0x66);
    Digest floor_nine{};
    floor_nine[0] = 9;
    floor_nine[4] = 3;
    add(RecordTag::kBoot, {}, 7);
    add(RecordTag::kBoot, {}, 0xFFFFFFFFU);
    add(RecordTag::kStaged, v2, 0);
    add(RecordTag::kStaged, unknown, 0);
    add(RecordTag::kAttempt, v2, 0);
    add(RecordTag::kAttempt, unknown, 0, 1);
    add(RecordTag::kConfirmed, v2, 1);
    add(RecordTag::kConfirmed, unknown, 1);
    add(RecordTag::kConfirmed, v2, 0xFFFFFFFFU);
    add(RecordTag::kTrialFailed, v2, 1);
    add(RecordTag::kTrialInterrupted, v2, 0);
    add(RecordTag::kAutoRevert, v1, 1);
    add(RecordTag::kSynced, v1, 0);
    add(RecordTag::kFloor, floor_nine, 1);
    add(RecordTag::kFloor, floor_nine, 0);
    add(RecordTag::kBootHash, v2, 0);
    add(RecordTag::kSnapshotBegin, {}, 0);
    add(RecordTag::kSnapshotCommit, {}, 1);
    return out;
  }

  // Everything that must hold after a power-up, whatever was on the medium.
  void expect_safe(Status status, bool attempt_seen, const std::string& what) {
    const MonotonicState m = world.monotonic();
    ASSERT_GE(m.floor, 1U) << what;
    ASSERT_LE(m.floor, 2U) << what << ": no record sets the floor";
    ASSERT_EQ(m.revoked, 0U) << what;
    if (!ok(status)) return;
    const Decision& d = world.decision;
    const bool is_v1 = d.image.manifest == v1;
    ASSERT_TRUE(is_v1 || d.image.manifest == v2) << what;
    ASSERT_GE(d.image.epoch, m.floor) << what;
    if (d.kind == RunKind::kConfirmed && !is_v1) {
      ASSERT_TRUE(attempt_seen) << what << ": an untried image runs outside a trial";
    }
  }

  World world;
  Digest v1{};
  Digest v2{};

 private:
  Bytes start_[kAreaCount];
};

void put(World& world, std::size_t position, const Record& record) {
  const RecordBytes bytes = encode_record(world.sealer(), record);
  std::copy(
      bytes.begin(), bytes.end(),
      world.storage.bytes(Area::kJournal).begin() + static_cast<std::ptrdiff_t>(position * kRecordSize));
}

std::size_t first_free(World& world) {
  const ByteView bytes = world.storage.bytes(Area::kJournal);
  std::size_t at = 0;
  while (!all_bytes_are(bytes.subspan(at * kRecordSize, kRecordSize), 0xFF))
    ++at;
  return at;
}

// Answers: RB-01, MB-01
TEST(BootHostile, EveryRecordSequenceUpToLengthThreeIsSurvived) {
  Hostile h;
  const auto letters = h.letters();
  const std::size_t tail = first_free(h.world);
  const std::uint64_t sequence = tail;  // the factory's records are numbered from 1
  int boots = 0;
  for (std::size_t a = 0; a < letters.size(); ++a)
    for (std::size_t b = 0; b < letters.size(); ++b)
      for (std::size_t c = 0; c < letters.size(); ++c) {
        h.again();
        bool attempt = false;
        std::size_t at = tail;
        for (const std::size_t index : {a, b, c}) {
          Record r = letters[index];
          r.sequence = sequence + (at - tail) + 1;
          attempt = attempt || r.tag == RecordTag::kAttempt;
          put(h.world, at++, r);
        }
        // An armed application that asks for everything at once.
        if ((a + b + c) % 2 == 0) {
          h.world.request_stage(SlotId::kB, h.world.storage.bytes(Area::kSlotB));
          h.world.request_synced();
          h.world.request_revert();
          h.world.request_confirm();
          h.world.request_arm();
          h.world.permit();
        }
        const Status status = h.world.boot((b + c) % 3 == 0 ? ResetCause::kPowerOn : ResetCause::kCommanded);
        h.expect_safe(status, attempt, std::to_string(a) + " " + std::to_string(b) + " " + std::to_string(c));
        if (::testing::Test::HasFatalFailure()) return;
        ++boots;
      }
  std::printf("%d hostile journals\n", boots);
}

TEST(BootHostile, EveryTornTailIsSurvived) {
  Hostile h;
  const std::size_t tail = first_free(h.world);
  for (const Record& letter : h.letters())
    for (std::size_t written = 0; written <= kRecordSize; ++written) {
      h.again();
      Record staged;
      staged.tag = RecordTag::kStaged;
      staged.digest = h.v2;
      staged.attempt = 1;
      staged.sequence = tail + 1;
      put(h.world, tail, staged);
      Record r = letter;
      r.sequence = tail + 2;
      put(h.world, tail + 1, r);
      auto cell = h.world.storage.bytes(Area::kJournal).begin() +
                  static_cast<std::ptrdiff_t>((tail + 1) * kRecordSize);
      std::fill(cell + static_cast<std::ptrdiff_t>(written), cell + kRecordSize, std::uint8_t{0xFF});
      h.expect_safe(h.world.boot(ResetCause::kCommanded), false, "torn at " + std::to_string(written));
      if (::testing::Test::HasFatalFailure()) return;
    }
}

// Answers: RB-01
TEST(BootHostile, T31_RequestAreasOfAnyBytesAreSurvived) {
  Hostile h;
  std::mt19937_64 random(20261123);
  for (int i = 0; i < 4000; ++i) {
    h.again();
    // Valid cells of every kind, then damage: from nothing to everything.
    h.world.request_stage(random() % 2 == 0 ? SlotId::kA : SlotId::kB, h.world.storage.bytes(Area::kSlotB),
                          static_cast<std::uint16_t>(random()));
    h.world.request_synced();
    h.world.request_revert();
    h.world.request_confirm();
    h.world.request_arm();
    h.world.permit();
    for (const Area area : {Area::kRequests, Area::kPermit}) {
      Bytes& bytes = h.world.storage.bytes(area);
      for (std::uint64_t damage = random() % 40; damage > 0; --damage)
        bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      if (random() % 16 == 0) bytes.resize(random() % (bytes.size() + 1));
    }
    const Status status = h.world.boot(random() % 2 == 0 ? ResetCause::kPowerOn : ResetCause::kCommanded);
    ASSERT_EQ(status, Status::kOk) << i;
    h.expect_safe(status, false, "case " + std::to_string(i));
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_FALSE(h.world.events.has(EventCode::kConfirmed));
    h.world.storage.bytes(Area::kRequests).resize(kRequestAreaSize);
    h.world.storage.bytes(Area::kPermit).resize(kPermitCellSize);
  }
}

}  // namespace
}  // namespace aseptic::boot::testing
