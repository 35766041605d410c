// SPDX-License-Identifier: Apache-2.0
// 10^5 seeded races: a scheduler interleaves the real TherapyGuard and HoldClient, storage, boot, the agent's
// duties and the patient in a random order, and one or two faults of each run strike at random steps, therapy
// starts at others. After the fault every run must settle: the update is in or refused, and therapy is
// possible again. The first line of output is the seed; ASEPTIC_SEED=<seed of a run> replays that run alone,
// with its history. ASEPTIC_RACES=<count> changes the number of runs.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "world.h"

namespace aseptic::interlock {
namespace {

constexpr std::uint64_t kFirstSeed = 20261123;
constexpr std::uint64_t kRaces = 100'000;
constexpr unsigned kStepsMax = 6000;

// SplitMix64: the run depends on the seed alone, not on the standard library's distributions.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(next() % bound); }

 private:
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

enum class Fault : std::uint8_t {
  kKillAgent,
  kKillPump,
  kPowerCut,
  kLeaseExpires,
  kSilence,
  kForgedArm,
  kFrozenApplication,
  kPatientConnects,
  kSlowStorage,
  kHostileMessage,
  kCount
};

const char* name_of(Fault fault) {
  static constexpr const char* kNames[] = {
      "kill agent",     "kill pump",          "power cut",        "lease expiry", "silence",
      "forged REQ_ARM", "frozen application", "patient connects", "slow storage", "hostile message"};
  static_assert(sizeof kNames / sizeof kNames[0] == static_cast<std::size_t>(Fault::kCount));
  return kNames[static_cast<std::size_t>(fault)];
}

struct Outcome {
  bool fired = false;
  bool rested = false;
  unsigned steps = 0;
  World world;
};

Budgets generous() {
  Budgets b;
  b.cuts = b.agent_kills = b.pump_kills = b.expiries = b.silences = b.forged_arms = b.freezes =
      b.connections = 200;
  b.holds = 40;
  b.trial_asks = 200;
  b.ticks = 255;
  b.failing_tests = 1;
  b.therapies = 3;
  b.hostile_messages = 200;
  return b;
}

bool is_storage(Action action) {
  return action == Action::kArmReachesMedium || action == Action::kPermitReachesMedium ||
         action == Action::kConfirmReachesMedium;
}

class Race {
 public:
  Race(std::uint64_t seed, bool is_told) : dice_(seed), is_told_(is_told), world_(generous()) {
    fault_ = any_fault();
    fault_step_ = dice_.below(140);
    constexpr Fault kSecond[] = {Fault::kPowerCut, Fault::kPowerCut, Fault::kKillPump, Fault::kKillAgent};
    if (dice_.below(2) == 0) second_fault_ = kSecond[dice_.below(4)];
    self_test_fails_ = dice_.below(4) == 0;
    world_.left.cause_unknown = dice_.below(2) == 0 ? 1 : 0;
  }

  Outcome run() {
    for (; steps_ < kStepsMax && world_.broken == 0; ++steps_) {
      if (!fired_ && steps_ >= fault_step_ && strike()) continue;
      if (therapy_or_self_test_happens()) continue;
      if (fired_ && world_.is_at_rest() && steps_ > fault_step_ + 20) break;
      schedule_honest_step();
    }
    return Outcome{fired_, world_.is_at_rest(), steps_, world_};
  }

  Fault fault() const { return fault_; }
  const std::string& history() const { return history_; }

 private:
  Fault any_fault() { return static_cast<Fault>(dice_.below(static_cast<std::uint32_t>(Fault::kCount))); }

  void perform(Action action) {
    if (is_told_) history_ += std::string("    ") + aseptic::interlock::name_of(action) + "\n";
    world_.apply(action);
  }

  bool strike() {
    Action action = Action::kCount;
    switch (fault_) {
      case Fault::kKillAgent:
        action = Action::kKillAgent;
        break;
      case Fault::kKillPump:
        action = Action::kKillPump;
        break;
      case Fault::kPowerCut:
        action = static_cast<Action>(static_cast<unsigned>(Action::kPowerCut0) + dice_.below(8));
        break;
      case Fault::kLeaseExpires:
        action = Action::kLeaseExpires;
        break;
      case Fault::kSilence:
        action = Action::kSilencePasses;
        break;
      case Fault::kForgedArm:
        action = Action::kForgedArm;
        break;
      case Fault::kFrozenApplication:
        action = Action::kApplicationFreezes;
        break;
      case Fault::kPatientConnects:
        action = Action::kPatientConnects;
        break;
      case Fault::kSlowStorage:
        slow_until_ = steps_ + 60 + dice_.below(200);
        action = Action::kTimePasses;
        break;
      case Fault::kHostileMessage:
        action = static_cast<Action>(static_cast<unsigned>(Action::kHostileHoldAsk) + dice_.below(6));
        break;
      case Fault::kCount:
        break;
    }
    if (!world_.can(action)) return false;
    perform(action);
    if (second_fault_ == Fault::kCount) {
      fired_ = true;
      return true;
    }
    fault_ = second_fault_;  // during the recovery from the first, as often as not
    second_fault_ = Fault::kCount;
    fault_step_ = steps_ + dice_.below(40);
    return true;
  }

  bool therapy_or_self_test_happens() {
    if (self_test_fails_ && world_.can(Action::kSelfTestWillFail)) {
      perform(Action::kSelfTestWillFail);
      return true;
    }
    if (dice_.below(40) != 0 || !world_.can(Action::kTherapyStarts)) return false;
    perform(Action::kTherapyStarts);
    return true;
  }

  void schedule_honest_step() {
    std::vector<Action> choices;
    for (std::uint8_t number = 0; number < static_cast<std::uint8_t>(Action::kTherapyStarts); ++number) {
      const auto action = static_cast<Action>(number);
      const bool is_held_back = is_storage(action) && steps_ < slow_until_;
      if (world_.can(action) && !is_held_back && !is_rare(action)) choices.push_back(action);
    }
    // Time is rare beside steps, or every lease would be dead before it is used; slow storage needs more of
    // it.
    const bool time_is_due = dice_.below(steps_ < slow_until_ ? 4 : 12) == 0;
    if (time_is_due || choices.empty()) {
      if (is_told_) history_ += "    time passes\n";
      world_.now += kRenewMsDefault;
      return;
    }
    perform(choices[dice_.below(static_cast<std::uint32_t>(choices.size()))]);
  }

  // Therapies and connections last a while; a frozen application thaws late.
  bool is_rare(Action action) {
    if (action == Action::kTimePasses) return true;
    const bool lasts = action == Action::kTherapyEnds || action == Action::kPatientDisconnects ||
                       action == Action::kApplicationThaws;
    return lasts && dice_.below(8) != 0;
  }

  Dice dice_;
  bool is_told_;
  World world_;
  Fault fault_ = Fault::kKillAgent;
  Fault second_fault_ = Fault::kCount;
  unsigned fault_step_ = 0;
  bool self_test_fails_ = false;
  bool fired_ = false;
  unsigned steps_ = 0;
  unsigned slow_until_ = 0;
  std::string history_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Tally {
  std::size_t by_fault[static_cast<std::size_t>(Fault::kCount)] = {};
  std::size_t confirmed = 0;
  std::size_t quarantined = 0;
  std::size_t trial_boots = 0;
  std::size_t commanded_resets = 0;
  std::size_t refused_therapies = 0;
};

// One run; false stops the batch with the seed that failed.
bool race(std::uint64_t seed, bool is_told, Tally& tally) {
  Race race(seed, is_told);
  const Outcome outcome = race.run();
  ++tally.by_fault[static_cast<std::size_t>(race.fault())];
  tally.confirmed += outcome.world.runs == Runs::kNew;
  tally.quarantined += outcome.world.is_quarantined;
  tally.trial_boots += outcome.world.trial_boots;
  tally.commanded_resets += outcome.world.commanded_resets;
  tally.refused_therapies += outcome.world.refused_therapies;
  const bool is_good = outcome.world.broken == 0 && outcome.fired && outcome.rested;
  EXPECT_TRUE(is_good) << "seed=" << seed << " fault=" << name_of(race.fault())
                       << " broken=" << +outcome.world.broken << " fired=" << outcome.fired
                       << " rested=" << outcome.rested << " after " << outcome.steps
                       << " steps; replay: ASEPTIC_SEED=" << seed;
  if (is_told) std::printf("fault: %s\n%s", name_of(race.fault()), race.history().c_str());
  return is_good;
}

// Answers: SI-01, SI-03, SI-15
TEST(InterlockRaces, HoldInEverySeededRace) {
  Tally tally;
  if (const std::uint64_t replay = from_environment("ASEPTIC_SEED", 0); replay != 0) {
    std::printf("seed=%llu\n", static_cast<unsigned long long>(replay));
    race(replay, true, tally);
    return;
  }
  const std::uint64_t count = from_environment("ASEPTIC_RACES", kRaces);
  std::printf("seed=%llu, %llu races\n", static_cast<unsigned long long>(kFirstSeed),
              static_cast<unsigned long long>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!race(kFirstSeed + i, false, tally)) return;
  }
  for (std::size_t f = 0; f < static_cast<std::size_t>(Fault::kCount); ++f) {
    std::printf("  %-20s %zu runs\n", name_of(static_cast<Fault>(f)), tally.by_fault[f]);
    EXPECT_GT(tally.by_fault[f], 0u);
  }
  std::printf(
      "  %zu commanded resets, %zu trial boots, %zu confirmed, %zu quarantined, %zu therapy starts refused\n",
      tally.commanded_resets, tally.trial_boots, tally.confirmed, tally.quarantined, tally.refused_therapies);
  // A race in which nothing was at stake would prove nothing.
  EXPECT_GT(tally.trial_boots, count / 2);
  EXPECT_GT(tally.confirmed, count / 3);
  EXPECT_GT(tally.quarantined, count / 20);
  EXPECT_GT(tally.refused_therapies, count / 20);
}

}  // namespace
}  // namespace aseptic::interlock
