// SPDX-License-Identifier: Apache-2.0
// The interlock's rules as an executable specification, small enough to be explored completely.
//
// Who takes part: pump (therapy application with TherapyGuard), agent, boot, and storage with a cache in
// front of it. What may happen at any step: power cut (each cached cell may or may not have reached its
// medium), kill of the agent or of the pump, expiry of a lease, start of a therapy, a patient connected while
// the device is off, a compromised agent that writes REQ_ARM. Any step may be delayed for any time: a slow
// fsync, an agent that sleeps longer than T. `Rules` lists the decisions; every test takes one away and shows
// what breaks. When a rule of the product must change, it is changed here first.
#pragma once

#include <cstdint>

#include "explorer.h"

namespace aseptic::interlock::model {

struct Rules {
  bool needs_permit = true;   // an arm alone starts no trial: PERMIT, written by the therapy side, is needed
  bool start_cancels = true;  // the therapy side cancels durably at each start, before therapy is possible
  bool last_check_is_fresh = true;     // the last check is answered now; else an unexpired lease is enough
  bool therapy_side_resets = true;     // the guard commands the reset while INHIBITED; else the agent, later
  bool only_commanded_arms = true;     // boot honours an arm only after a commanded reset
  bool enables_when_confirmed = true;  // therapy only after boot reports CONFIRMED; else already in the trial
};

struct Bounds {
  std::uint8_t cuts = 3;
  std::uint8_t agent_kills = 2;
  std::uint8_t pump_kills = 2;
  std::uint8_t therapies = 2;
  std::uint8_t holds = 3;
  std::uint8_t forged_arms = 0;
  bool patient_connects_while_off = false;
};

enum Violation : unsigned {
  kTrialBootInTherapy = 1u << 0,
  kResetInTherapy = 1u << 1,
  kSoftwareChangesUnderTherapy = 1u << 2,
};

class InterlockModel {
 public:
  enum class Pump : std::uint8_t {
    kStarting,
    kIdle,
    kGranting,
    kInhibited,
    kCancelling,
    kTherapy,
    kInTrial,
    kDead
  };
  enum class Agent : std::uint8_t {
    kStarting,
    kIdle,
    kAsking,
    kHeld,
    kArming,
    kArmed,
    kChecked,
    kCancelling,
    kReleasing,
    kSelfTest,
    kPassed,
    kConfirming,
    kConfirmChecked,
    kLateConfirm,  // only without enables_when_confirmed
    kDone,
    kDead,
  };
  enum class Runs : std::uint8_t { kOld, kTrial, kNew };

  struct Cell {
    std::uint8_t cached;
    std::uint8_t durable;
  };

  struct State {
    std::uint8_t is_on;
    Pump pump;
    Agent agent;
    Runs runs;
    std::uint8_t treats;            // therapy active, or a patient connected while off
    std::uint8_t treated_in_trial;  // returned to service before boot recorded CONFIRMED
    std::uint8_t has_lease;
    std::uint8_t is_quarantined;
    Cell arm;
    Cell permit;
    Cell confirm;
    std::uint8_t cuts;
    std::uint8_t agent_kills;
    std::uint8_t pump_kills;
    std::uint8_t therapies;
    std::uint8_t holds;
    std::uint8_t forged_arms;
    std::uint8_t broken;
  };

  InterlockModel(const Bounds& bounds, const Rules& rules) : bounds_(bounds), rules_(rules) {}

  State initial() const {
    State s{};
    s.is_on = 1;
    s.pump = Pump::kStarting;
    s.agent = Agent::kStarting;
    s.runs = Runs::kOld;
    s.cuts = bounds_.cuts;
    s.agent_kills = bounds_.agent_kills;
    s.pump_kills = bounds_.pump_kills;
    s.therapies = bounds_.therapies;
    s.holds = bounds_.holds;
    s.forged_arms = bounds_.forged_arms;
    return s;
  }

  unsigned violations(const State& s) const { return s.broken; }

  // Never left in update mode: the update is in, or refused, or nobody asks any more; and therapy is
  // possible.
  bool is_good_end(const State& s) const {
    const bool update_is_settled = s.runs == Runs::kNew || s.is_quarantined != 0 || s.holds == 0;
    return s.is_on != 0 && s.pump == Pump::kIdle && s.treats == 0 && update_is_settled;
  }

  template <class Visit>
  void successors(const State& s, Visit&& visit) const {
    if (s.is_on == 0) return while_off(s, visit);
    storage_steps(s, visit);
    pump_steps(s, visit);
    agent_steps(s, visit);
    fault_steps(s, visit);
  }

 private:
  Cell& cancelled_cell(State& s) const { return rules_.needs_permit ? s.permit : s.arm; }
  const Cell& cancelled_cell(const State& s) const { return rules_.needs_permit ? s.permit : s.arm; }
  void begin_cancel(State& s) const {
    s.pump = Pump::kCancelling;
    cancelled_cell(s).cached = 0;
  }

  void boot(State& s, bool is_commanded) const {
    const bool has_permit = !rules_.needs_permit || s.permit.durable != 0;
    const bool cause_allows = !rules_.only_commanded_arms || is_commanded;
    const bool starts_trial = s.arm.durable != 0 && has_permit && cause_allows;
    const bool was_in_service = s.treated_in_trial != 0;
    s.is_on = 1;
    s.pump = Pump::kStarting;
    s.agent = Agent::kStarting;
    s.has_lease = s.treated_in_trial = 0;
    s.arm = s.permit = Cell{};  // both are bound to the boot_count that is over
    if (s.runs == Runs::kTrial) {
      s.runs = s.confirm.durable != 0 ? Runs::kNew : Runs::kOld;
      if (s.runs == Runs::kOld && s.treats != 0 && was_in_service) s.broken |= kSoftwareChangesUnderTherapy;
    } else if (starts_trial && s.runs == Runs::kOld && s.is_quarantined == 0) {
      s.runs = Runs::kTrial;
      if (s.treats != 0) s.broken |= kTrialBootInTherapy;
    }
    s.confirm = Cell{};
  }

  void commanded_reset(State& s) const {
    if (s.treats != 0) s.broken |= kResetInTherapy;
    boot(s, true);
  }

  template <class Visit>
  void while_off(const State& s, Visit&& visit) const {
    State next = s;
    boot(next, false);
    visit(next, Actor::kHonest, "power on");
    if (!bounds_.patient_connects_while_off || s.therapies == 0 || s.treats != 0) return;
    next = s;
    --next.therapies;
    next.treats = 1;
    visit(next, Actor::kAdversary, "a patient is connected while the device is off");
  }

  template <class Visit>
  void storage_steps(const State& s, Visit&& visit) const {
    const auto settle = [&](Cell State::*cell, const char* label) {
      if ((s.*cell).cached == (s.*cell).durable) return;
      State next = s;
      (next.*cell).durable = (s.*cell).cached;
      visit(next, Actor::kHonest, label);
    };
    settle(&State::arm, "REQ_ARM cell reaches the medium");
    settle(&State::permit, "PERMIT cell reaches the medium");
    settle(&State::confirm, "REQ_CONFIRM cell reaches the medium");
  }

  // ---- the therapy side

  template <class Visit>
  void pump_steps(const State& s, Visit&& visit) const {
    State next = s;
    switch (s.pump) {
      case Pump::kDead:
        next.pump = Pump::kStarting;
        return visit(next, Actor::kHonest, "pump: process starts again");
      case Pump::kStarting:
        return start_pump(s, visit);
      case Pump::kCancelling:
        return go_on_cancelling(s, visit);
      case Pump::kIdle:
        return idle_pump(s, visit);
      case Pump::kGranting:
        if (!rules_.needs_permit || s.permit.durable != 0) {
          next.pump = Pump::kInhibited;
          next.has_lease = 1;
          if (s.agent == Agent::kAsking) next.agent = Agent::kHeld;
          visit(next, Actor::kHonest, "pump: INHIBITED, lease given");
        }
        next = s;
        begin_cancel(next);
        return visit(next, Actor::kAdversary, "pump: storage slower than T, cancels");
      case Pump::kInhibited:
        begin_cancel(next);
        return visit(next, Actor::kHonest, "pump: agent silent for T, cancels");
      case Pump::kTherapy:
        next.treats = 0;
        next.pump = Pump::kIdle;
        return visit(next, Actor::kHonest, "pump: therapy ends");
      case Pump::kInTrial:
        if (s.agent == Agent::kDead) return;  // the agent starts again first
        return;
    }
  }

  template <class Visit>
  void start_pump(const State& s, Visit&& visit) const {
    State next = s;
    if (s.runs == Runs::kTrial && s.treated_in_trial == 0) {
      next.pump = Pump::kInTrial;
      return visit(next, Actor::kHonest, "pump: starts inhibited, boot reports a trial");
    }
    if (rules_.start_cancels) {
      begin_cancel(next);
      return visit(next, Actor::kHonest, "pump: starts, cancels any hold");
    }
    next.pump = s.treats != 0 ? Pump::kTherapy : Pump::kIdle;
    visit(next, Actor::kHonest, "pump: starts");
  }

  template <class Visit>
  void go_on_cancelling(const State& s, Visit&& visit) const {
    State next = s;
    const Cell& cell = cancelled_cell(s);
    if (cell.cached != 0) {  // somebody wrote it again
      begin_cancel(next);
      return visit(next, Actor::kHonest, "pump: cancels once more");
    }
    if (cell.durable != 0) return;
    next.pump = s.treats != 0 ? Pump::kTherapy : Pump::kIdle;
    visit(next, Actor::kHonest, "pump: cancel durable and read back, therapy possible");
  }

  template <class Visit>
  void idle_pump(const State& s, Visit&& visit) const {
    State next = s;
    if (s.therapies != 0) {
      --next.therapies;
      next.pump = Pump::kTherapy;
      next.treats = 1;
      visit(next, Actor::kAdversary, "THERAPY STARTS");
    }
    if (s.agent != Agent::kAsking) return;
    next = s;
    next.pump = Pump::kGranting;
    if (rules_.needs_permit) next.permit.cached = 1;
    visit(next, Actor::kHonest, "pump: grants, inhibits therapy");
  }

  // ---- the agent

  template <class Visit>
  void agent_steps(const State& s, Visit&& visit) const {
    switch (s.agent) {
      case Agent::kDead:
      case Agent::kStarting:
        return start_agent(s, visit);
      case Agent::kSelfTest:
      case Agent::kPassed:
      case Agent::kConfirming:
      case Agent::kConfirmChecked:
      case Agent::kLateConfirm:
        return trial_agent(s, visit);
      case Agent::kDone:
        return;
      default:
        return holding_agent(s, visit);
    }
  }

  template <class Visit>
  void start_agent(const State& s, Visit&& visit) const {
    State next = s;
    if (s.agent == Agent::kDead) {
      next.agent = Agent::kStarting;
      return visit(next, Actor::kHonest, "agent: process starts again");
    }
    if (s.runs == Runs::kTrial && s.treated_in_trial == 0) {
      next.agent = s.confirm.cached != 0 ? Agent::kConfirming : Agent::kSelfTest;
      return visit(next, Actor::kHonest, "agent: starts in the trial");
    }
    if (s.runs == Runs::kTrial) {
      next.agent = s.confirm.durable != 0 ? Agent::kDone : Agent::kLateConfirm;
      return visit(next, Actor::kHonest, "agent: starts in the trial, in service already");
    }
    if (s.runs == Runs::kNew || s.is_quarantined != 0) {
      next.agent = Agent::kDone;
      return visit(next, Actor::kHonest, "agent: starts, nothing to do");
    }
    if (s.arm.cached != 0) {
      next.arm.cached = 0;
      next.agent = Agent::kCancelling;
      return visit(next, Actor::kHonest, "agent: starts, cancels the old arm");
    }
    next.agent = Agent::kIdle;
    visit(next, Actor::kHonest, "agent: starts");
  }

  template <class Visit>
  void holding_agent(const State& s, Visit&& visit) const {
    State next = s;
    const auto cancel_arm = [&](const char* label) {
      next = s;
      next.arm.cached = 0;
      next.agent = Agent::kCancelling;
      visit(next, Actor::kHonest, label);
    };
    switch (s.agent) {
      case Agent::kIdle:
        if (s.holds == 0) return;
        --next.holds;
        next.agent = Agent::kAsking;
        return visit(next, Actor::kHonest, "agent: asks for a hold");
      case Agent::kAsking:
        if (s.pump != Pump::kInhibited) return;  // waits while therapy runs
        next.agent = Agent::kReleasing;
        return visit(next, Actor::kHonest, "agent: the grant belongs to an earlier question");
      case Agent::kHeld:
        next.arm.cached = 1;
        next.agent = Agent::kArming;
        return visit(next, Actor::kHonest, "agent: writes REQ_STAGE, REQ_ARM");
      case Agent::kArming:
        if (s.arm.cached == 0) return cancel_arm("agent: the arm was cancelled under it");
        if (s.arm.durable == 0) return;
        next.agent = Agent::kArmed;
        return visit(next, Actor::kHonest, "agent: arm durable");
      case Agent::kArmed:
        if (rules_.last_check_is_fresh ? s.pump != Pump::kInhibited : s.has_lease == 0) {
          return cancel_arm("agent: last check fails, cancels");
        }
        next.agent = Agent::kChecked;
        return visit(next, Actor::kHonest, "agent: last check passes");
      case Agent::kChecked:
        if (rules_.therapy_side_resets && !guard_would_reset(s)) {
          return cancel_arm("guard: refuses the reset; agent cancels");
        }
        commanded_reset(next);
        return visit(next, Actor::kHonest, "commanded reset");
      case Agent::kCancelling:
        if (s.arm.cached != 0) return cancel_arm("agent: cancels once more");
        if (s.arm.durable != 0) return;
        next.agent = Agent::kReleasing;
        return visit(next, Actor::kHonest, "agent: cancel durable and read back");
      case Agent::kReleasing:
        next.agent = Agent::kIdle;
        next.has_lease = 0;
        if (s.pump == Pump::kInhibited) begin_cancel(next);
        return visit(next, Actor::kHonest, "agent: RELEASE");
      default:
        return;
    }
  }

  bool guard_would_reset(const State& s) const {
    return rules_.last_check_is_fresh ? s.pump == Pump::kInhibited : s.has_lease != 0;
  }

  void return_to_service_in_trial(State& s) const {
    s.treated_in_trial = 1;
    if (s.pump == Pump::kInTrial) s.pump = Pump::kIdle;
  }

  template <class Visit>
  void trial_agent(const State& s, Visit&& visit) const {
    State next = s;
    switch (s.agent) {
      case Agent::kSelfTest:
        if (s.pump != Pump::kInTrial) return;
        next.agent = Agent::kPassed;
        visit(next, Actor::kHonest, "agent: self-test passes");
        next = s;
        next.is_quarantined = 1;
        commanded_reset(next);
        return visit(next, Actor::kHonest, "agent: self-test fails, REQ_REVERT, commanded reset");
      case Agent::kPassed:
        if (!rules_.enables_when_confirmed) {
          return_to_service_in_trial(next);
          next.agent = Agent::kLateConfirm;
          return visit(next, Actor::kHonest, "agent: returns to service within the trial");
        }
        next.confirm.cached = 1;
        next.agent = Agent::kConfirming;
        return visit(next, Actor::kHonest, "agent: writes REQ_CONFIRM");
      case Agent::kConfirming:
        if (s.confirm.durable == 0 || s.pump != Pump::kInTrial) return;
        next.agent = Agent::kConfirmChecked;
        return visit(next, Actor::kHonest, "agent: REQ_CONFIRM durable, asks for the second reset");
      case Agent::kConfirmChecked:
        if (s.pump != Pump::kInTrial) {
          next.agent = Agent::kConfirming;
          return visit(next, Actor::kHonest, "agent: the pump restarted, asks again");
        }
        commanded_reset(next);
        return visit(next, Actor::kHonest, "second commanded reset, still inhibited");
      case Agent::kLateConfirm:
        if (s.confirm.cached == 0) {
          next.confirm.cached = 1;
          return visit(next, Actor::kHonest, "agent: writes REQ_CONFIRM, late");
        }
        if (s.confirm.durable == 0) return;
        next.agent = Agent::kDone;
        return visit(next, Actor::kHonest, "agent: REQ_CONFIRM durable, late");
      default:
        return;
    }
  }

  // ---- faults

  template <class Visit>
  void fault_steps(const State& s, Visit&& visit) const {
    State next = s;
    if (s.has_lease != 0) {
      next.has_lease = 0;
      visit(next, Actor::kAdversary, "the lease expires");
    }
    if (s.forged_arms != 0 && s.arm.cached == 0) {
      next = s;
      --next.forged_arms;
      next.arm.cached = 1;
      visit(next, Actor::kAdversary, "a compromised agent writes REQ_ARM");
    }
    if (s.agent_kills != 0 && s.agent != Agent::kDead) {
      next = s;
      --next.agent_kills;
      next.agent = Agent::kDead;
      visit(next, Actor::kAdversary, "KILL AGENT");
    }
    if (s.pump_kills != 0 && s.pump != Pump::kDead) {
      next = s;
      --next.pump_kills;
      next.pump = Pump::kDead;
      visit(next, Actor::kAdversary, "KILL PUMP");
    }
    if (s.cuts == 0) return;
    for (unsigned lost = 0; lost < 8; ++lost) {  // which cached cells did not reach their medium
      next = s;
      --next.cuts;
      next.is_on = 0;
      next.pump = Pump::kDead;
      next.agent = Agent::kDead;
      next.has_lease = 0;
      next.arm = after_cut(s.arm, (lost & 1) != 0);
      next.permit = after_cut(s.permit, (lost & 2) != 0);
      next.confirm = after_cut(s.confirm, (lost & 4) != 0);
      visit(next, Actor::kAdversary, "POWER CUT");
    }
  }

  static Cell after_cut(Cell cell, bool is_lost) {
    const std::uint8_t value = is_lost ? cell.durable : cell.cached;
    return Cell{value, value};
  }

  Bounds bounds_;
  Rules rules_;
};

}  // namespace aseptic::interlock::model
