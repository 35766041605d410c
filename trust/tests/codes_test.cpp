// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/codes.h"

#include <set>

#include "expect.h"

namespace aseptic::trust::test {
namespace {

TEST(TrustCodes, AreUniqueNamedAndDescribed) {
  std::set<std::uint16_t> numbers;
  std::set<std::string_view> names;
  for (const core::ErrorInfo& info : trust_error_table()) {
    EXPECT_TRUE(info.number >= 200 && info.number < 300) << info.name;
    EXPECT_TRUE(numbers.insert(info.number).second) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.name.starts_with("trust.")) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_EQ(describe(static_cast<TrustCode>(info.number)).name, info.name);
  }
  EXPECT_EQ(trust_error_table().size(), 49U);
}

}  // namespace
}  // namespace aseptic::trust::test
