// SPDX-License-Identifier: Apache-2.0
// Registers of the Armv7-M and Armv8-M cores that boot uses, and the words that survive a reset.
#pragma once
#include <cstdint>

#include "aseptic/boot/format/mailbox.h"

namespace aseptic::boot::cortex_m {

inline volatile std::uint32_t& reg32(std::uint32_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}
inline volatile std::uint8_t& reg8(std::uint32_t address) {
  return *reinterpret_cast<volatile std::uint8_t*>(address);
}

inline constexpr std::uint32_t kSysTickControl = 0xE000E010;
inline constexpr std::uint32_t kSysTickReload = 0xE000E014;
inline constexpr std::uint32_t kSysTickValue = 0xE000E018;
inline constexpr std::uint32_t kVectorTable = 0xE000ED08;
inline constexpr std::uint32_t kResetControl = 0xE000ED0C;  // AIRCR
inline constexpr std::uint32_t kResetKey = 0x05FA0000;
inline constexpr std::uint32_t kResetRequest = 1U << 2U;

// A word and its complement in memory that a reset does not clear; anything else there means "power was lost".
// Boot's own words are out of the application's reach; the application's say only that it commanded the reset.
struct RetainedCause {
  std::uint32_t cause;
  std::uint32_t complement;
};
inline constexpr std::uint32_t kCauseMagic = 0xC0A5E000;  // plus the ResetCause

// Reads and clears both pairs. Boot's own says watchdog or lock-up and wins; without any, power was lost.
// `doubt`: 0 when a second judgement of the same words agrees.
void take_reset_cause(volatile RetainedCause& boots, volatile RetainedCause& applications, volatile ResetCause& cause, std::uint32_t& doubt);
[[noreturn, gnu::noinline]] void reset_with(volatile RetainedCause& boots, ResetCause cause);

}  // namespace aseptic::boot::cortex_m
