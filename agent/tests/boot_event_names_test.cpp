// SPDX-License-Identifier: Apache-2.0
#include "slots/boot_event_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "aseptic/boot/core/events.h"

namespace aseptic::agent {
namespace {

TEST(BootEventNames, AreThoseOfBoot) {
  std::uint32_t known = 0;
  for (std::uint32_t code = 1; code < 200; ++code) {
    std::string name = boot::event_name(static_cast<boot::EventCode>(code));
    if (name == "UNKNOWN") {
      EXPECT_EQ(boot_event_reason(code), "boot.event_" + std::to_string(code));
      continue;
    }
    ++known;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_EQ(boot_event_reason(code), "boot." + name);
  }
  EXPECT_GE(known, 24u);
}

}  // namespace
}  // namespace aseptic::agent
