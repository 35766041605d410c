// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/status.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>

namespace aseptic::boot {
namespace {

// Answers: RB-09
TEST(BootStatus, EveryErrorIsSixBitsAwayFromSuccess) {
  ASSERT_NE(static_cast<std::uint32_t>(Status::kOk), 0U);
  int errors = 0;
  for (const auto& text : kStatusTexts) {
    if (text.status == Status::kOk) continue;
    ++errors;
    const auto difference = static_cast<std::uint32_t>(text.status) ^ static_cast<std::uint32_t>(Status::kOk);
    EXPECT_GE(std::popcount(difference), 6) << text.name;
  }
  EXPECT_GE(errors, 40);
  // The values that a glitch leaves most often are no success either.
  for (const std::uint32_t value : {0U, 1U, ~0U})
    EXPECT_FALSE(ok(static_cast<Status>(value)));
}

TEST(BootStatus, NumbersNamesAndSentencesAreUnique) {
  std::set<std::uint32_t> numbers;
  std::set<std::string> names;
  std::set<std::string> sentences;
  for (const auto& text : kStatusTexts) {
    EXPECT_TRUE(numbers.insert(static_cast<std::uint32_t>(text.status)).second) << text.name;
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
    EXPECT_TRUE(sentences.insert(text.sentence).second) << text.name;
  }
}

}  // namespace
}  // namespace aseptic::boot
