// SPDX-License-Identifier: Apache-2.0
#include "progress_guard.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "aseptic/platform/codes.h"

namespace aseptic::platform {

using core::Error;
using core::Result;

ProgressGuard::ProgressGuard(Clock& clock, const Limits& limits)
    : clock_(clock), limits_(limits), last_progress_(clock.since_boot()), window_start_(last_progress_) {}

// SECURITY(T-16): both rules of the slow retrieval defence.
Result<void> ProgressGuard::check() {
  const auto now = clock_.since_boot();
  if (now - last_progress_ >= limits_.stall_max)
    return Error(PlatformCode::kNetStalled,
                 "the server made no progress for " + std::to_string(limits_.stall_max.count() / 1000) + " s");
  if (!rate_holds_ || now - window_start_ < limits_.rate_window) return {};
  const auto elapsed_ms = static_cast<std::uint64_t>((now - window_start_).count());
  if (window_bytes_ * 1000 < limits_.rate_min_bytes_per_s * elapsed_ms)
    return Error(PlatformCode::kNetStalled, "the server is slower than " + std::to_string(limits_.rate_min_bytes_per_s) +
                                                " bytes per second");
  window_start_ = now;
  window_bytes_ = 0;
  return {};
}

Result<void> ProgressGuard::wait(int fd, short events) {
  while (true) {
    ASEPTIC_TRY_VOID(check());
    const auto now = clock_.since_boot();
    auto left = limits_.stall_max - (now - last_progress_);
    if (rate_holds_) left = std::min(left, limits_.rate_window - (now - window_start_));
    const auto timeout = std::clamp<std::int64_t>(left.count(), 1, 3'600'000);
    pollfd watched{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(timeout));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Error(PlatformCode::kNetProtocol, "the connection cannot be watched");
  }
}

Result<void> ProgressGuard::moved(std::uint64_t bytes) {
  if (bytes > 0) last_progress_ = clock_.since_boot();
  window_bytes_ += bytes;
  return check();
}

void ProgressGuard::begin_rate() {
  rate_holds_ = limits_.rate_min_bytes_per_s != 0;
  window_start_ = clock_.since_boot();
  window_bytes_ = 0;
}

void ProgressGuard::pause() { paused_at_ = clock_.since_boot(); }

void ProgressGuard::resume() {
  const auto own_time = clock_.since_boot() - paused_at_;
  last_progress_ += own_time;
  window_start_ += own_time;
}

}  // namespace aseptic::platform
