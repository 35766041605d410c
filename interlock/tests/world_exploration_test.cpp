// SPDX-License-Identifier: Apache-2.0
// Every order of steps of the REAL guard and client within bounds: cut and kill of agent and pump at every
// step, times therapy start at every step, slow storage (a cell reaches its medium at any later step or
// never), lease expiry and silence. Each exploration also asserts that what it set out to try did happen.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "world.h"

namespace aseptic::interlock {
namespace {

struct Key {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Key&, const Key&) = default;
};
struct KeyHash {
  std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(key.high ^ (key.low * 31)); }
};

// 128 bits of a mixing hash stand for a state of two kilobytes; a collision would hide states, at odds of
// about 2^-80.
Key key_of(const World& world) {
  std::uint64_t words[sizeof(World) / 8 + 1] = {};
  std::memcpy(words, &world, sizeof world);
  Key key{0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL};
  for (const std::uint64_t word : words) {
    key.high = (key.high ^ word) * 0xff51afd7ed558ccdULL;
    key.high ^= key.high >> 29;
    key.low = (key.low + word) * 0xc4ceb9fe1a85ec53ULL;
    key.low ^= (key.low >> 31) ^ key.high;
  }
  return key;
}

struct Seen {
  std::size_t states = 0;
  std::size_t steps = 0;
  std::size_t at_action[static_cast<std::size_t>(Action::kCount)] = {};
  std::size_t trial_boots = 0;
  std::size_t confirmed = 0;
  std::size_t quarantined = 0;
  std::size_t refused_therapies = 0;
  std::size_t therapies_over_hold_states[8] = {};
  std::uint8_t broken = 0;
  std::string history;
  bool is_complete = true;
  bool rests_somewhere = false;
};

class Exploration {
 public:
  explicit Exploration(const Budgets& budgets) : budgets_(budgets) {}

  Seen run(std::size_t states_max) {
    visit(World(budgets_), 0, Action::kCount);
    for (std::size_t at = 0; at < frontier_.size(); ++at) {
      if (visited_.size() > states_max) {
        seen_.is_complete = false;
        break;
      }
      const World world = std::move(*frontier_[at]);
      frontier_[at].reset();
      if (world.broken != 0) continue;
      expand(world, at);
    }
    seen_.states = visited_.size();
    return seen_;
  }

 private:
  void expand(const World& world, std::size_t at) {
    for (std::uint8_t number = 0; number < static_cast<std::uint8_t>(Action::kCount); ++number) {
      const auto action = static_cast<Action>(number);
      if (!world.can(action)) continue;
      World next = world;
      next.apply(action);
      if (action == Action::kGuardPolls && polled_for_nothing(world, next)) continue;
      ++seen_.steps;
      ++seen_.at_action[number];
      visit(next, at, action);
    }
  }

  // A poll that changes nothing outside still numbers its question to the application; without this rule the
  // explorer would count for ever.
  static bool polled_for_nothing(const World& before, const World& after) {
    return before.guard.state() == after.guard.state() &&
           before.guard.last_reason() == after.guard.last_reason() &&
           before.permit_cached == after.permit_cached && before.to_client.count == after.to_client.count &&
           before.boot_count == after.boot_count;
  }

  void visit(const World& world, std::size_t parent, Action by) {
    if (!visited_.insert(key_of(world)).second) return;
    frontier_.push_back(std::make_unique<World>(world));
    origins_.push_back({parent, by});
    seen_.trial_boots += world.runs == Runs::kTrial;
    seen_.confirmed += world.runs == Runs::kNew;
    seen_.quarantined += world.is_quarantined;
    seen_.refused_therapies += world.refused_therapies != 0;
    seen_.rests_somewhere = seen_.rests_somewhere || world.is_at_rest();
    if ((world.broken & ~seen_.broken) != 0) {
      seen_.broken |= world.broken;
      if (seen_.history.empty()) seen_.history = history_of(frontier_.size() - 1);
    }
  }

  std::string history_of(std::size_t at) const {
    std::vector<const char*> names;
    for (; origins_[at].by != Action::kCount; at = origins_[at].parent)
      names.push_back(name_of(origins_[at].by));
    std::string text;
    for (std::size_t i = names.size(); i-- > 0;)
      text += std::string("    ") + names[i] + "\n";
    return text;
  }

  struct Origin {
    std::size_t parent;
    Action by;
  };
  Budgets budgets_;
  Seen seen_;
  std::unordered_set<Key, KeyHash> visited_;
  std::vector<std::unique_ptr<World>> frontier_;
  std::vector<Origin> origins_;
};

constexpr std::size_t kStatesMax = 3'000'000;

Seen explore(const char* name, const Budgets& budgets) {
  const Seen seen = Exploration(budgets).run(kStatesMax);
  std::printf("%-44s %8zu states %9zu steps, %zu in trial, %zu confirmed, %zu quarantined\n", name,
              seen.states, seen.steps, seen.trial_boots, seen.confirmed, seen.quarantined);
  EXPECT_TRUE(seen.is_complete) << "raise kStatesMax or lower the budgets";
  EXPECT_EQ(seen.broken, 0) << seen.history;
  EXPECT_GT(seen.trial_boots, 0u);
  EXPECT_TRUE(seen.rests_somewhere);
  return seen;
}

void expect_tried(const Seen& seen, std::initializer_list<Action> actions) {
  for (const Action action : actions) {
    EXPECT_GT(seen.at_action[static_cast<std::size_t>(action)], 0u) << "never tried: " << name_of(action);
  }
}

Budgets nothing() {
  Budgets b;
  b = Budgets{};
  b.cuts = b.agent_kills = b.pump_kills = b.therapies = b.expiries = b.silences = b.failing_tests = 0;
  return b;
}

// Answers: SI-01, SI-03
TEST(RealInterlock, HoldsWhenPowerIsCutAndTherapyStartsAtEveryStep) {
  Budgets b = nothing();
  b.cuts = 3;
  b.therapies = 2;
  b.holds = 3;
  const Seen seen = explore("cuts x therapy starts", b);
  expect_tried(seen, {Action::kPowerCut0, Action::kPowerCut7, Action::kTherapyStarts, Action::kTherapyEnds});
  EXPECT_GT(seen.refused_therapies, 0u) << "no therapy start met a hold";
  EXPECT_GT(seen.confirmed, 0u);
}

// Answers: SI-01, SI-03
TEST(RealInterlock, HoldsWhenAgentAndPumpAreKilledAndTherapyStartsAtEveryStep) {
  Budgets b = nothing();
  b.agent_kills = 2;
  b.pump_kills = 2;
  b.therapies = 2;
  const Seen seen = explore("kills x therapy starts", b);
  expect_tried(seen,
               {Action::kKillAgent, Action::kKillPump, Action::kTherapyStarts, Action::kGuardHearsHangup});
  EXPECT_GT(seen.refused_therapies, 0u);
}

// Answers: SI-01, SI-03
TEST(RealInterlock, HoldsWithSlowStorageLeaseExpiryAndSilence) {
  Budgets b = nothing();
  b.expiries = 1;
  b.silences = 1;
  b.therapies = 1;
  const Seen seen = explore("slow storage, expiry, silence", b);
  expect_tried(seen, {Action::kLeaseExpires, Action::kSilencePasses, Action::kPermitReachesMedium});
}

// Answers: SI-01, SI-24
TEST(RealInterlock, HoldsWhenAPatientIsConnectedOrTheApplicationFreezesAtEveryStep) {
  Budgets b = nothing();
  b.connections = 1;
  b.freezes = 1;
  b.therapies = 1;
  b.failing_tests = 1;
  const Seen seen = explore("patient connects, application freezes", b);
  expect_tried(seen, {Action::kPatientConnects, Action::kApplicationFreezes, Action::kSelfTestWillFail});
  EXPECT_GT(seen.quarantined, 0u);
}

// Answers: SI-01
TEST(RealInterlock, HoldsWhenAPatientIsConnectedWhileOff) {
  Budgets b = nothing();
  b.cuts = 1;
  b.connects_while_off = 1;
  b.therapies = 1;
  b.pump_kills = 1;
  const Seen seen = explore("patient connects while off", b);
  expect_tried(seen, {Action::kPatientConnectsWhileOff, Action::kPowerCut7});
}

// Answers: SI-01, SI-03
TEST(RealInterlock, HoldsWhenCutKillsSilenceAndTherapyMeetInOneRun) {
  Budgets b = nothing();
  b.cuts = b.agent_kills = b.pump_kills = b.therapies = b.silences = 1;
  b.holds = 1;
  b.trial_asks = 2;
  const Seen seen = explore("cut, kills, silence, therapy in one run", b);
  expect_tried(seen, {Action::kPowerCut0, Action::kKillAgent, Action::kKillPump, Action::kSilencePasses,
                      Action::kTherapyStarts});
}

// Answers: SI-01, SI-04
TEST(RealInterlock, HoldsWhenForgedArmsMeetCutKillsAndAPatientConnectedWhileOff) {
  Budgets b = nothing();
  b.cuts = b.agent_kills = b.pump_kills = b.therapies = b.forged_arms = b.connects_while_off = 1;
  b.holds = 2;
  b.trial_asks = 2;
  const Seen seen = explore("forged arm, cut, kills, patient while off", b);
  expect_tried(seen,
               {Action::kForgedArm, Action::kPatientConnectsWhileOff, Action::kPowerCut7, Action::kKillPump});
}

// Answers: SI-01, SI-03
TEST(RealInterlock, HoldsOnAPortThatCannotTellTheResetCause) {
  // Here an arm survives a power-on, and PERMIT alone keeps a trial from a therapy: the guard's cancel is all
  // there is.
  Budgets b = nothing();
  b.cause_unknown = 1;
  b.cuts = b.agent_kills = b.pump_kills = b.therapies = b.forged_arms = 1;
  b.holds = 2;
  b.trial_asks = 2;
  const Seen seen = explore("reset cause unknown, forged arm, cut, kills", b);
  expect_tried(seen, {Action::kForgedArm, Action::kPowerCut0, Action::kKillPump, Action::kTherapyStarts});
}

// Answers: SI-01, SI-04
TEST(RealInterlock, HoldsAgainstACompromisedAgent) {
  Budgets b = nothing();
  b.holds = 0;
  b.hostile_messages = 4;
  b.forged_arms = 1;
  b.therapies = 1;
  const Seen seen = explore("compromised agent", b);
  expect_tried(
      seen, {Action::kHostileHoldAsk, Action::kHostileSwitch, Action::kHostileConfirm, Action::kForgedArm});
}

}  // namespace
}  // namespace aseptic::interlock
