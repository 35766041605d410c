// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/world.h"

#include <gtest/gtest.h>

#include "aseptic/sim/boot_storage.h"

namespace aseptic::sim {
namespace {

World world_with_slot() {
  World world(7);
  world.place("slots/a.img", PagedBytes(65536));
  return world;
}

TEST(SimWorld, FailsTheNthIoOnce) {
  World world = world_with_slot();
  auto device = world.block_device("slots/a.img");
  world.plan({.at_io = 1, .kind = FaultKind::kFailOnce});
  EXPECT_TRUE(device->write(0, core::Bytes(1, 1)));
  EXPECT_FALSE(device->write(1, core::Bytes(1, 1)));
  EXPECT_TRUE(device->write(2, core::Bytes(1, 1)));
  EXPECT_TRUE(world.fault_happened());
  EXPECT_EQ((*world.content("slots/a.img"))[1], 0);
}

TEST(SimWorld, FailsEveryIoFromTheNthOn) {
  World world = world_with_slot();
  auto device = world.block_device("slots/a.img");
  world.plan({.at_io = 1, .kind = FaultKind::kFailForever});
  core::Bytes out(1);
  EXPECT_TRUE(device->read(0, out));
  EXPECT_FALSE(device->read(0, out));
  EXPECT_FALSE(device->flush());
}

TEST(SimWorld, CountsOnlyTheFilesOfThePlan) {
  World world = world_with_slot();
  auto device = world.block_device("slots/a.img");
  auto storage = world.storage("agent");
  world.plan({.at_io = 0, .kind = FaultKind::kFailOnce, .file_prefix = "agent/"});
  EXPECT_TRUE(device->write(0, core::Bytes(1, 1)));
  EXPECT_FALSE(storage->replace("state", core::Bytes(1, 1)));
}

TEST(SimWorld, AcknowledgesAWriteAndStoresAnother) {
  World world = world_with_slot();
  auto device = world.block_device("slots/a.img");
  world.plan({.at_io = 0, .kind = FaultKind::kLie});
  const core::Bytes bytes(100, 0x77);
  ASSERT_TRUE(device->write(0, bytes));
  core::Bytes out(100);
  ASSERT_TRUE(device->read(0, out));
  EXPECT_NE(out, bytes);
}

TEST(SimWorld, HasNoPowerAfterTheCutAndRebootsToADurableDisk) {
  World world = world_with_slot();
  auto device = world.block_device("slots/a.img");
  ASSERT_TRUE(device->write(0, core::Bytes(4, 0xAA)));
  ASSERT_TRUE(device->flush());
  world.plan({.at_io = 1, .kind = FaultKind::kPowerOff});
  EXPECT_TRUE(device->write(4, core::Bytes(4, 0xBB)));
  EXPECT_FALSE(device->write(8, core::Bytes(4, 0xCC)));
  EXPECT_FALSE(device->flush());
  EXPECT_TRUE(world.is_off());
  bool lost = false;
  bool kept = false;
  bool torn = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    World next = world.reboot(seed);
    const core::Bytes content = *next.content("slots/a.img");
    EXPECT_EQ(content[0], 0xAA);
    (content[4] == 0xBB ? kept : lost) = true;
    torn = torn || (content[8] != 0xCC && content[8] != 0);
    EXPECT_EQ(next.disk().pending_count(), 0U);
    EXPECT_TRUE(next.block_device("slots/a.img")->flush());
  }
  EXPECT_TRUE(lost && kept && torn);
}

TEST(SimWorld, IsAFunctionOfItsSeed) {
  const auto draw = [](std::uint64_t seed) {
    World world(seed);
    core::Bytes bytes(32);
    WorldEntropy(world).fill(bytes);
    return bytes;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(SimWorld, TimePassesOnlyWhenSomebodySleeps) {
  World world(1);
  WorldClock clock(world);
  const auto before = clock.wall();
  clock.sleep_for(std::chrono::milliseconds(2500));
  EXPECT_EQ(clock.since_boot(), std::chrono::milliseconds(2500));
  EXPECT_EQ(clock.wall() - before, std::chrono::seconds(2));
  const World next = world.reboot(1);
  EXPECT_EQ(next.since_boot(), std::chrono::milliseconds(0));
  EXPECT_EQ(next.wall_s(), world.wall_s());
}

TEST(SimWorld, ACopyLivesItsOwnLife) {
  World world = world_with_slot();
  World copy = world.snapshot();
  ASSERT_TRUE(world.block_device("slots/a.img")->write(0, core::Bytes(1, 9)));
  EXPECT_EQ((*copy.content("slots/a.img"))[0], 0);
}

TEST(SimBootStorage, MeetsTheDevicesProcessesOnTheSameFiles) {
  World world = world_with_slot();
  BootStorage storage(world);
  auto device = world.block_device("slots/a.img");
  ASSERT_TRUE(device->write(10, core::Bytes(3, 0x42)));
  std::array<std::uint8_t, 3> out{};
  ASSERT_TRUE(boot::ok(storage.read(boot::Area::kSlotA, 10, out)));
  EXPECT_EQ(out[2], 0x42);
  EXPECT_EQ(storage.size(boot::Area::kSlotA), 65536U);
  EXPECT_EQ(storage.size(boot::Area::kSlotB), 0U);
  EXPECT_EQ(storage.read(boot::Area::kSlotB, 0, out), boot::Status::kOutOfRange);
  EXPECT_EQ(storage.read(boot::Area::kSlotA, 65534, out), boot::Status::kOutOfRange);
}

TEST(SimBootStorage, IsDurableOnlyAfterSync) {
  World world(1);
  world.place("boot/journal.bin", PagedBytes(8192));
  BootStorage storage(world);
  ASSERT_TRUE(boot::ok(storage.erase(boot::Area::kJournal, 0, 4096)));
  EXPECT_EQ(world.disk().pending_count(), 1U);
  ASSERT_TRUE(boot::ok(storage.sync(boot::Area::kJournal)));
  EXPECT_EQ(world.disk().pending_count(), 0U);
  EXPECT_EQ((*world.content("boot/journal.bin"))[4095], 0xFF);
  EXPECT_EQ((*world.content("boot/journal.bin"))[4096], 0);
}

}  // namespace
}  // namespace aseptic::sim
