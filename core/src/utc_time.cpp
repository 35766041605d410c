// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/utc_time.h"

#include <array>
#include <cstdio>

#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:ddZ";

bool fits_pattern(std::string_view text) {
  if (text.size() != kPattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kPattern[i] == 'd' ? !digit : text[i] != kPattern[i]) return false;
  }
  return true;
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

}  // namespace

Result<UtcTime> parse_utc(std::string_view text) {
  using namespace std::chrono;
  const Error malformed(CoreCode::kTimeFormat, "time is not written as YYYY-MM-DDTHH:MM:SSZ");
  if (!fits_pattern(text)) return malformed;
  const year_month_day date{year(number(text.substr(0, 4))), month(static_cast<unsigned>(number(text.substr(5, 2)))),
                            day(static_cast<unsigned>(number(text.substr(8, 2))))};
  const int h = number(text.substr(11, 2)), m = number(text.substr(14, 2)), s = number(text.substr(17, 2));
  if (!date.ok() || h > 23 || m > 59 || s > 59) return malformed;
  return sys_days(date) + hours(h) + minutes(m) + seconds(s);
}

std::string format_utc(UtcTime time) {
  using namespace std::chrono;
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date(days);
  const hh_mm_ss clock(time - days);
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace aseptic::core
