// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/use_state.h"

#include <iterator>

#include <gtest/gtest.h>

namespace aseptic::interlock {
namespace {

UseReport idle() {
  UseReport report;
  report.conditions = 0;
  report.patient_input_1 = report.patient_input_2 = PatientSignal::kDisconnected;
  return report;
}

TEST(UseState, IdleAndDisconnectedBlocksNothing) {
  EXPECT_EQ(blocking_conditions(idle()), 0u);
}

TEST(UseState, AReportThatNobodyFilledInBlocks) {
  EXPECT_NE(blocking_conditions(UseReport{}), 0u);
}

// Answers: SI-02, SI-07
TEST(UseState, BlocksInEveryCombinationOfTheTable) {
  constexpr unsigned kRows = std::size(kBlockingTable);
  ASSERT_EQ(kRows, 8u);
  for (std::uint32_t mask = 1; mask < (1u << kRows); ++mask) {
    UseReport report = idle();
    std::uint32_t expected = 0;
    for (unsigned row = 0; row < kRows; ++row) {
      if ((mask >> row & 1) != 0) expected |= bit(kBlockingTable[row].condition);
    }
    report.conditions = expected;
    EXPECT_EQ(blocking_conditions(report), expected);
  }
}

// Answers: SI-02
TEST(UseState, BlocksOnEveryConditionThatItDoesNotKnow) {
  for (unsigned number = std::size(kBlockingTable); number < 32; ++number) {
    UseReport report = idle();
    report.conditions = 1u << number;
    EXPECT_EQ(blocking_conditions(report), 1u << number);
  }
}

// Answers: SI-24
TEST(UseState, NeedsTwoInputsThatBothSayDisconnected) {
  const PatientSignal signals[] = {PatientSignal::kDisconnected,  PatientSignal::kConnected,
                                   PatientSignal::kUnknown,       static_cast<PatientSignal>(0),
                                   static_cast<PatientSignal>(1), static_cast<PatientSignal>(0xffffffff)};
  for (const PatientSignal first : signals) {
    for (const PatientSignal second : signals) {
      UseReport report = idle();
      report.patient_input_1 = first;
      report.patient_input_2 = second;
      const bool both = first == PatientSignal::kDisconnected && second == PatientSignal::kDisconnected;
      EXPECT_EQ(blocking_conditions(report) == 0, both);
    }
  }
}

// Answers: SI-24
TEST(UseState, NoSingleFlippedBitMakesAConnectedPatientDisconnected) {
  for (const PatientSignal other : {PatientSignal::kConnected, PatientSignal::kUnknown}) {
    for (unsigned flipped = 0; flipped < 32; ++flipped) {
      UseReport report = idle();
      report.patient_input_1 =
          static_cast<PatientSignal>(static_cast<std::uint32_t>(other) ^ (1u << flipped));
      EXPECT_NE(blocking_conditions(report), 0u);
    }
  }
}

}  // namespace
}  // namespace aseptic::interlock
