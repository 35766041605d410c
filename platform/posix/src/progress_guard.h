// SPDX-License-Identifier: Apache-2.0
// Ends an exchange that makes no progress, or too little (T-16). Private to platform/posix.
//
// Only what the caller reports by moved() counts: bytes of a handshake or of a header do not, so a server cannot keep
// us by dripping those. Time that our own side needs (the sink) is taken out by pause() and resume().
#pragma once

#include "aseptic/core/result.h"
#include "aseptic/platform/clock.h"

namespace aseptic::platform {

class ProgressGuard {
 public:
  struct Limits {
    std::chrono::milliseconds stall_max{0};
    std::uint64_t rate_min_bytes_per_s = 0;   // 0 = off
    std::chrono::milliseconds rate_window{0};
  };
  ProgressGuard(Clock& clock, const Limits& limits);

  // Waits until the descriptor is ready for `events` (poll) or a limit is reached.
  core::Result<void> wait(int fd, short events);
  core::Result<void> moved(std::uint64_t bytes);
  // From here on the minimum rate holds; before, a server may take its time to answer, within stall_max.
  void begin_rate();
  void pause();
  void resume();

 private:
  core::Result<void> check();

  Clock& clock_;
  Limits limits_;
  std::chrono::milliseconds last_progress_;
  std::chrono::milliseconds window_start_;
  std::chrono::milliseconds paused_at_{0};
  std::uint64_t window_bytes_ = 0;
  bool rate_holds_ = false;
};

}  // namespace aseptic::platform
