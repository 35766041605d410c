// SPDX-License-Identifier: Apache-2.0
// A small device around the REAL TherapyGuard and HoldClient: storage with a cache, boot's rule for trials,
// an agent that does its duties step by step, a patient, and faults. One `Action` is one indivisible step, so
// that an explorer can try every order and a seeded scheduler can replay one. The world is a plain value:
// copied, compared and hashed as bytes. Called by: world_exploration_test.cpp (every order within bounds),
// races_test.cpp (10^5 seeded orders).
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "aseptic/interlock/hold_client.h"
#include "aseptic/interlock/therapy_guard.h"

namespace aseptic::interlock {

enum class Action : std::uint8_t {
  // honest
  kPowerOn,
  kArmReachesMedium,
  kPermitReachesMedium,
  kConfirmReachesMedium,
  kPumpStarts,
  kGuardPolls,
  kGuardReceives,
  kGuardHearsHangup,
  kTherapyEnds,
  kPatientDisconnects,
  kApplicationThaws,
  kAgentStep,
  kClientReceives,
  kClientPolls,
  kTimePasses,  // a renewal interval; in the explorer bounded by World::ticks
  // adversary
  kTherapyStarts,
  kPatientConnects,
  kPatientConnectsWhileOff,
  kApplicationFreezes,
  kSelfTestWillFail,
  kLeaseExpires,
  kSilencePasses,
  kForgedArm,
  kKillAgent,
  kKillPump,
  kPowerCut0,  // + mask of the cells that did not reach their medium: 1 arm, 2 permit, 4 confirm
  kPowerCut7 = kPowerCut0 + 7,
  // a compromised agent process: any message, in any order, with the right identities
  kHostileHoldAsk,
  kHostileRenew,
  kHostileSwitch,
  kHostileConfirm,
  kHostileRevert,
  kHostileRelease,
  kCount,
};

const char* name_of(Action action);
bool is_honest(Action action);

enum class Runs : std::uint8_t { kOld, kTrial, kNew };

enum class Duty : std::uint8_t {
  kStarting,
  kIdle,
  kAsking,
  kArming,
  kChecking,
  kResetting,
  kCancelling,
  kTrialAsking,
  kSelfTesting,
  kConfirming,
  kTrialChecking,
  kTrialResetting,
  kDone,
  kDead,
};

enum WorldViolation : std::uint8_t {
  kTrialBootInUse = 1u << 0,  // a trial starts while a therapy is active or a patient was connected while off
  kResetInUse = 1u << 1,      // a reset is commanded while a therapy is active
  kSwitchInUse = 1u << 2,     // a switch is commanded while a patient is connected
  kChangeUnderTherapy = 1u << 3,  // the software changes although a therapy was started under it
  kTherapyInTrial = 1u << 4,      // begin_therapy() said yes in a trial
  kTrialWithoutPermit = 1u << 5,
};

struct Budgets {
  std::uint8_t cuts = 1;
  std::uint8_t agent_kills = 1;
  std::uint8_t pump_kills = 1;
  std::uint8_t therapies = 1;
  std::uint8_t connections = 0;
  std::uint8_t freezes = 0;
  std::uint8_t holds = 2;
  std::uint8_t expiries = 1;
  std::uint8_t silences = 1;
  std::uint8_t forged_arms = 0;
  std::uint8_t failing_tests = 1;
  std::uint8_t ticks = 0;
  std::uint8_t hostile_messages = 0;
  std::uint8_t connects_while_off = 0;
  std::uint8_t trial_asks = 3;
  std::uint8_t cause_unknown =
      0;  // 1: the port cannot tell a commanded reset from a power-on (protocol rule 1)
};
static_assert(sizeof(Budgets) == 16);

struct Cell {
  std::uint32_t cached = 0;
  std::uint32_t durable = 0;
};

struct Packets {
  static constexpr std::uint32_t kMax = 4;
  std::array<Frame, kMax> frames{};
  std::uint32_t count = 0;

  bool push(Bytes frame);
  Frame pop();
};

struct World {
  World() : World(Budgets{}) {}
  explicit World(const Budgets& bounds);

  std::uint64_t now = 1'000'000;
  TherapyGuard guard;
  HoldClient client;
  PermitCell permit_cached{};
  PermitCell permit_durable{};
  Cell arm{};  // boot_count of the run that armed, 0 = none
  Cell confirm{};
  Packets to_guard{};
  Packets to_client{};
  std::uint32_t boot_count = 7;
  std::uint32_t nonces = 0;
  std::uint8_t is_on = 1;
  std::uint8_t pump_runs = 0;
  Duty duty = Duty::kStarting;
  Runs runs = Runs::kOld;
  std::uint8_t treats = 0;
  std::uint8_t connected = 0;
  std::uint8_t connected_while_off = 0;
  std::uint8_t frozen = 0;
  std::uint8_t hangup = 0;
  std::uint8_t is_quarantined = 0;
  std::uint8_t wants_revert = 0;
  std::uint8_t self_test_fails = 0;
  std::uint8_t treated_in_trial = 0;
  std::uint8_t broken = 0;
  Budgets left{};
  std::uint8_t commanded_resets = 0;
  std::uint8_t trial_boots = 0;
  std::uint8_t refused_therapies = 0;
  std::array<std::uint8_t, 7> reserved{};

  bool can(Action action) const;
  /// Performs one step. May leave the world as it was (a poll with nothing to do).
  void apply(Action action);

  /// Everything is settled and therapy is possible: the update is in, was refused, or nobody asks for holds
  /// any more.
  bool is_at_rest() const;

  friend class WorldPorts;

 private:
  void boot(bool is_commanded);
  void agent_step();
  void trial_step();
  void start_agent_duties();
  void cancel_arm();
  void power_cut(unsigned lost);
  void hostile(Action action);
  HoldTerms terms(HoldKind kind) const;
};

}  // namespace aseptic::interlock
