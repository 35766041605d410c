// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/error.h"

#include <gtest/gtest.h>

#include <set>

#include "aseptic/core/codes.h"
#include "aseptic/core/result.h"

namespace aseptic::core {
namespace {

TEST(Error, TableHasUniqueNumbersAndNamesInOrder) {
  std::set<std::string_view> names;
  std::uint16_t expected = 101;
  for (const ErrorInfo& info : core_error_table()) {
    EXPECT_EQ(info.number, expected++);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.name.starts_with("core."));
    EXPECT_FALSE(info.meaning.empty());
  }
}

TEST(Error, EachLayerPutsItsNameBeforeTheSentence) {
  const Error error(CoreCode::kEncoding, "odd number of digits");
  EXPECT_EQ(error.within("root").within("load").sentence(), "load: root: odd number of digits");
  EXPECT_EQ(error.within("root").name(), "core.encoding");
}

Result<int> half(int number) {
  if (number % 2) return Error(CoreCode::kValueFormat, "odd");
  return number / 2;
}
Result<int> quarter(int number) {
  ASEPTIC_TRY(const int once, half(number));
  return half(once).within("second half");
}

TEST(Result, TryReturnsTheFirstErrorOrTheValue) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(3).error().sentence(), "odd");
  EXPECT_EQ(quarter(6).error().sentence(), "second half: odd");
}

}  // namespace
}  // namespace aseptic::core
