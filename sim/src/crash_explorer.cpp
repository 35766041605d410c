// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/crash_explorer.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "aseptic/core/assert.h"

namespace aseptic::sim {
namespace {

constexpr std::size_t kAllSubsetsMax = 8;
constexpr std::size_t kSeededSubsets = 64;

bool is_cut_point(const Operation& operation) {
  return operation.kind != OperationKind::kMark;
}

// An atomic operation leaves old or new; only the others can be torn.
std::vector<Tear> tears_of(const Operation& operation, bool flushes_something) {
  switch (operation.kind) {
    case OperationKind::kWrite:
    case OperationKind::kAppend:
      return {Tear::kNotBegun, Tear::kHalf, Tear::kRandomBytes, Tear::kDoneUnacknowledged};
    case OperationKind::kDiscard:
      return {Tear::kNotBegun, Tear::kHalf, Tear::kDoneUnacknowledged};
    case OperationKind::kFlush:
      if (!flushes_something) return {Tear::kNotBegun};
      return {Tear::kNotBegun, Tear::kHalf, Tear::kRandomBytes, Tear::kDoneUnacknowledged};
    default:
      return {Tear::kNotBegun, Tear::kDoneUnacknowledged};
  }
}

// Walks a recorded log and calls `visit(case, state)` for each case; the state is the disk before the
// operation.
template <typename Visit>
std::uint64_t walk_cases(const DiskState& start, const std::vector<Operation>& log, std::uint64_t seed,
                         Visit visit) {
  DiskState state = start;
  CrashCase crash;
  for (std::uint64_t i = 0; i < log.size(); ++i) {
    const Operation& operation = log[i];
    if (is_cut_point(operation)) {
      crash.operation = i;
      const auto sets = survivor_sets(state.pending_count(), mix(seed, i));
      for (const Tear tear : tears_of(operation, state.pending_count() > 0)) {
        for (const auto& survives : sets) {
          crash.tear = tear;
          crash.survives = survives;
          visit(crash, state, operation);
          ++crash.number;
        }
      }
    }
    state.apply(operation);
  }
  return crash.number;
}

class Explorer {
 public:
  Explorer(const World& start, const std::function<void(World&)>& scenario, const Recovery& recover,
           const CrashOptions& options)
      : start_(start), recover_(recover), options_(options) {
    World world = start;
    world.start_recording();
    scenario(world);
    log_ = world.log();
    plan();
  }

  CrashReport run() {
    {
      std::vector<std::jthread> threads;
      for (unsigned worker = 0; worker < options_.workers; ++worker)
        threads.emplace_back([this, worker] { work(worker); });
    }
    return report_;
  }

 private:
  // Counts the cases, and how many belong to each operation, without making them.
  void plan() {
    report_.seed = options_.seed;
    std::set<std::uint64_t> operations;
    report_.cases_possible = walk_cases(
        start_.disk(), log_, options_.seed,
        [&](const CrashCase& crash, const DiskState& state, const Operation&) {
          operations.insert(crash.operation);
          report_.most_pending = std::max<std::uint64_t>(report_.most_pending, state.pending_count());
        });
    report_.operations = operations.size();
    const bool sample = options_.cases_max != 0 && report_.cases_possible > options_.cases_max;
    if (sample) keep_per_million_ = options_.cases_max * 1'000'000 / report_.cases_possible;
  }

  // The first case of each operation is always taken, the others by a seeded draw.
  [[nodiscard]] bool is_selected(const CrashCase& crash, std::uint64_t& last_operation) const {
    if (options_.only_case) return crash.number == *options_.only_case;
    const bool first = crash.operation != last_operation;
    last_operation = crash.operation;
    return first || mix(options_.seed, crash.number) % 1'000'000 < keep_per_million_;
  }

  void work(unsigned worker) {
    std::uint64_t last_operation = ~0ULL;
    std::uint64_t selected = 0;
    walk_cases(start_.disk(), log_, options_.seed,
               [&](const CrashCase& crash, const DiskState& state, const Operation& operation) {
                 if (!is_selected(crash, last_operation)) return;
                 if (selected++ % options_.workers == worker) run_case(crash, state, operation);
               });
  }

  void run_case(const CrashCase& crash, const DiskState& state, const Operation& operation) {
    const std::uint64_t seed = mix(options_.seed, crash.number + 1);
    World world(state.cut(operation, crash.tear, crash.survives, seed), seed, operation.wall_s);
    const bool twice = mix(seed, 2) % 1000 < options_.second_cut_per_mille;
    if (twice && run_second_cut(world, crash, seed)) return;
    finish_case(crash, recover_(world, crash), false);
  }

  // Records the recovery, cuts it at a random operation, and recovers from that. False when it wrote nothing.
  bool run_second_cut(const World& world, const CrashCase& crash, std::uint64_t seed) {
    World first = world;
    first.start_recording();
    if (auto failure = recover_(first, crash)) {
      finish_case(crash, std::move(failure), false);
      return true;
    }
    std::vector<std::uint64_t> points;
    for (std::uint64_t i = 0; i < first.log().size(); ++i)
      if (is_cut_point(first.log()[i])) points.push_back(i);
    if (points.empty()) return false;
    Random random(mix(seed, 3));
    const std::uint64_t at = points[random.below(points.size())];
    DiskState state = world.disk();
    for (std::uint64_t i = 0; i < at; ++i)
      state.apply(first.log()[i]);
    const Operation& operation = first.log()[at];
    const auto sets = survivor_sets(state.pending_count(), random.next());
    const auto tears = tears_of(operation, state.pending_count() > 0);
    const auto tear = tears[random.below(tears.size())];
    World second(state.cut(operation, tear, sets[random.below(sets.size())], random.next()), random.next(),
                 operation.wall_s);
    auto failure = recover_(second, crash);
    if (failure)
      *failure += " (after a second cut at operation " + std::to_string(at) + " of the recovery, " +
                  std::string(to_string(operation.kind)) + " " + operation.file + ", " +
                  std::string(to_string(tear)) + ")";
    finish_case(crash, std::move(failure), true);
    return true;
  }

  void finish_case(const CrashCase& crash, std::optional<std::string> failure, bool twice) {
    const std::lock_guard lock(mutex_);
    ++report_.cases;
    if (twice) ++report_.second_cuts;
    if (!failure || report_.failures.size() >= options_.failures_max) return;
    const Operation& operation = log_[crash.operation];
    report_.failures.push_back(crash.text() + " during " + std::string(to_string(operation.kind)) + " " +
                               operation.file + ": " + *failure);
  }

  const World& start_;
  const Recovery& recover_;
  const CrashOptions options_;
  std::vector<Operation> log_;
  std::uint64_t keep_per_million_ = 1'000'000;
  std::mutex mutex_;
  CrashReport report_;
};

void add_all_subsets(std::size_t pending, std::vector<std::vector<bool>>& sets) {
  for (std::uint32_t mask = 0; mask < (1U << pending); ++mask) {
    std::vector<bool> set(pending);
    for (std::size_t i = 0; i < pending; ++i)
      set[i] = ((mask >> i) & 1U) != 0;
    sets.push_back(std::move(set));
  }
}

}  // namespace

std::vector<std::vector<bool>> survivor_sets(std::size_t pending, std::uint64_t seed) {
  std::vector<std::vector<bool>> sets;
  if (pending <= kAllSubsetsMax) {
    add_all_subsets(pending, sets);
    return sets;
  }
  for (std::size_t kept = 0; kept <= pending; ++kept) {
    std::vector<bool> prefix(pending);
    std::fill_n(prefix.begin(), kept, true);
    sets.push_back(std::move(prefix));
  }
  for (std::size_t i = 0; i < pending; ++i) {
    std::vector<bool> loss(pending, true);
    loss[i] = false;
    sets.push_back(std::move(loss));
    std::vector<bool> survivor(pending);
    survivor[i] = true;
    sets.push_back(std::move(survivor));
  }
  Random random(seed);
  for (std::size_t n = 0; n < kSeededSubsets; ++n) {
    std::vector<bool> set(pending);
    for (std::size_t i = 0; i < pending; ++i)
      set[i] = random.coin();
    sets.push_back(std::move(set));
  }
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  return sets;
}

std::string CrashCase::text() const {
  std::string kept;
  for (const bool bit : survives)
    kept += bit ? '1' : '0';
  return "case=" + std::to_string(number) + " operation=" + std::to_string(operation) +
         " tear=" + std::string(to_string(tear)) + " survives=" + (kept.empty() ? "-" : kept);
}

std::string CrashReport::summary() const {
  std::string text = "seed=" + std::to_string(seed) + " cases=" + std::to_string(cases) + " of " +
                     std::to_string(cases_possible) + " operations=" + std::to_string(operations) +
                     " second_cuts=" + std::to_string(second_cuts) +
                     " most_pending=" + std::to_string(most_pending) +
                     " failures=" + std::to_string(failures.size());
  for (const auto& failure : failures)
    text += "\n  " + failure;
  return text;
}

CrashReport explore_crashes(const World& start, const std::function<void(World&)>& scenario,
                            const Recovery& recover, const CrashOptions& options) {
  ASEPTIC_ASSERT(options.workers > 0);
  return Explorer(start, scenario, recover, options).run();
}

}  // namespace aseptic::sim
