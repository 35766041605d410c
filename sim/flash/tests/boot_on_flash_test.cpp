// SPDX-License-Identifier: Apache-2.0
// What boot_power_cut found in the journal, each as a test of its own.
#include <gtest/gtest.h>

#include "aseptic/boot/journal/journal.h"
#include "aseptic/sim/flash/nor_flash.h"

namespace aseptic::sim {
namespace {

using boot::Area;
using boot::Journal;
using boot::Status;

FlashGeometry journal_geometry(std::uint8_t erased) {
  FlashGeometry g;
  g.unit = 8;
  g.erased = erased;
  g.areas[static_cast<std::size_t>(Area::kJournal)] = {{2048, 2048}, 64, 0};
  return g;
}

Status append_boot(Journal& journal, std::uint32_t count) {
  boot::Record record;
  record.tag = boot::RecordTag::kBoot;
  record.value = count;
  return journal.append(record);
}

// Burning a position must program every bit, whatever erased is on this part.
TEST(BootJournalOnFlash, ABurntPositionIsNotBlankOnAPartThatErasesToZero) {
  for (const std::uint8_t erased : {std::uint8_t{0x00}, std::uint8_t{0xFF}}) {
    const FlashGeometry g = journal_geometry(erased);
    NorFlash flash(g);
    const boot::RecordSealer sealer;
    Journal first(flash, sealer);
    ASSERT_EQ(first.restart({}), Status::kOk);
    for (std::uint32_t start = 1; start <= 40; ++start) {
      Journal journal(flash, sealer);
      ASSERT_EQ(journal.load(), Status::kOk);
      ASSERT_EQ(journal.prepare(), Status::kOk);
      ASSERT_EQ(append_boot(journal, start), Status::kOk);
      ASSERT_EQ(flash.misuse(), "") << "erased value " << int{erased} << ", start " << start;
    }
    Journal last(flash, sealer);
    ASSERT_EQ(last.load(), Status::kOk);
    EXPECT_EQ(last.state().boot_count, 40U);
  }
}

TEST(BootJournalOnFlash, ADeadHalfDoesNotCostTheJournal) {
  for (const std::uint64_t dead : {0U, 2048U}) {
    const FlashGeometry g = journal_geometry(0xFF);
    NorFlash flash(g);
    flash.make_unreadable(Area::kJournal, dead);
    const boot::RecordSealer sealer;
    Journal journal(flash, sealer);
    EXPECT_EQ(journal.load(), Status::kJournalUnreadable);
    ASSERT_EQ(journal.restart({}), Status::kOk);
    ASSERT_EQ(append_boot(journal, 7), Status::kOk);
    Journal again(flash, sealer);
    ASSERT_EQ(again.load(), Status::kOk);
    EXPECT_EQ(again.state().boot_count, 7U);
    EXPECT_EQ(flash.misuse(), "");
  }
}

// A lost bit in a compaction costs another erase, not the records of this power-up.
TEST(BootJournalOnFlash, ALostBitInASnapshotIsWrittenAgain) {
  const FlashGeometry g = journal_geometry(0xFF);
  for (std::uint64_t at = 1; at < 4; ++at) {
    NorFlash flash(g);
    const boot::RecordSealer sealer;
    flash.cut_at(flash.operations() + at, kSilentBit, at);
    Journal journal(flash, sealer);
    ASSERT_EQ(journal.restart({}), Status::kOk);
    ASSERT_EQ(append_boot(journal, 9), Status::kOk);
    Journal again(flash, sealer);
    ASSERT_EQ(again.load(), Status::kOk);
    EXPECT_EQ(again.state().boot_count, 9U);
    EXPECT_TRUE(boot::all_bytes_are(flash.raw(Area::kJournal).subspan(2048), 0xFF))
        << "the first half served";
  }
}

}  // namespace
}  // namespace aseptic::sim
