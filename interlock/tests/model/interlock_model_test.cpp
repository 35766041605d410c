// SPDX-License-Identifier: Apache-2.0
// Explores the interlock's rules completely within bounds, and takes each rule away in turn: a rule whose
// absence no exploration notices would be a rule without a reason. Two rules guard the same door in places;
// then both are removed.
#include "interlock_model.h"

#include <cstdio>

#include <gtest/gtest.h>

namespace aseptic::interlock::model {
namespace {

constexpr std::size_t kStatesMax = 3'000'000;

Findings explore(const char* name, const Bounds& bounds, const Rules& rules) {
  const Findings findings = Explorer(InterlockModel(bounds, rules), kStatesMax).run();
  std::printf("%-60s %8zu states %9zu steps, violated 0x%x\n", name, findings.states, findings.steps,
              findings.violated);
  EXPECT_TRUE(findings.is_complete) << "raise kStatesMax";
  return findings;
}

void expect_holds(const char* name, const Bounds& bounds, const Rules& rules) {
  const Findings findings = explore(name, bounds, rules);
  EXPECT_EQ(findings.violated, 0u) << findings.history;
  EXPECT_FALSE(findings.has_honest_cycle) << findings.history;
  EXPECT_FALSE(findings.has_bad_end) << findings.history;
  EXPECT_GT(findings.states, 10'000u) << "an exploration this small explored nothing";
}

void expect_breaks(const char* name, const Bounds& bounds, const Rules& rules, unsigned expected) {
  const Findings findings = explore(name, bounds, rules);
  EXPECT_EQ(findings.violated, expected) << findings.history;
  EXPECT_FALSE(findings.history.empty());
}

Bounds with_connection_while_off() {
  Bounds bounds;
  bounds.patient_connects_while_off = true;
  return bounds;
}

Bounds with_forged_arms() {
  Bounds bounds;
  bounds.forged_arms = 2;
  return bounds;
}

// Answers: SI-01, SI-03, SI-15, SI-24
TEST(InterlockModel, HoldsUnderCutsAndKillsAtEveryStep) {
  expect_holds("all rules", Bounds{}, Rules{});
}

// Answers: SI-01
TEST(InterlockModel, HoldsWhenAPatientIsConnectedWhileOff) {
  expect_holds("all rules, patient connects while off", with_connection_while_off(), Rules{});
}

// Answers: SI-01, SI-04
TEST(InterlockModel, HoldsAgainstACompromisedAgentThatArms) {
  Bounds bounds = with_forged_arms();
  bounds.patient_connects_while_off = true;
  expect_holds("all rules, forged arms, patient connects while off", bounds, Rules{});
}

TEST(InterlockModel, HoldsOnAPortThatCannotTellTheResetCause) {
  Rules rules;
  rules.only_commanded_arms = false;
  expect_holds("reset cause unknown, forged arms", with_forged_arms(), rules);
}

TEST(InterlockModel, NeedsPermitOrTheResetCause) {
  Rules rules;
  rules.needs_permit = rules.only_commanded_arms = false;
  expect_breaks("without PERMIT and reset cause", Bounds{}, rules, kTrialBootInTherapy);
}

TEST(InterlockModel, NeedsPermitAgainstForgedArms) {
  Rules rules;
  rules.needs_permit = rules.only_commanded_arms = false;
  expect_breaks("without PERMIT, forged arms", with_forged_arms(), rules, kTrialBootInTherapy);
}

TEST(InterlockModel, NeedsTheTherapySideToCommandTheReset) {
  Rules rules;
  rules.therapy_side_resets = false;
  expect_breaks("the agent resets", Bounds{}, rules, kResetInTherapy);
}

TEST(InterlockModel, NeedsALastCheckThatIsAnsweredNow) {
  Rules rules;
  rules.last_check_is_fresh = false;
  expect_breaks("an unexpired lease is enough for the reset", Bounds{}, rules, kResetInTherapy);
}

TEST(InterlockModel, NeedsTheCommandedCauseWhenAPatientConnectsWhileOff) {
  Rules rules;
  rules.only_commanded_arms = false;
  expect_breaks("an arm survives power-on", with_connection_while_off(), rules, kTrialBootInTherapy);
}

TEST(InterlockModel, NeedsTheTherapySideToCancelAtItsStart) {
  Rules rules;
  rules.start_cancels = rules.only_commanded_arms = false;
  expect_breaks("the pump does not cancel at its start", Bounds{}, rules, kTrialBootInTherapy);
}

TEST(InterlockModel, NeedsConfirmedBeforeReturnToService) {
  Rules rules;
  rules.enables_when_confirmed = false;
  expect_breaks("return to service within the trial", Bounds{}, rules, kSoftwareChangesUnderTherapy);
}

}  // namespace
}  // namespace aseptic::interlock::model
