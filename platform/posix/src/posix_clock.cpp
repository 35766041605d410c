// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "aseptic/core/assert.h"

namespace aseptic::platform {

core::UtcTime PosixClock::wall() {
  timespec now{};
  ASEPTIC_ASSERT(::clock_gettime(CLOCK_REALTIME, &now) == 0);
  return core::UtcTime(std::chrono::seconds(now.tv_sec));
}

std::chrono::milliseconds PosixClock::since_boot() {
  timespec now{};
  ASEPTIC_ASSERT(::syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::milliseconds(now.tv_nsec / 1'000'000);
}

void PosixClock::sleep_for(std::chrono::milliseconds time) {
  timespec left{};
  left.tv_sec = static_cast<time_t>(time.count() / 1000);
  left.tv_nsec = static_cast<long>(time.count() % 1000) * 1'000'000;
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace aseptic::platform
