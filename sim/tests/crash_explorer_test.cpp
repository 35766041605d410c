// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/crash_explorer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace aseptic::sim {
namespace {

World two_cells() {
  World world(1);
  world.place("slots/a.img", PagedBytes(8192));
  return world;
}

// Data, then a flag that says the data is there; `flush_between` is what makes it right.
std::function<void(World&)> data_then_flag(bool flush_between) {
  return [flush_between](World& world) {
    auto device = world.block_device("slots/a.img");
    ASSERT_TRUE(device->write(0, core::Bytes(512, 0xDA)));
    if (flush_between) {
      ASSERT_TRUE(device->flush());
    }
    ASSERT_TRUE(device->write(4096, core::Bytes(1, 1)));
    ASSERT_TRUE(device->flush());
  };
}

std::optional<std::string> flag_implies_data(World& world, const CrashCase&) {
  const core::Bytes content = *world.content("slots/a.img");
  if (content[4096] != 1) return std::nullopt;
  for (std::size_t i = 0; i < 512; ++i)
    if (content[i] != 0xDA) return "the flag is set but the data is not there";
  return std::nullopt;
}

TEST(CrashExplorer, FindsAMissingFlush) {
  const auto report = explore_crashes(two_cells(), data_then_flag(false), flag_implies_data, {.seed = 3});
  EXPECT_FALSE(report.failures.empty());
}

TEST(CrashExplorer, AcceptsTheCorrectOrder) {
  const auto report = explore_crashes(two_cells(), data_then_flag(true), flag_implies_data, {.seed = 3});
  EXPECT_TRUE(report.failures.empty()) << report.summary();
  EXPECT_EQ(report.operations, 4U);
  EXPECT_EQ(report.cases, report.cases_possible);
}

TEST(CrashExplorer, CutsEveryOperationWithEveryTearAndSubset) {
  std::mutex mutex;
  std::set<std::string> seen;
  std::set<std::uint64_t> operations;
  const auto report = explore_crashes(
      two_cells(),
      [](World& world) {
        auto device = world.block_device("slots/a.img");
        for (int i = 0; i < 3; ++i)
          ASSERT_TRUE(device->write(static_cast<std::uint64_t>(i), core::Bytes(1, 1)));
        ASSERT_TRUE(device->flush());
      },
      [&](World&, const CrashCase& crash) -> std::optional<std::string> {
        const std::lock_guard lock(mutex);
        seen.insert(crash.text().substr(crash.text().find(' ')));
        operations.insert(crash.operation);
        return std::nullopt;
      },
      {.seed = 1, .second_cut_per_mille = 0});
  EXPECT_EQ(operations.size(), 4U);
  EXPECT_EQ(seen.size(), 4 * (1 + 2 + 4 + 8));
  EXPECT_EQ(report.cases, seen.size());
}

TEST(CrashExplorer, CoversPrefixesLossesSurvivorsAndSeededSubsetsAboveEightWrites) {
  EXPECT_EQ(survivor_sets(0, 1).size(), 1U);
  EXPECT_EQ(survivor_sets(8, 1).size(), 256U);
  const auto sets = survivor_sets(20, 1);
  const auto contains = [&](const std::vector<bool>& set) {
    return std::find(sets.begin(), sets.end(), set) != sets.end();
  };
  for (std::size_t i = 0; i < 20; ++i) {
    std::vector<bool> prefix(20);
    std::fill_n(prefix.begin(), i, true);
    std::vector<bool> loss(20, true);
    loss[i] = false;
    std::vector<bool> survivor(20);
    survivor[i] = true;
    EXPECT_TRUE(contains(prefix) && contains(loss) && contains(survivor)) << i;
  }
  // 21 prefixes, 20 losses, 20 survivors, 64 subsets; the loss of the last is a prefix, so is the survival of
  // the first.
  EXPECT_EQ(sets.size(), 21U + 20U + 20U + 64U - 2U);
  EXPECT_EQ(survivor_sets(20, 1), survivor_sets(20, 1));
  EXPECT_NE(survivor_sets(20, 1), survivor_sets(20, 2));
}

TEST(CrashExplorer, ReplaysOneCaseFromItsNumber) {
  CrashCase first;
  std::mutex mutex;
  const Recovery find = [&](World& world, const CrashCase& crash) {
    const std::lock_guard lock(mutex);
    auto failure = flag_implies_data(world, crash);
    if (failure) first = crash;
    return failure;
  };
  ASSERT_FALSE(explore_crashes(two_cells(), data_then_flag(false), find, {.seed = 3}).failures.empty());
  const auto replay = explore_crashes(two_cells(), data_then_flag(false), flag_implies_data,
                                      {.seed = 3, .only_case = first.number});
  EXPECT_EQ(replay.cases, 1U);
  ASSERT_EQ(replay.failures.size(), 1U);
  EXPECT_NE(replay.failures[0].find(first.text()), std::string::npos);
}

TEST(CrashExplorer, SamplesButStillCutsEveryOperation) {
  const auto scenario = [](World& world) {
    auto device = world.block_device("slots/a.img");
    for (std::uint64_t i = 0; i < 40; ++i)
      ASSERT_TRUE(device->write(i * 100, core::Bytes(50, 7)));
    ASSERT_TRUE(device->flush());
  };
  std::mutex mutex;
  std::set<std::uint64_t> operations;
  const auto report = explore_crashes(two_cells(), scenario,
                                      [&](World&, const CrashCase& crash) -> std::optional<std::string> {
                                        const std::lock_guard lock(mutex);
                                        operations.insert(crash.operation);
                                        return std::nullopt;
                                      },
                                      {.seed = 5, .cases_max = 500});
  EXPECT_EQ(operations.size(), 41U);
  EXPECT_GT(report.cases_possible, 10'000U);
  EXPECT_LT(report.cases, 1'000U);
}

TEST(CrashExplorer, CutsRecoveryASecondTime) {
  // A recovery that is wrong only when it is itself interrupted: it clears the flag before the data, without
  // a flush.
  const Recovery fragile = [](World& world, const CrashCase&) -> std::optional<std::string> {
    auto device = world.block_device("slots/a.img");
    core::Bytes cells(4097);
    if (!device->read(0, cells)) return "cannot read";
    if (cells[4096] == 0 && cells[0] == 0x5A) return "half recovered";
    static_cast<void>(device->write(4096, core::Bytes(1, 0)).has_value());
    static_cast<void>(device->write(0, core::Bytes(1, 0x5A)).has_value());
    static_cast<void>(device->write(0, core::Bytes(1, 0)).has_value());
    static_cast<void>(device->flush().has_value());
    return std::nullopt;
  };
  const auto calm =
      explore_crashes(two_cells(), data_then_flag(true), fragile, {.seed = 3, .second_cut_per_mille = 0});
  EXPECT_TRUE(calm.failures.empty()) << calm.summary();
  const auto rough =
      explore_crashes(two_cells(), data_then_flag(true), fragile, {.seed = 3, .second_cut_per_mille = 1000});
  EXPECT_EQ(rough.second_cuts, rough.cases);
  EXPECT_FALSE(rough.failures.empty());
}

TEST(CrashExplorer, GivesTheSameReportForAnyNumberOfWorkers) {
  const auto one =
      explore_crashes(two_cells(), data_then_flag(false), flag_implies_data, {.seed = 9, .workers = 1});
  const auto four =
      explore_crashes(two_cells(), data_then_flag(false), flag_implies_data, {.seed = 9, .workers = 4});
  EXPECT_EQ(one.cases, four.cases);
  EXPECT_EQ(std::set<std::string>(one.failures.begin(), one.failures.end()),
            std::set<std::string>(four.failures.begin(), four.failures.end()));
}

}  // namespace
}  // namespace aseptic::sim
