// SPDX-License-Identifier: Apache-2.0
// Power cuts, all of them: runs a scenario once to record its operations, then for each operation
// materialises every disk that a power cut there can leave (survivors × tear models, docs/sim.md), and hands
// it to a recovery function.
//
//   auto report = explore_crashes(start, scenario, recover, {.seed = 7});
//   EXPECT_TRUE(report.failures.empty()) << report.summary();
//
// A small share of the cases is cut a second time during recovery. Cases are numbered; `only_case` replays
// one. Thread contract: `scenario` runs once, in the calling thread; `recover` runs in several threads at
// once, each call with its own World, and must not touch anything shared.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aseptic/sim/world.h"

namespace aseptic::sim {

struct CrashOptions {
  std::uint64_t seed = 1;
  std::uint64_t cases_max = 0;  // 0 = all; else a seeded sample that still cuts every operation
  unsigned workers = 2;
  std::uint32_t second_cut_per_mille = 10;
  std::optional<std::uint64_t> only_case;  // replay
  std::size_t failures_max = 20;
};

struct CrashCase {
  std::uint64_t number = 0;
  std::uint64_t operation = 0;  // index in the log of the scenario
  Tear tear = Tear::kNotBegun;
  std::vector<bool> survives;  // of the pending writes at that moment
  [[nodiscard]] std::string text() const;
};

struct CrashReport {
  std::uint64_t seed = 0;
  std::uint64_t operations = 0;  // cut points
  std::uint64_t cases_possible = 0;
  std::uint64_t cases = 0;        // recovered and checked
  std::uint64_t second_cuts = 0;  // of these, cut again during recovery
  std::uint64_t most_pending = 0;
  std::vector<std::string> failures;
  [[nodiscard]] std::string summary() const;  // "seed=… cases=…"
};

// What is wrong, or nothing. May run product code, which sees a device after power-up; must end by itself.
using Recovery = std::function<std::optional<std::string>(World& world, const CrashCase& crash)>;

// The scenario must be deterministic: a function of the world.
CrashReport explore_crashes(const World& start, const std::function<void(World&)>& scenario,
                            const Recovery& recover, const CrashOptions& options = {});

// The survivors that are tried for `pending` writes: all subsets up to 8; above that every prefix, every
// single loss, every single survivor and 64 seeded subsets. Each subset once.
std::vector<std::vector<bool>> survivor_sets(std::size_t pending, std::uint64_t seed);

}  // namespace aseptic::sim
