// SPDX-License-Identifier: Apache-2.0
// Time comes in as an argument. wall() may be wrong or hostile; since_boot() never goes back and counts sleep
// (CLOCK_BOOTTIME).
#pragma once

#include <chrono>

#include "aseptic/core/utc_time.h"

namespace aseptic::platform {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual core::UtcTime wall() = 0;
  virtual std::chrono::milliseconds since_boot() = 0;
  virtual void sleep_for(std::chrono::milliseconds time) = 0;
};

}  // namespace aseptic::platform
