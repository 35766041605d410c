// SPDX-License-Identifier: Apache-2.0
// The state machine, walked exhaustively: every state with every combination of facts.
#include "aseptic/agent/transaction.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace aseptic::agent {
namespace {

using Claim = std::function<bool(State, const Facts&, const Step&)>;

Facts facts_from(std::uint32_t bits, Running running, Hold hold, Verdict test, Verdict decision) {
  Facts f;
  std::uint32_t at = 0;
  for (bool* fact : {&f.runs_target, &f.target_confirmed, &f.target_quarantined, &f.rebooted, &f.boot_synced, &f.offered,
                     &f.offer_is_target, &f.withdrawn, &f.refused, &f.prechecks_pass, &f.approved, &f.window_open,
                     &f.too_many_tries, &f.other_slot_current})
    *fact = (bits >> at++ & 1u) != 0;
  f.running = running;
  f.hold = hold;
  f.self_test = test;
  f.return_to_service = decision;
  return f;
}
constexpr std::uint32_t kBooleanFacts = 14;

std::string show(State state, const Facts& f, const Step& step) {
  const auto flag = [](bool value, const char* name) { return value ? std::string(" ") + name : std::string(); };
  return std::string(to_string(state)) + " -> " + std::string(to_string(step.action)) + " " +
         std::string(to_string(step.next)) + " running=" + std::to_string(static_cast<int>(f.running)) +
         " hold=" + std::to_string(static_cast<int>(f.hold)) + flag(f.runs_target, "runs_target") +
         flag(f.target_confirmed, "target_confirmed") + flag(f.target_quarantined, "quarantined") +
         flag(f.rebooted, "rebooted") + flag(f.offered, "offered") + flag(f.withdrawn, "withdrawn");
}

// Evaluates the claim for all 16 x 2,949,120 combinations; the first that breaks it is shown.
void expect_everywhere(const Claim& claim) {
  std::uint64_t cases = 0;
  for (std::uint8_t s = 0; s < kStateCount; ++s)
    for (std::uint32_t bits = 0; bits < 1u << kBooleanFacts; ++bits)
      for (int running = 0; running < 4; ++running)
        for (int hold = 0; hold < 5; ++hold)
          for (int verdicts = 0; verdicts < 9; ++verdicts) {
            const auto state = static_cast<State>(s);
            const Facts facts = facts_from(bits, static_cast<Running>(running), static_cast<Hold>(hold),
                                           static_cast<Verdict>(verdicts % 3), static_cast<Verdict>(verdicts / 3));
            const Step step = next(state, facts);
            ++cases;
            ASSERT_TRUE(claim(state, facts, step)) << show(state, facts, step);
          }
  EXPECT_EQ(cases, std::uint64_t{kStateCount} * (1u << kBooleanFacts) * 4 * 5 * 9);
}

bool in_trial(const Facts& f) { return f.running == Running::kTrial || f.running == Running::kForcedTrial; }
bool confirmed(const Facts& f) { return f.running == Running::kConfirmed && f.target_confirmed; }

// Answers: AP-01
TEST(Transaction, WritesASlotOnlyOutsideATrialAndNeverForAQuarantinedDigest) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    if (step.action == Action::kStage) {
      return state == State::kAvailable && !in_trial(f) && !f.target_quarantined && !f.withdrawn;
    }
    if (step.action == Action::kSyncOther) return f.running == Running::kConfirmed;
    return true;
  });
}

// Answers: AP-04, T-68
TEST(Transaction, StagesOnlyWhenEveryPreCheckPasses) {
  expect_everywhere([](State, const Facts& f, const Step& step) {
    return step.action != Action::kStage || f.prechecks_pass;
  });
}

// Answers: SI-15, T-65
TEST(Transaction, ArmsOnlyWhileHeldApprovedInsideTheWindowAndNotWithdrawn) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    if (step.action == Action::kArm) {
      return state == State::kApproved && f.hold == Hold::kHeld && f.approved && f.window_open && !f.withdrawn &&
             !f.target_quarantined && !f.too_many_tries && !in_trial(f);
    }
    if (step.action == Action::kAskReset) {
      return state == State::kHeld && f.hold == Hold::kChecked && f.approved && f.window_open && !f.withdrawn &&
             !f.target_quarantined && !f.rebooted && !in_trial(f);
    }
    if (step.action == Action::kAskHold) return state == State::kApproved && f.approved && f.window_open;
    return true;
  });
}

// Answers: T-65
TEST(Transaction, GivesTheHoldBackWheneverItCannotGoOn) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    if (state != State::kHeld || (in_trial(f) && f.runs_target)) return true;
    const bool must_leave = f.withdrawn || !f.approved || !f.window_open || f.target_quarantined || f.rebooted ||
                            f.hold == Hold::kNone;
    return !must_leave || step.action == Action::kDisarm;
  });
}

// Answers: RC-02
TEST(Transaction, ConfirmsOnlyInTheTrialOfThisDigestAfterSelfTestAndDecision) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    if (step.action != Action::kRequestConfirm) return true;
    return state == State::kReturnToService && in_trial(f) && f.runs_target && f.self_test == Verdict::kPassed &&
           f.return_to_service == Verdict::kPassed && !f.target_quarantined;
  });
}

// Answers: RC-01
TEST(Transaction, RevertsWheneverTheSelfTestFailedInATrial) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    const bool testing = state == State::kSelfTest || state == State::kReturnToService;
    if (!testing || !in_trial(f) || !f.runs_target || f.target_quarantined) return true;
    return f.self_test != Verdict::kFailed || step.action == Action::kRequestRevert;
  });
}

// Answers: T-06, MF-01
TEST(Transaction, ClaimsConfirmedOnlyWhenBootRecordedIt) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    const bool claims = step.next == State::kConfirmed || step.next == State::kInService || step.next == State::kSynced;
    return !claims || state == State::kSynced || confirmed(f);
  });
}

// Answers: T-06
TEST(Transaction, AdoptsATrialThatAWipedAgentKnowsNothingOf) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    return state != State::kIdle || !in_trial(f) || (step.action == Action::kAdoptTrial && step.next == State::kSwitched);
  });
}

// Answers: DL-07
TEST(Transaction, LooksAtNoMetadataOnceTheTrialRuns) {
  const std::set<State> after{State::kSwitched, State::kSelfTest, State::kReturnToService, State::kConfirmRequested,
                              State::kConfirmed, State::kReverting};
  expect_everywhere([&](State state, const Facts& f, const Step& step) {
    if (!after.contains(state)) return true;
    Facts without = f;
    without.offered = without.offer_is_target = without.withdrawn = without.approved = without.window_open = false;
    const Step same = next(state, without);
    return same.action == step.action && same.next == step.next;
  });
}

// Answers: AP-10
TEST(Transaction, DoesNotStageAnImageThatIsAlreadyConfirmed) {
  expect_everywhere([](State, const Facts& f, const Step& step) {
    return step.action != Action::kStage || !confirmed(f);
  });
}

// Answers: RC-05
TEST(Transaction, GivesUpAfterTooManyInterruptedSwitches) {
  expect_everywhere([](State state, const Facts& f, const Step& step) {
    const bool arming = step.action == Action::kArm || step.action == Action::kAskHold;
    return state != State::kApproved || !f.too_many_tries || !arming;
  });
}

TEST(Transaction, EveryStateIsReachedFromIdleAndLeadsBackToIdle) {
  const auto reach = [](State from, bool forward) {
    std::set<State> seen{from};
    for (bool grew = true; grew;) {
      grew = false;
      for (const Arc& arc : arcs()) {
        const State a = forward ? arc.from : arc.step.next;
        const State b = forward ? arc.step.next : arc.from;
        if (seen.contains(a)) grew |= seen.insert(b).second;
      }
    }
    return seen;
  };
  EXPECT_EQ(reach(State::kIdle, true).size(), kStateCount);
  EXPECT_EQ(reach(State::kIdle, false).size(), kStateCount);
}

// The facts about further components, with every state, every running kind and every fact that the rows beside them look at.
void expect_with_components(const Claim& claim) {
  for (std::uint8_t s = 0; s < kStateCount; ++s)
    for (std::uint32_t bits = 0; bits < 1u << kBooleanFacts; bits += 61)  // odd and not a power: the bits mix
      for (int running = 0; running < 4; ++running)
        for (int verdicts = 0; verdicts < 81; ++verdicts)
          for (int flags = 0; flags < 4; ++flags) {
            Facts f = facts_from(bits, static_cast<Running>(running), static_cast<Hold>(bits % 5), static_cast<Verdict>(verdicts % 3),
                                 static_cast<Verdict>(verdicts / 3 % 3));
            f.others_prepared = static_cast<Verdict>(verdicts / 9 % 3);
            f.others_confirmed = static_cast<Verdict>(verdicts / 27);
            f.others_synced = (flags & 1) != 0;
            f.others_settled = (flags & 2) != 0;
            f.way_back = (static_cast<std::uint32_t>(verdicts) + bits / 61) % 2 != 0;
            const auto state = static_cast<State>(s);
            const Step step = next(state, f);
            ASSERT_TRUE(claim(state, f, step)) << show(state, f, step);
          }
}

// Answers: AP-09, SI-17
TEST(Transaction, ConfirmsTheSetOnlyInTheOrderOfItsCommitPoint) {
  expect_with_components([](State state, const Facts& f, const Step& step) {
    if (step.action == Action::kRequestConfirm && f.others_prepared != Verdict::kPassed) return false;
    if (step.action == Action::kConfirmOthers && !(state == State::kConfirmed && confirmed(f))) return false;
    if (step.action == Action::kSyncOthers && !(state == State::kInService && confirmed(f))) return false;
    // Main's other slot holds the way back of the set until every component is through.
    if (state == State::kInService && step.action == Action::kSyncOther && !f.others_synced) return false;
    if (step.next == State::kInService && state == State::kConfirmed && f.others_confirmed != Verdict::kPassed) return false;
    if (step.action == Action::kPrepareOthers && !(in_trial(f) && f.runs_target && f.return_to_service == Verdict::kPassed)) return false;
    return true;
  });
}

// Answers: AP-09, RC-01, T-54, T-65
TEST(Transaction, TheSetGoesBackOnlyAfterTheCommitPointOverAMeasuredWayAndUnderACheckedHold) {
  expect_with_components([](State state, const Facts& f, const Step& step) {
    if (step.next == State::kSetReverting && state != State::kSetReverting)
      return state == State::kConfirmed && confirmed(f) && f.others_confirmed == Verdict::kFailed && f.way_back &&
             step.action == Action::kBeginSetRevert;
    const bool returns = step.action == Action::kSetRevert || step.action == Action::kRevertOthers || step.action == Action::kAskReturnHold;
    if (returns && !(state == State::kSetReverting && confirmed(f))) return false;
    if (step.action == Action::kSetRevert) return f.hold == Hold::kChecked && f.others_settled;
    // Once decided it ends as a failed release, never in service.
    if (state == State::kSetReverting) return step.next == State::kSetReverting || (step.next == State::kFailed && !confirmed(f));
    const bool must_go_back = state == State::kConfirmed && confirmed(f) && f.others_confirmed == Verdict::kFailed && f.way_back;
    return !must_go_back || step.next == State::kSetReverting;
  });
}

// Answers: AP-09, RC-01
TEST(Transaction, AComponentThatFailsBeforeTheCommitPointTakesMainBack) {
  expect_with_components([](State state, const Facts& f, const Step& step) {
    const bool decides = state == State::kReturnToService && in_trial(f) && f.runs_target && !f.target_quarantined &&
                         f.self_test == Verdict::kPassed && f.return_to_service == Verdict::kPassed;
    return !decides || f.others_prepared != Verdict::kFailed || step.action == Action::kRequestRevert;
  });
}

TEST(Transaction, EveryArcIsTakenByAtLeastOneCombinationOfFacts) {
  std::set<std::tuple<State, const char*, Action>> taken;  // a step is a copy of its arc's, word included
  const Claim note = [&](State state, const Facts&, const Step& step) {
    taken.emplace(state, step.why.data(), step.action);
    return true;
  };
  for (std::uint8_t s = 0; s < kStateCount; ++s)
    for (std::uint32_t bits = 0; bits < 1u << kBooleanFacts; ++bits)
      for (int i = 0; i < 4 * 5 * 9; ++i) {
        const Facts facts = facts_from(bits, static_cast<Running>(i % 4), static_cast<Hold>(i / 4 % 5),
                                       static_cast<Verdict>(i / 20 % 3), static_cast<Verdict>(i / 60));
        const Step step = next(static_cast<State>(s), facts);
        taken.emplace(static_cast<State>(s), step.why.data(), step.action);
      }
  expect_with_components(note);
  for (const Arc& arc : arcs())
    EXPECT_TRUE(taken.contains({arc.from, arc.step.why.data(), arc.step.action}))
        << to_string(arc.from) << ": no facts lead to \"" << arc.when << "\"";
}

TEST(Transaction, EveryStateHasANameThatReadsBack) {
  for (std::uint8_t s = 0; s < kStateCount; ++s) {
    State back{};
    ASSERT_TRUE(state_from_string(to_string(static_cast<State>(s)), back));
    EXPECT_EQ(back, static_cast<State>(s));
  }
  State unused{};
  EXPECT_FALSE(state_from_string("UPDATING", unused));
}

// Walks the machine with a list of facts; returns the states that were entered.
std::vector<State> walk(State state, const std::vector<Facts>& facts) {
  std::vector<State> states;
  for (const Facts& f : facts) {
    state = next(state, f).next;
    if (states.empty() || states.back() != state) states.push_back(state);
  }
  return states;
}

Facts ready() {
  Facts f;
  f.offered = f.offer_is_target = f.prechecks_pass = f.approved = f.window_open = true;
  return f;
}

// Answers: LG-01
TEST(Transaction, WalksFromAvailableToSyncedInTheOrderOfTheDesign) {
  Facts held = ready(), checked = ready(), trial = ready(), confirmed_facts = ready(), synced = ready();
  held.hold = Hold::kHeld;
  checked.hold = Hold::kChecked;
  trial.running = Running::kTrial;
  trial.runs_target = true;
  trial.rebooted = false;
  trial.hold = Hold::kHeld;
  Facts passed = trial;
  passed.self_test = passed.return_to_service = Verdict::kPassed;
  confirmed_facts.offered = false;
  confirmed_facts.runs_target = confirmed_facts.target_confirmed = confirmed_facts.rebooted = true;
  synced = confirmed_facts;
  synced.boot_synced = synced.other_slot_current = true;
  EXPECT_EQ(walk(State::kIdle, {ready(), ready(), ready(), ready(), ready(), held, checked, trial, trial, passed, passed,
                                confirmed_facts, confirmed_facts, confirmed_facts, synced, synced}),
            (std::vector<State>{State::kAvailable, State::kStaged, State::kOffered, State::kApproved, State::kHeld,
                                State::kSwitched, State::kSelfTest, State::kReturnToService, State::kConfirmRequested,
                                State::kConfirmed, State::kInService, State::kSynced, State::kIdle}));
}

// Answers: RC-01
TEST(Transaction, WalksFromAFailedSelfTestThroughRevertToFailed) {
  Facts trial;
  trial.running = Running::kTrial;
  trial.runs_target = true;
  trial.hold = Hold::kHeld;
  Facts failed = trial;
  failed.self_test = Verdict::kFailed;
  Facts back;
  back.target_quarantined = back.rebooted = true;
  EXPECT_EQ(walk(State::kSwitched, {trial, failed, trial, back, back}),
            (std::vector<State>{State::kSelfTest, State::kReverting, State::kFailed, State::kIdle}));
}

}  // namespace
}  // namespace aseptic::agent
