// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/device_api.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace aseptic::fleet {
namespace {

TEST(ParseRange, TakesOneByteRangeAndClipsIt) {
  const auto expect = [](std::string_view header, std::uint64_t first, std::uint64_t count) {
    const auto range = parse_range(header, 10);
    ASSERT_TRUE(range) << header;
    EXPECT_EQ(range->first, first) << header;
    EXPECT_EQ(range->count, count) << header;
  };
  expect("bytes=0-0", 0, 1);
  expect("bytes=9-", 9, 1);
  expect("bytes=2-5", 2, 4);
  expect("bytes=5-99", 5, 5);
  expect("bytes=-3", 7, 3);
  expect("bytes=-99", 0, 10);
  expect("bytes=0-18446744073709551615", 0, 10);
}

TEST(ParseRange, SaysWhenNothingLiesInTheRange) {
  for (const char* header : {"bytes=10-", "bytes=10-12", "bytes=-0"}) EXPECT_EQ(parse_range(header, 10)->count, 0U) << header;
  EXPECT_EQ(parse_range("bytes=0-", 0)->count, 0U);
}

TEST(ParseRange, TreatsAnythingElseAsTheWholeFile) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "items=0-1", "bytes= 0-1", "bytes=0--1",
                             "bytes=18446744073709551616-", "bytes=-1-"})
    EXPECT_FALSE(parse_range(header, 10)) << header;
}

TEST(DecodeTarget, DecodesOnceAndDropsTheQuery) {
  EXPECT_EQ(*decode_target("/a%20b/c%252F?x=y"), "a b/c%2F");
  for (const char* target : {"", "a", "*", "http://x/", "/%", "/%4", "/%zz", "/%-1"}) EXPECT_FALSE(decode_target(target)) << target;
}

}  // namespace
}  // namespace aseptic::fleet
