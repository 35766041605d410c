// SPDX-License-Identifier: Apache-2.0
// The system's clocks. Built by every main(); everything below takes platform::Clock.
//
// wall() goes through the C library, so that a preloaded library may shift it (tests of expiry). since_boot() asks the
// kernel directly: durations such as stall limits must not depend on a wall clock that somebody turned.
// Thread contract: no state; may be shared.
#pragma once

#include "aseptic/platform/clock.h"

namespace aseptic::platform {

class PosixClock : public Clock {
 public:
  core::UtcTime wall() override;
  std::chrono::milliseconds since_boot() override;
  void sleep_for(std::chrono::milliseconds time) override;
};

}  // namespace aseptic::platform
