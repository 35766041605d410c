// SPDX-License-Identifier: Apache-2.0
// The flash model says no to misuse, and each tear does what its name says: otherwise a campaign on it proves
// nothing.
#include "aseptic/sim/flash/nor_flash.h"

#include <gtest/gtest.h>

#include "aseptic/sim/flash/counter_ports.h"

namespace aseptic::sim {
namespace {

using boot::Area;
using boot::Status;
using Bytes = std::vector<std::uint8_t>;

FlashGeometry geometry(std::uint32_t unit = 4, std::uint8_t erased = 0xFF, bool ecc = false) {
  FlashGeometry g;
  g.unit = unit;
  g.erased = erased;
  g.ecc = ecc;
  g.areas[static_cast<std::size_t>(Area::kSlotA)] = {{256, 1024, 512}, 64, 0};
  g.areas[static_cast<std::size_t>(Area::kMailbox)] = {{}, 0, 64};
  return g;
}
Bytes read(NorFlash& flash, std::uint64_t offset, std::size_t size) {
  Bytes out(size);
  EXPECT_EQ(flash.read(Area::kSlotA, offset, out), Status::kOk);
  return out;
}

TEST(NorFlash, ProgramsOnceAndErasesWholeSectors) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  EXPECT_EQ(flash.program(Area::kSlotA, 256, Bytes(8, 0x5A)), Status::kOk);
  EXPECT_EQ(read(flash, 256, 8), Bytes(8, 0x5A));
  EXPECT_EQ(flash.sector_end(Area::kSlotA, 256), 1280U);
  EXPECT_EQ(flash.erase(Area::kSlotA, 256, 1024), Status::kOk);
  EXPECT_EQ(read(flash, 256, 8), Bytes(8, 0xFF));
  EXPECT_EQ(flash.program(Area::kSlotA, 256, Bytes(8, 0x11)), Status::kOk);
  EXPECT_EQ(flash.misuse(), "");
}

TEST(NorFlash, FindsAUnitProgrammedTwice) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  static_cast<void>(flash.program(Area::kSlotA, 0, Bytes(8, 0xF0)));
  static_cast<void>(flash.program(Area::kSlotA, 4, Bytes(4, 0x3C)));
  EXPECT_NE(flash.misuse(), "");
  EXPECT_EQ(read(flash, 4, 4), Bytes(4, 0x30)) << "a program only clears bits";
}

TEST(NorFlash, FindsUnalignedProgramsAndParts) {
  const FlashGeometry g = geometry();
  NorFlash unaligned(g);
  static_cast<void>(unaligned.program(Area::kSlotA, 2, Bytes(4, 0)));
  EXPECT_NE(unaligned.misuse(), "");
  NorFlash part(g);
  static_cast<void>(part.erase(Area::kSlotA, 0, 128));
  EXPECT_NE(part.misuse(), "");
}

TEST(NorFlash, AnErasedZeroPartSetsBits) {
  const FlashGeometry g = geometry(4, 0x00);
  NorFlash flash(g);
  EXPECT_EQ(read(flash, 0, 4), Bytes(4, 0x00));
  static_cast<void>(flash.program(Area::kSlotA, 0, Bytes(4, 0x81)));
  EXPECT_EQ(read(flash, 0, 4), Bytes(4, 0x81));
}

// What a torn program of eight 0x00 bytes shows now and at the next power-up.
struct Shown {
  Bytes now, later;
};
Shown torn_program(ProgramTear tear) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  flash.cut_at(0, static_cast<unsigned>(tear), 99);
  EXPECT_EQ(flash.program(Area::kSlotA, 0, Bytes(64, 0)), Status::kIoError);
  EXPECT_TRUE(flash.is_off());
  EXPECT_EQ(flash.erase(Area::kSlotA, 0, 256), Status::kIoError) << "nothing happens without power";
  flash.power_returns();
  flash.power_returns();  // twice: the face of the moment of the cut
  Shown shown;
  shown.now = read(flash, 0, 64);
  flash.power_returns();
  shown.later = read(flash, 0, 64);
  return shown;
}
bool is_garbage(const Bytes& bytes) {
  return bytes != Bytes(64, 0) && bytes != Bytes(64, 0xFF);
}

TEST(NorFlash, EachProgramTearShowsItsFaces) {
  EXPECT_EQ(torn_program(ProgramTear::kNotBegun).now, Bytes(64, 0xFF));
  EXPECT_EQ(torn_program(ProgramTear::kDone).now, Bytes(64, 0x00));
  Bytes half(64, 0xFF);
  std::fill_n(half.begin(), 32, std::uint8_t{0});
  EXPECT_EQ(torn_program(ProgramTear::kHalf).now, half);
  EXPECT_TRUE(is_garbage(torn_program(ProgramTear::kRandomBits).now));
  EXPECT_TRUE(is_garbage(torn_program(ProgramTear::kComesLater).now));
  EXPECT_EQ(torn_program(ProgramTear::kComesLater).later, Bytes(64, 0x00));
  EXPECT_EQ(torn_program(ProgramTear::kBlankNow).now, Bytes(64, 0xFF));
  EXPECT_EQ(torn_program(ProgramTear::kBlankNow).later, Bytes(64, 0x00));
  EXPECT_EQ(torn_program(ProgramTear::kFadesLater).now, Bytes(64, 0x00));
  EXPECT_TRUE(is_garbage(torn_program(ProgramTear::kFadesLater).later));
}

Shown torn_erase(EraseTear tear) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  static_cast<void>(flash.program(Area::kSlotA, 0, Bytes(256, 0)));
  flash.cut_at(flash.operations(), static_cast<unsigned>(tear), 99);
  EXPECT_EQ(flash.erase(Area::kSlotA, 0, 256), Status::kIoError);
  flash.power_returns();
  flash.power_returns();
  Shown shown;
  shown.now = read(flash, 0, 256);
  flash.power_returns();
  shown.later = read(flash, 0, 256);
  return shown;
}

TEST(NorFlash, EachEraseTearShowsItsFaces) {
  const Bytes old(256, 0), erased(256, 0xFF);
  EXPECT_EQ(torn_erase(EraseTear::kNotBegun).now, old);
  EXPECT_EQ(torn_erase(EraseTear::kDone).now, erased);
  Bytes half = old;
  std::fill_n(half.begin(), 128, std::uint8_t{0xFF});
  EXPECT_EQ(torn_erase(EraseTear::kHalf).now, half);
  const auto random = torn_erase(EraseTear::kRandomBits).now;
  EXPECT_TRUE(random != old && random != erased);
  const Shown weak = torn_erase(EraseTear::kWeakBits);
  EXPECT_TRUE(weak.now != erased && weak.later != weak.now);
  EXPECT_EQ(torn_erase(EraseTear::kLooksErased).now, erased);
  EXPECT_NE(torn_erase(EraseTear::kLooksErased).later, erased);
  EXPECT_EQ(torn_erase(EraseTear::kOldNow).now, old);
  EXPECT_NE(torn_erase(EraseTear::kOldNow).later, old);
}

TEST(NorFlash, ATornEccUnitCanBeUnreadableUntilItIsErased) {
  const FlashGeometry g = geometry(8, 0xFF, true);
  int unreadable = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    NorFlash flash(g);
    flash.cut_at(0, static_cast<unsigned>(ProgramTear::kRandomBits), seed);
    static_cast<void>(flash.program(Area::kSlotA, 0, Bytes(8, 0x12)));
    flash.power_returns();
    Bytes out(8);
    unreadable += flash.read(Area::kSlotA, 0, out) == Status::kIoError ? 1 : 0;
    EXPECT_EQ(flash.erase(Area::kSlotA, 0, 256), Status::kOk);
    EXPECT_EQ(flash.read(Area::kSlotA, 0, out), Status::kOk);
  }
  EXPECT_GT(unreadable, 3);
  EXPECT_LT(unreadable, 18);
}

TEST(NorFlash, MemoryIsLostWithThePower) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  static_cast<void>(flash.program(Area::kMailbox, 0, Bytes(64, 7)));
  flash.power_returns();
  Bytes out(64, 1);
  EXPECT_EQ(flash.read(Area::kMailbox, 0, out), Status::kOk);
  EXPECT_EQ(out, Bytes(64, 0));
}

TEST(NorFlash, AnUnreadableSectorStaysUnreadable) {
  const FlashGeometry g = geometry();
  NorFlash flash(g);
  flash.make_unreadable(Area::kSlotA, 300);
  Bytes out(8);
  EXPECT_EQ(flash.read(Area::kSlotA, 0, out), Status::kOk);
  EXPECT_EQ(flash.read(Area::kSlotA, 252, out), Status::kIoError);
  EXPECT_EQ(flash.erase(Area::kSlotA, 256, 1024), Status::kOk);
  EXPECT_EQ(flash.read(Area::kSlotA, 1000, out), Status::kIoError);
}

TEST(CounterPorts, NeverFallAndEndAtTheirBudget) {
  const FlashGeometry g = geometry();
  NorFlash power(g);
  NvContent content;
  content.generation_max = 5;
  NvCounterPort nv(power, content);
  boot::MonotonicState state;
  state.generation = 5;
  state.floor = 3;
  EXPECT_EQ(nv.burn(state), Status::kOk);
  state.floor = 2;
  EXPECT_EQ(nv.burn(state), Status::kBadRange);
  state.floor = 3;
  state.generation = 6;
  EXPECT_EQ(nv.burn(state), Status::kStoreExhausted);
}

TEST(CounterPorts, AWeakFuseIsBlownAgainBeforeAnythingRestsOnIt) {
  const FlashGeometry g = geometry();
  NorFlash power(g);
  FuseContent content;
  FusePort fuses(power, content);
  boot::MonotonicState state;
  state.generation = 1;
  power.cut_at(0, 2, 1);  // reads blown now, intact later
  EXPECT_NE(fuses.burn(state), Status::kOk);
  EXPECT_EQ(content.generation[0], Fuse::kWeakReadsBlown);
  power.power_returns();
  boot::MonotonicState seen;
  EXPECT_EQ(fuses.load(seen), Status::kOk);
  EXPECT_EQ(seen.generation, 1U);
  content.power_returns();
  EXPECT_EQ(fuses.load(seen), Status::kOk);
  EXPECT_EQ(seen.generation, 1U) << "what was read once stays";
}

}  // namespace
}  // namespace aseptic::sim
