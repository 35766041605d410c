// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/hardware.h"

#include "aseptic/boot/core/hardened.h"

namespace aseptic::boot::cortex_m {
namespace {

std::uint32_t take(volatile RetainedCause& retained) {
  const std::uint32_t cause = retained.cause;
  const bool valid = retained.complement == ~cause && (cause & ~0xFFU) == kCauseMagic;
  retained.cause = 0;
  retained.complement = 0;
  return valid ? cause & 0xFFU : 0;
}

[[gnu::noinline]] ResetCause cause_of(std::uint32_t own, std::uint32_t commanded) {
  if (own == static_cast<std::uint32_t>(ResetCause::kWatchdog) || own == static_cast<std::uint32_t>(ResetCause::kLockUp))
    return static_cast<ResetCause>(own);
  if (own != static_cast<std::uint32_t>(ResetCause::kSoftware)) return ResetCause::kPowerOn;  // boot has not run since power came
  return commanded == static_cast<std::uint32_t>(ResetCause::kCommanded) ? ResetCause::kCommanded : ResetCause::kSoftware;
}

}  // namespace

void take_reset_cause(volatile RetainedCause& boots, volatile RetainedCause& applications, volatile ResetCause& cause, std::uint32_t& doubt) {
  const std::uint32_t own = take(boots);
  const std::uint32_t commanded = take(applications);
  cause = cause_of(own, commanded);
  // SECURITY(T-55): asked again, and compared with what was stored; one fault makes a commanded reset of one answer only.
  doubt = static_cast<std::uint32_t>(cause) ^ static_cast<std::uint32_t>(cause_of(launder(own), launder(commanded)));
}

void reset_with(volatile RetainedCause& boots, ResetCause cause) {
  boots.cause = kCauseMagic | static_cast<std::uint32_t>(cause);
  boots.complement = ~boots.cause;
  __asm__ volatile("dsb" ::: "memory");
  reg32(kResetControl) = kResetKey | kResetRequest;
  for (;;) {
  }
}

}  // namespace aseptic::boot::cortex_m
