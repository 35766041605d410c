// SPDX-License-Identifier: Apache-2.0
// The journal and the request cells: fold total and equal to the slow second reading, over all short record
// sequences, torn tails and arbitrary bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "../../core/tests/world.h"
#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/journal/factory.h"
#include "slow_journal.h"

namespace aseptic::boot::testing {
namespace {

Digest digest(std::uint8_t value) {
  Digest d{};
  d.fill(value);
  return d;
}

JournalState rich_state() {
  JournalState s;
  s.boot_count = 40;
  s.generation = 3;
  s.floor_intent = 2;
  s.revoke_intent = 1;
  s.confirmed_at = 30;
  s.trial_boot_count = 40;
  s.interrupted = 2;
  s.staged_attempt = 5;
  s.staged_slot = 1;
  s.synced = true;
  s.trial_open = true;
  s.trial_forced = true;
  s.confirmed = {digest(1), digest(2), 11, 2, 7};
  s.previous = {digest(3), digest(4), 10, 1, 6};
  s.staged = {digest(5), digest(6), 12, 2, 8};
  s.trial_token = digest(7);
  s.boot_hash = {digest(1), digest(8), 1};
  for (std::uint8_t i = 0; i < kQuarantineMax; ++i)
    s.add_quarantine(digest(static_cast<std::uint8_t>(0x20 + i)), i);
  return s;
}

struct Area2 {
  explicit Area2(bool keyed, std::size_t size = kJournalArea) {
    storage.bytes(Area::kJournal).assign(size, 0xFF);
    sealer.hasher = &hasher;
    sealer.keyed = keyed;
    sealer.key = digest(0x99);
  }
  JournalState loaded() {
    Journal journal(storage, sealer);
    status = journal.load();
    return journal.state();
  }
  ByteView bytes() { return storage.bytes(Area::kJournal); }
  MemoryStorage storage;
  IdealHasher hasher;
  RecordSealer sealer;
  Status status = Status::kOk;
};

TEST(BootJournal, SnapshotCarriesTheWholeState) {
  for (const bool keyed : {false, true}) {
    Area2 area(keyed);
    Journal journal(area.storage, area.sealer);
    ASSERT_EQ(journal.restart(rich_state()), Status::kOk);
    EXPECT_TRUE(same_state(area.loaded(), rich_state()));
    EXPECT_EQ(area.status, Status::kOk);
  }
}

TEST(BootJournal, TheLargestSnapshotFitsTheSmallestHalf) {
  const std::size_t count = snapshot_records(rich_state()).size();
  EXPECT_EQ(count, kSnapshotRecordsMax);
  EXPECT_LE(count + kGroupRecordsMax + 3, kJournalHalfMin / kRecordSize)
      << "a group and a boot's start fit behind it";
}

TEST(BootJournal, EveryBitOfARecordCounts) {
  for (const bool keyed : {false, true}) {
    Area2 area(keyed);
    Record record;
    record.tag = RecordTag::kConfirmed;
    record.sequence = 77;
    record.digest = digest(9);
    record.value = 3;
    const RecordBytes good = encode_record(area.sealer, record);
    Record out;
    ASSERT_EQ(decode_record(area.sealer, good, out), Status::kOk);
    EXPECT_EQ(out.sequence, 77U);
    EXPECT_EQ(out.value, 3U);
    for (std::size_t bit = 0; bit < 512; ++bit) {
      RecordBytes changed = good;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      ASSERT_FALSE(ok(decode_record(area.sealer, changed, out))) << bit;
    }
  }
}

// Answers: MB-01
TEST(BootJournal, T58_ADeviceWithASecretTakesNoRecordWithAMereChecksum) {
  Area2 keyed(true);
  Area2 plain(false);
  Record record;
  record.tag = RecordTag::kBoot;
  record.sequence = 1;
  Record out;
  EXPECT_EQ(decode_record(keyed.sealer, encode_record(plain.sealer, record), out), Status::kBadFormat);
  EXPECT_EQ(decode_record(plain.sealer, encode_record(keyed.sealer, record), out), Status::kBadFormat);
  RecordSealer other = keyed.sealer;
  other.key[0] ^= 1;
  EXPECT_EQ(decode_record(keyed.sealer, encode_record(other, record), out), Status::kBadChecksum);
}

TEST(BootJournal, EmptyBurntAndForeignAreasAreUnreadable) {
  for (const int fill : {0xFF, 0x00, 0x5A}) {
    Area2 area(false);
    std::fill(area.storage.bytes(Area::kJournal).begin(), area.storage.bytes(Area::kJournal).end(),
              static_cast<std::uint8_t>(fill));
    area.loaded();
    EXPECT_EQ(area.status, Status::kJournalUnreadable) << fill;
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{64}, 2 * kJournalHalfMin - 128, 2 * kJournalHalfMin + 64}) {
    Area2 area(false, size);
    area.loaded();
    EXPECT_EQ(area.status, Status::kJournalUnreadable) << size;
  }
}

TEST(BootJournal, AppendRefusesBeforeLoad) {
  Area2 area(false);
  Journal journal(area.storage, area.sealer);
  EXPECT_EQ(journal.append({}), Status::kJournalUnreadable);
  EXPECT_EQ(journal.prepare(), Status::kJournalUnreadable);
}

TEST(BootJournal, CompactionKeepsTheStateAndTheOldHalfUntilTheNewOneIsClosed) {
  Area2 area(true);
  Journal journal(area.storage, area.sealer);
  ASSERT_EQ(journal.restart(rich_state()), Status::kOk);
  for (std::uint32_t i = 1; i <= 200; ++i) {
    Record boot;
    boot.tag = RecordTag::kBoot;
    boot.value = 40 + i;
    ASSERT_EQ(journal.append(boot), Status::kOk);
    ASSERT_EQ(area.loaded().boot_count, 40 + i);
    ASSERT_EQ(area.status, Status::kOk);
  }
  JournalState expected = rich_state();
  expected.boot_count = 240;
  EXPECT_TRUE(same_state(area.loaded(), expected));
}

TEST(BootJournal, AWornPositionIsSkipped) {
  // A medium on which one position always reads as zero.
  struct Worn final : Storage {
    explicit Worn(MemoryStorage& under) : inner(under) {}
    std::uint64_t size(Area a) override { return inner.size(a); }
    Status read(Area a, std::uint64_t o, MutableBytes out) override {
      const Status status = inner.read(a, o, out);
      if (o == worn) fill_bytes(out, 0);
      return status;
    }
    Status program(Area a, std::uint64_t o, ByteView b) override { return inner.program(a, o, b); }
    Status erase(Area a, std::uint64_t o, std::uint64_t l) override { return inner.erase(a, o, l); }
    Status sync(Area a) override { return inner.sync(a); }
    std::uint8_t erased_value() const override { return 0xFF; }
    MemoryStorage& inner;
    std::uint64_t worn = ~0ULL;
  };
  Area2 area(false);
  Worn worn(area.storage);
  Journal journal(worn, area.sealer);
  JournalState small;
  small.confirmed.manifest = digest(1);
  ASSERT_EQ(journal.restart(small), Status::kOk);
  worn.worn = 8 * kRecordSize;
  for (std::uint32_t i = 1; i <= 8; ++i) {
    Record boot;
    boot.tag = RecordTag::kBoot;
    boot.value = i;
    ASSERT_EQ(journal.append(boot), Status::kOk) << i;
  }
  Journal again(worn, area.sealer);
  ASSERT_EQ(again.load(), Status::kOk);
  EXPECT_EQ(again.state().boot_count, 8U);
}

TEST(BootJournal, ASequenceAtItsEndStillLeavesRoomToStartAgain) {
  Area2 area(false);
  // A hostile area: a closed snapshot whose sequence is at the maximum.
  std::vector<Record> group = snapshot_records({});
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i].sequence = kSequenceMax - group.size() + 1 + i;
    const RecordBytes bytes = encode_record(area.sealer, group[i]);
    std::copy(bytes.begin(), bytes.end(),
              area.storage.bytes(Area::kJournal).begin() + static_cast<std::ptrdiff_t>(i * kRecordSize));
  }
  Journal journal(area.storage, area.sealer);
  ASSERT_EQ(journal.load(), Status::kOk);
  EXPECT_NE(journal.append({}), Status::kOk);
  ASSERT_EQ(journal.restart(rich_state()), Status::kOk);
  EXPECT_TRUE(same_state(area.loaded(), rich_state()));
}

// ---- exhaustive record sequences

std::vector<Record> alphabet() {
  std::vector<Record> out;
  const auto add = [&](RecordTag tag, std::uint8_t image, std::uint32_t value, std::uint8_t detail = 0) {
    Record r;
    r.tag = tag;
    if (image != 0) r.digest = digest(image);
    r.value = value;
    r.detail = detail;
    r.attempt = 1;
    out.push_back(r);
  };
  add(RecordTag::kBoot, 0, 41, 1);
  add(RecordTag::kStagedSet, 6, 0);
  add(RecordTag::kStagedInfo, 0x0A, 0);
  add(RecordTag::kStaged, 5, 0);
  add(RecordTag::kStaged, 1, 0);
  add(RecordTag::kAttemptToken, 7, 0);
  add(RecordTag::kAttempt, 5, 41);
  add(RecordTag::kAttempt, 1, 41, 1);
  add(RecordTag::kConfirmed, 5, 4);
  add(RecordTag::kConfirmed, 1, 4);
  add(RecordTag::kTrialFailed, 5, 4);
  add(RecordTag::kTrialInterrupted, 5, 0);
  add(RecordTag::kAutoRevert, 3, 5);
  add(RecordTag::kAutoRevert, 1, 5);
  add(RecordTag::kSynced, 1, 0);
  add(RecordTag::kSynced, 5, 0);
  add(RecordTag::kFloor, 2, 4);
  add(RecordTag::kBootHashImage, 8, 0);
  add(RecordTag::kBootHash, 1, 0);
  add(RecordTag::kSnapshotItem, 9, 3, static_cast<std::uint8_t>(SnapshotItem::kConfirmed));
  add(RecordTag::kSnapshotCommit, 0, 5);
  add(static_cast<RecordTag>(0xEE), 1, 1);
  return out;
}

// Claims that hold for every state a fold can give.
void expect_sane(const JournalState& s) {
  ASSERT_LE(s.quarantine_count, kQuarantineMax);
  ASSERT_TRUE(!s.trial_open || s.staged.exists()) << "a trial is of something";
  ASSERT_TRUE(!s.synced || s.confirmed.exists());
}

void extend(const std::vector<Record>& letters, const Fold& fold, int depth, std::uint64_t& count) {
  ++count;
  Fold ended = fold;
  ended.finish();
  expect_sane(ended.state());
  if (depth == 0) return;
  for (Record record : letters) {
    // The next number, the same number again (a rewritten tail or a record that came back), and a gap.
    for (const std::uint64_t step : {1U, 0U, 2U}) {
      record.sequence = ended.sequence() + step;
      Fold next = fold;
      next.add(record);
      extend(letters, next, depth - 1, count);
    }
  }
}

TEST(BootJournal, TheFoldIsTotalOverAllRecordSequencesUpToLengthThree) {
  const auto letters = alphabet();
  std::uint64_t count = 0;
  JournalState with_trial = rich_state();
  with_trial.interrupted = 0xFFFF;
  for (const JournalState& start : {JournalState{}, rich_state(), with_trial})
    extend(letters, Fold(start, 100), 3, count);
  std::printf("%llu sequences\n", static_cast<unsigned long long>(count));
  EXPECT_GT(count, 800'000U);
}

TEST(BootJournal, NoConfirmWithoutATrialInAnySequenceUpToLengthThree) {
  // From a state without an open trial, no sequence without ATTEMPT changes what is confirmed, except
  // AUTO_REVERT.
  JournalState start = rich_state();
  start.trial_open = false;
  for (const Record& a : alphabet())
    for (const Record& b : alphabet())
      for (const Record& c : alphabet()) {
        Fold fold(start, 100);
        bool attempt = false;
        bool revert = false;
        std::uint64_t sequence = 100;
        for (Record r : {a, b, c}) {
          r.sequence = ++sequence;
          fold.add(r);
          attempt = attempt || r.tag == RecordTag::kAttempt;
          revert = revert || r.tag == RecordTag::kAutoRevert;
        }
        fold.finish();
        if (!attempt && !revert) {
          ASSERT_EQ(fold.state().confirmed, start.confirmed);
        }
        ASSERT_TRUE(attempt || !fold.state().trial_open);
      }
}

// ---- whole areas against the slow reading

// A journal area as a hostile or unlucky world might leave it: records of the alphabet at any position with
// numbers near the right ones, torn, burnt, doubled.
Bytes scribble(Area2& area, std::mt19937_64& random) {
  const auto letters = alphabet();
  Journal journal(area.storage, area.sealer);
  static_cast<void>(journal.restart(random() % 2 == 0 ? rich_state() : JournalState{}));
  Bytes bytes = area.storage.bytes(Area::kJournal);
  const std::size_t half =
      random() % 8 == 0 ? random() % 2 : (all_bytes_are(ByteView(bytes).first(64), 0xFF) ? 1 : 0);
  const std::size_t positions = bytes.size() / 2 / kRecordSize;
  std::size_t at = random() % 4 == 0 ? 0 : 1;
  while (at < positions &&
         !all_bytes_are(ByteView(bytes).subspan((half * positions + at) * kRecordSize, 64), 0xFF))
    ++at;
  std::uint64_t sequence = random() % 16 == 0 ? random() % 40 : at;
  for (; at < positions && random() % 12 != 0; ++at) {
    Record record = letters[random() % letters.size()];
    record.sequence = sequence + 1 + (random() % 6 == 0 ? random() % 4 : 0) - (random() % 6 == 0 ? 1 : 0);
    sequence = record.sequence;
    RecordBytes cell = encode_record(area.sealer, record);
    if (random() % 8 == 0) cell[random() % cell.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    if (random() % 12 == 0) cell = RecordBytes{};
    std::copy(cell.begin(), cell.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>((half * positions + at) * kRecordSize));
  }
  for (std::uint64_t flips = random() % 3; flips > 0; --flips)
    bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
  return bytes;
}

TEST(BootJournal, TheFoldEqualsTheSlowReadingOnScribbledAreas) {
  std::mt19937_64 random(58);
  int readable = 0;
  for (int i = 0; i < 3000; ++i) {
    Area2 area(i % 4 == 0);
    area.storage.bytes(Area::kJournal) = scribble(area, random);
    const JournalState fast = area.loaded();
    const SlowJournal slow(area.sealer, area.bytes());
    ASSERT_EQ(ok(area.status), slow.readable()) << "seed 58, case " << i;
    if (!slow.readable()) continue;
    ++readable;
    ASSERT_TRUE(same_state(fast, slow.state())) << "seed 58, case " << i;
    // What boot does next works on any of them, and loses nothing.
    Journal journal(area.storage, area.sealer);
    ASSERT_EQ(journal.load(), Status::kOk);
    if (!ok(journal.prepare())) continue;  // a sequence number at its end
    ASSERT_TRUE(same_state(area.loaded(), fast)) << "prepare changes no state; case " << i;
  }
  EXPECT_GT(readable, 1500);
}

TEST(BootJournal, EveryTornTailGivesTheStateBeforeOrAfterTheRecord) {
  for (const bool keyed : {false, true})
    for (const Record& letter : alphabet())
      for (std::size_t written = 0; written <= kRecordSize; ++written) {
        Area2 area(keyed);
        Journal journal(area.storage, area.sealer);
        ASSERT_EQ(journal.restart(rich_state()), Status::kOk);
        const JournalState before = area.loaded();
        const Bytes empty = area.storage.bytes(Area::kJournal);
        ASSERT_EQ(journal.append(letter), Status::kOk);
        const JournalState after = area.loaded();
        Bytes torn = area.storage.bytes(Area::kJournal);
        const std::size_t at = kSnapshotRecordsMax * kRecordSize;
        std::copy(empty.begin() + static_cast<std::ptrdiff_t>(at + written),
                  empty.begin() + static_cast<std::ptrdiff_t>(at + kRecordSize),
                  torn.begin() + static_cast<std::ptrdiff_t>(at + written));
        area.storage.bytes(Area::kJournal) = torn;
        const JournalState left = area.loaded();
        ASSERT_EQ(area.status, Status::kOk);
        ASSERT_TRUE(same_state(left, before) || same_state(left, after))
            << static_cast<int>(letter.tag) << " " << written;
      }
}

// ---- requests and PERMIT

TEST(BootRequests, EveryKindRoundTripsAndEveryBitCounts) {
  for (std::size_t kind = 0; kind < kRequestKindCount; ++kind) {
    Request r;
    r.kind = static_cast<RequestKind>(kind);
    r.boot_count = 9;
    r.slot = SlotId::kB;
    r.attempt = 2;
    r.manifest = digest(1);
    r.set = digest(2);
    r.token = digest(3);
    r.challenge = digest(4);
    r.log_head = digest(5);
    r.log_count = 6;
    const RequestCell cell = encode_request(r);
    Request out;
    ASSERT_EQ(decode_request(cell, r.kind, out), Status::kOk);
    EXPECT_EQ(encode_request(out), cell);
    for (std::size_t bit = 0; bit < cell.size() * 8; ++bit) {
      RequestCell changed = cell;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      ASSERT_FALSE(ok(decode_request(changed, r.kind, out)));
    }
    for (std::size_t other = 0; other < kRequestKindCount; ++other)
      ASSERT_EQ(ok(decode_request(cell, static_cast<RequestKind>(other), out)), other == kind)
          << "a cell in another's place";
  }
}

TEST(BootRequests, EveryReservedByteIsChecked) {
  Request r;
  r.kind = RequestKind::kArm;
  for (std::size_t at = 0; at < kRequestCellSize - 8; ++at) {
    RequestCell cell = encode_request(r);
    cell[at] = static_cast<std::uint8_t>(cell[at] + 1);
    seal_checksum(cell);
    Request out;
    const Status status = decode_request(cell, RequestKind::kArm, out);
    const bool is_boot_count = at >= 8 && at < 12;
    ASSERT_EQ(ok(status), is_boot_count) << at;
  }
}

TEST(BootRequests, AttemptAndSlotBoundsAreExact) {
  Request r;
  r.manifest = digest(1);
  Request out;
  for (const std::uint64_t attempt :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{kAttemptMax}, std::uint64_t{kAttemptMax} + 1}) {
    RequestCell cell = encode_request(r);
    Le64 number{};
    number.set(attempt);
    std::copy(std::begin(number.raw), std::end(number.raw), cell.begin() + 80);
    seal_checksum(cell);
    EXPECT_EQ(ok(decode_request(cell, RequestKind::kStage, out)), attempt >= 1 && attempt <= kAttemptMax)
        << attempt;
  }
  r.attempt = 1;
  RequestCell cell = encode_request(r);
  cell[12] = 2;
  seal_checksum(cell);
  EXPECT_EQ(decode_request(cell, RequestKind::kStage, out), Status::kBadEnumerator);
}

TEST(BootRequests, AShortAreaHoldsNoRequests) {
  Request r;
  r.kind = RequestKind::kArm;
  Bytes area(kRequestKindCount * kRequestCellSize);
  const RequestCell cell = encode_request(r);
  std::copy(cell.begin(), cell.end(), area.begin() + static_cast<std::ptrdiff_t>(request_offset(r.kind)));
  EXPECT_TRUE(parse_request_area(area).has(RequestKind::kArm));
  EXPECT_FALSE(parse_request_area(ByteView(area).first(area.size() - 1)).has(RequestKind::kArm));
}

TEST(BootPermit, RoundTripsAndEveryBitCounts) {
  Permit permit;
  permit.boot_count = 5;
  permit.hold_nonce.fill(7);
  const PermitCell cell = encode_permit(permit);
  Permit out;
  ASSERT_EQ(decode_permit(cell, out), Status::kOk);
  EXPECT_EQ(out.boot_count, 5U);
  EXPECT_EQ(out.hold_nonce, permit.hold_nonce);
  for (std::size_t bit = 0; bit < cell.size() * 8; ++bit) {
    PermitCell changed = cell;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(ok(decode_permit(changed, out)));
  }
  EXPECT_EQ(decode_permit(cleared_permit(), out), Status::kNotFound);
}

// ---- the factory

TEST(BootFactory, TheFirstJournalNamesTheFactoryImageAsConfirmed) {
  World world;
  world.provision({4, 2, 1});
  EXPECT_EQ(world.journal().confirmed.sequence, 4U);
  EXPECT_TRUE(world.journal().synced);
  EXPECT_EQ(world.monotonic().floor, 2U);
  EXPECT_EQ(world.monotonic().confirmed_sequence, 4U);
}

TEST(BootFactory, ABadManifestOrAnAreaOfTheWrongSizeIsRefused) {
  World world;
  Bytes image = world.image({1, 1, 1});
  Bytes area(2 * kJournalHalfMin);
  const RecordSealer sealer = world.sealer();
  EXPECT_EQ(make_factory_journal(world.hasher, sealer, {ByteView(image).first<kManifestRegionSize>()},
                                 MutableBytes(area).first(100)),
            Status::kJournalUnreadable);
  EXPECT_EQ(make_factory_store(world.hasher, world.provisioning,
                               {ByteView(image).first<kManifestRegionSize>()}, area),
            Status::kBufferSize);
  image[0] ^= 1;
  EXPECT_EQ(make_factory_journal(world.hasher, sealer, {ByteView(image).first<kManifestRegionSize>()}, area),
            Status::kBadMagic);
}

}  // namespace
}  // namespace aseptic::boot::testing
