// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "aseptic/core/utc_time.h"
#include "aseptic/core/uuid.h"
#include "aseptic/core/version.h"

namespace aseptic::core {
namespace {

TEST(UtcTime, RoundTripsAndKnowsTheEpoch) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:00Z")->time_since_epoch().count(), 0);
  EXPECT_EQ(format_utc(*parse_utc("2028-02-29T23:59:59Z")), "2028-02-29T23:59:59Z");
}

TEST(UtcTime, RefusesEveryOtherForm) {
  for (const std::string_view text : {"2026-11-23T05:00:00", "2026-11-23 05:00:00Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                                      "2026-11-23T24:00:00Z", "2026-11-23T05:00:60Z", "2026-11-23T05:00:00.0Z", "+026-11-23T05:00:00Z", ""})
    EXPECT_FALSE(parse_utc(text)) << text;
}

TEST(Uuid, RoundTripsAndRefusesOtherForms) {
  EXPECT_EQ(Uuid::parse("12345678-9abc-def0-1234-56789abcdef0")->text(), "12345678-9abc-def0-1234-56789abcdef0");
  for (const std::string_view text : {"12345678-9ABC-def0-1234-56789abcdef0", "123456789-abc-def0-1234-56789abcdef0", "12345678-9abc-def0-1234-56789abcdefg", ""})
    EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(Version, RoundTripsAndRefusesOtherForms) {
  EXPECT_EQ(Version::parse("1.20.4294967295")->text(), "1.20.4294967295");
  for (const std::string_view text : {"1.2", "1.2.3.4", "v1.2.3", "1.02.3", "65536.0.0", "1.2.-3", "1.2.3 ", ""})
    EXPECT_FALSE(Version::parse(text)) << text;
}

}  // namespace
}  // namespace aseptic::core
