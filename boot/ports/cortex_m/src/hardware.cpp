// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/hardware.h"

namespace aseptic::boot::cortex_m {
namespace {

std::uint32_t take(volatile RetainedCause& retained) {
  const std::uint32_t cause = retained.cause;
  const bool valid = retained.complement == ~cause && (cause & ~0xFFU) == kCauseMagic;
  retained.cause = 0;
  retained.complement = 0;
  return valid ? cause & 0xFFU : 0;
}

}  // namespace

ResetCause take_reset_cause(volatile RetainedCause& boots, volatile RetainedCause& applications) {
  const std::uint32_t own = take(boots);
  const std::uint32_t commanded = take(applications);
  if (own == static_cast<std::uint32_t>(ResetCause::kWatchdog) || own == static_cast<std::uint32_t>(ResetCause::kLockUp))
    return static_cast<ResetCause>(own);
  if (own != static_cast<std::uint32_t>(ResetCause::kSoftware)) return ResetCause::kPowerOn;  // boot has not run since power came
  return commanded == static_cast<std::uint32_t>(ResetCause::kCommanded) ? ResetCause::kCommanded : ResetCause::kSoftware;
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
