// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/infusion.h"

#include <gtest/gtest.h>

namespace aseptic::pump {
namespace {

TEST(Infusion, DeliversByRateAndEndsWithAnAlarm) {
  Infusion infusion;
  ASSERT_TRUE(infusion.begin_programming());
  ASSERT_TRUE(infusion.end_programming({360, 2}));
  ASSERT_TRUE(infusion.begin(1000));
  infusion.tick(11'000);
  EXPECT_EQ(infusion.delivered_ul(), 1000u) << "360 ml/h are 100 µl per second";
  EXPECT_EQ(infusion.state(), InfusionState::kInfusing);
  infusion.tick(21'000);
  EXPECT_EQ(infusion.delivered_ul(), 2000u);
  EXPECT_EQ(infusion.state(), InfusionState::kAlarm);
  EXPECT_EQ(infusion.alarm(), "infusion complete");
  infusion.stop(22'000);
  EXPECT_EQ(infusion.state(), InfusionState::kIdle);
  EXPECT_TRUE(infusion.alarm().empty());
}

TEST(Infusion, AcceptsExactlyTheLimitsOfItsClass) {
  const struct {
    InfusionProgram program;
    bool fits;
  } rows[] = {{{1, 1}, true},  {{kRateMlPerHMax, kVolumeMlMax}, true}, {{0, 1}, false},
              {{1, 0}, false}, {{kRateMlPerHMax + 1, 1}, false},       {{1, kVolumeMlMax + 1}, false}};
  for (const auto& row : rows) {
    Infusion infusion;
    ASSERT_TRUE(infusion.begin_programming());
    EXPECT_EQ(infusion.end_programming(row.program), row.fits);
  }
}

TEST(Infusion, StartsOnlyFromIdle) {
  Infusion infusion;
  ASSERT_TRUE(infusion.begin_programming());
  EXPECT_FALSE(infusion.begin(0));
  infusion.raise_alarm("air in line", 0);
  EXPECT_FALSE(infusion.begin(0));
  infusion.stop(0);
  EXPECT_TRUE(infusion.begin(0));
  EXPECT_FALSE(infusion.begin(0));
}

TEST(Infusion, SelfTestFindsAWrongMotorConstant) {
  EXPECT_TRUE(motor_self_test(2000));
  EXPECT_TRUE(motor_self_test(1960));
  EXPECT_FALSE(motor_self_test(1959));
  EXPECT_FALSE(motor_self_test(1850));
  EXPECT_FALSE(motor_self_test(0));
}

}  // namespace
}  // namespace aseptic::pump
