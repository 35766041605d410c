// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/status.h"

#include <bit>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace aseptic::interlock {
namespace {

// Answers: SI-24
TEST(InterlockStatus, KeepsEveryErrorSixBitsFromSuccessAndFromTheOthers) {
  std::uint32_t count = 0;
  const StatusName* rows = status_table(count);
  ASSERT_GT(count, 30u);
  ASSERT_EQ(rows[0].status, Status::kSuccess);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t j = i + 1; j < count; ++j) {
      const auto a = static_cast<std::uint32_t>(rows[i].status);
      const auto b = static_cast<std::uint32_t>(rows[j].status);
      EXPECT_GE(std::popcount(a ^ b), 6) << rows[i].name << " and " << rows[j].name;
    }
  }
  EXPECT_GE(std::popcount(static_cast<std::uint32_t>(Status::kSuccess)), 6)
      << "a cleared word reads as success";
}

TEST(InterlockStatus, NamesAreUniqueAndEverySentenceEnds) {
  std::uint32_t count = 0;
  const StatusName* rows = status_table(count);
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < count; ++i) {
    EXPECT_TRUE(names.insert(rows[i].name).second) << rows[i].name;
    EXPECT_EQ(std::string(rows[i].sentence).back(), '.') << rows[i].name;
    EXPECT_STREQ(describe(rows[i].status).name, rows[i].name);
    EXPECT_TRUE(is_known_status(static_cast<std::uint32_t>(rows[i].status)));
  }
}

TEST(InterlockStatus, ShowsAnUnknownNumberAsUnknown) {
  EXPECT_STREQ(describe(static_cast<Status>(5)).name, "unknown");
  EXPECT_FALSE(is_known_status(5));
  EXPECT_FALSE(is_known_status(0));
}

}  // namespace
}  // namespace aseptic::interlock
