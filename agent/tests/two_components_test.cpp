// SPDX-License-Identifier: Apache-2.0
// One release over main and microcontroller: real boots, real agent, real guards, real firmware, two simulated disks.
// Power cuts at the I/O of either, of one or of both, with both orders of return. ASEPTIC_STRIDE=n takes every n-th I/O,
// ASEPTIC_CASE="ending who counts_mcu io" replays one case with its trace.
#include "two_components.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

namespace aseptic::agent::test {
namespace {

// Timeline: main and microcontroller staged; main's trial, self-test, decision; the microcontroller's trial and self-test; main
// confirmed; the microcontroller confirmed; its slots, then main's.
// Answers: AP-09, T-12, RC-02, RC-03, SI-17
TEST(TwoComponentsTest, OneReleaseUpdatesBothAsOneTransaction) {
  const Outcome outcome = run_both(Ending::kInstalled, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  const auto at = [&](const char* what) { return outcome.trace.find(what); };
  EXPECT_LT(at("RETURN_TO_SERVICE (prepares_components"), at("CONFIRM_REQUESTED")) << outcome.trace;
  EXPECT_LT(at("CONFIRM_REQUESTED"), at("CONFIRMED (confirms_components")) << outcome.trace;
  EXPECT_LT(at("CONFIRMED (confirms_components"), at("IN_SERVICE (syncs_components")) << outcome.trace;
}

// Answers: AP-09, RC-01, RC-02
TEST(TwoComponentsTest, AMicrocontrollerThatFailsItsTestTakesMainBack) {
  const Outcome outcome = run_both(Ending::kMcuFails, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  EXPECT_NE(outcome.trace.find("component_failed"), std::string::npos) << outcome.trace;
}

// Answers: AP-09, RC-01
TEST(TwoComponentsTest, AMainImageThatFailsItsTestLeavesTheMicrocontrollerAsItWas) {
  const Outcome outcome = run_both(Ending::kMainFails, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  EXPECT_EQ(outcome.trace.find("prepares_components"), std::string::npos) << outcome.trace;
}

// Timeline: main confirmed; the microcontroller breaks; its next trial fails; main asks for a hold, measures its previous image,
// takes the new one's manifest away, and is reset; boot records AUTO_REVERT; both old, therapy possible again.
// Answers: AP-09, T-12, RC-01, SI-17
TEST(TwoComponentsTest, AMicrocontrollerThatFailsAfterTheCommitPointTakesTheWholeSetBack) {
  const Outcome outcome = run_both(Ending::kMcuFailsLate, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  const auto at = [&](const char* what) { return outcome.trace.find(what); };
  EXPECT_LT(at("CONFIRMED (confirms_components"), at("SET_REVERTING (set_revert_reset_asked")) << outcome.trace;
  EXPECT_NE(at("boot: AUTO_REVERT"), std::string::npos) << outcome.trace;
  EXPECT_TRUE(outcome.told_set_revert);
}

// Answers: AP-09, RC-01, SI-17
TEST(TwoComponentsTest, AMicrocontrollerThatIsSilentAfterTheCommitPointTakesTheWholeSetBack) {
  const Outcome outcome = run_both(Ending::kMcuSilent, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  EXPECT_NE(outcome.trace.find("SET_REVERTING"), std::string::npos) << outcome.trace;
}

// Answers: AP-09, SI-17
TEST(TwoComponentsTest, AMicrocontrollerThatConfirmedUnheardIsFollowedWhenItIsHeardAgain) {
  const Outcome outcome = run_both(Ending::kMcuConfirmsUnheard, {});
  EXPECT_EQ(outcome.wrong, "") << outcome.trace;
  EXPECT_NE(outcome.trace.find("SET_REVERTING"), std::string::npos) << outcome.trace;
}

struct Case {
  Ending ending;
  Cut cut;
  std::string text() const {
    std::ostringstream out;
    out << static_cast<int>(ending) << " " << static_cast<int>(cut.who) << " " << cut.counts_mcu << " " << cut.at_io;
    return out.str();
  }
};

std::uint64_t number_from(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::vector<Case> cases_of(Ending ending, std::uint64_t stride) {
  const Outcome undisturbed = run_both(ending, {});
  std::vector<Case> cases;
  std::uint64_t next = 0;
  for (const bool counts_mcu : {false, true})
    for (const Loses who : {Loses::kMain, Loses::kMcu, Loses::kBothMainBackFirst, Loses::kBothMcuBackFirst}) {
      if (who == (counts_mcu ? Loses::kMain : Loses::kMcu)) continue;
      const std::uint64_t end = counts_mcu ? undisturbed.mcu_io : undisturbed.main_io;
      // What differs from an installation begins with the commit point.
      const std::uint64_t begin = ending != Ending::kMcuFailsLate ? 0 : counts_mcu ? undisturbed.mcu_io_at_commit : undisturbed.main_io_at_commit;
      for (std::uint64_t io = begin + next++ % stride; io < end; io += stride) cases.push_back({ending, {who, counts_mcu, io}});
    }
  std::cout << "ending=" << static_cast<int>(ending) << " io of main=" << undisturbed.main_io << " of mcu=" << undisturbed.mcu_io << "\n";
  return cases;
}

void run_cases(const std::vector<Case>& cases) {
  std::atomic<std::size_t> next = 0, cuts = 0, bad = 0;
  std::mutex telling;
  const auto work = [&] {
    for (std::size_t i = next++; i < cases.size(); i = next++) {
      const Outcome outcome = run_both(cases[i].ending, cases[i].cut);
      cuts += outcome.was_cut ? 1 : 0;
      if (outcome.wrong.empty()) continue;
      const std::lock_guard lock(telling);
      if (++bad <= 5) ADD_FAILURE() << "ASEPTIC_CASE=\"" << cases[i].text() << "\": " << outcome.wrong << "\n" << outcome.trace;
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 2; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  std::cout << "cases=" << cases.size() << " cuts=" << cuts << " bad=" << bad << "\n";
  EXPECT_EQ(bad, 0U);
  EXPECT_GE(cuts * 100, cases.size() * 98) << "a cut that does not happen proves nothing";
}

// Answers: AP-02, AP-09, RC-03, SI-01, SI-17, T-12, T-51, T-52
TEST(TwoComponentsPowerCut, OfEitherOrBothAtAnyOperationEndsWithOneSetOnBoth) {
  if (const char* text = std::getenv("ASEPTIC_CASE")) {
    int ending = 0, who = 0;
    Case one{};
    std::istringstream(text) >> ending >> who >> one.cut.counts_mcu >> one.cut.at_io;
    one.ending = static_cast<Ending>(ending);
    one.cut.who = static_cast<Loses>(who);
    const Outcome outcome = run_both(one.ending, one.cut);
    std::cout << outcome.trace;
    ASSERT_EQ(outcome.wrong, "");
    return;
  }
  const std::uint64_t stride = number_from("ASEPTIC_STRIDE", 17);
  std::vector<Case> cases;
  for (const Ending ending : {Ending::kInstalled, Ending::kMcuFails, Ending::kMainFails, Ending::kMcuFailsLate}) {
    const bool is_thin = ending == Ending::kMcuFails || ending == Ending::kMainFails;
    const auto more = cases_of(ending, is_thin ? 3 * stride : stride);
    cases.insert(cases.end(), more.begin(), more.end());
  }
  run_cases(cases);
}

}  // namespace
}  // namespace aseptic::agent::test
