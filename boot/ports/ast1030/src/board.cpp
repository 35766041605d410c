// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include "aseptic/boot/cortex_m/flash_time.h"

using aseptic::boot::cortex_m::reg32;

extern "C" {
extern std::uint8_t __stack_top[];
extern std::uint8_t __retained[];
[[noreturn]] void boot_main();
}

#ifdef ASEPTIC_BOOT_SLOW_FLASH
void aseptic::boot::cortex_m::show_flash(char c) {
  ast1030::Uart().put(c);
}
#endif

namespace aseptic::boot::ast1030 {
namespace {

constexpr std::uint32_t kTicksPerSecond = 200'000'000;
constexpr std::uint32_t kTicksPerPeriod = kTicksPerSecond / 20;

volatile std::uint32_t& watchdog_periods() {
  return reg32(reinterpret_cast<std::uint32_t>(__retained) + 8);
}

// Any fault of boot, and of an application that keeps boot's vector table.
[[noreturn]] void on_fault() {
  cortex_m::reset_with(retained_by_boot(), ResetCause::kLockUp);
}

void on_systick() {
  if (watchdog_periods() == 0) cortex_m::reset_with(retained_by_boot(), ResetCause::kWatchdog);
  watchdog_periods() = watchdog_periods() - 1;
}

}  // namespace

// This core has one SysTick and the application could stop it: a product takes its part's independent watchdog.
void start_watchdog(std::uint32_t seconds) {
  watchdog_periods() = seconds * (kTicksPerSecond / kTicksPerPeriod);
  reg32(cortex_m::kSysTickReload) = kTicksPerPeriod - 1;
  reg32(cortex_m::kSysTickValue) = 0;
  reg32(cortex_m::kSysTickControl) = 7;
}

// The vector table stays boot's, so that faults and the trial's watchdog end in boot.
void run_application(std::uint32_t entry) {
  const std::uint32_t stack = reg32(kLoadAddress);
  __asm__ volatile(
      "dsb\n isb\n"
      "msr msp, %0\n"
      "orr r0, %1, #1\n"
      "movs r1, #0\n movs r2, #0\n movs r3, #0\n movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
      "mov r8, r1\n mov r9, r1\n mov r10, r1\n mov r11, r1\n mov r12, r1\n mov lr, r1\n"
      "bx r0\n"
      "udf #0\n udf #0\n udf #0\n udf #0\n"
      :
      : "r"(stack), "r"(entry)
      : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "memory");
  __builtin_unreachable();
}

volatile cortex_m::RetainedCause& retained_by_boot() {
  return *reinterpret_cast<volatile cortex_m::RetainedCause*>(__retained);
}
volatile cortex_m::RetainedCause& retained_by_application() {
  return *reinterpret_cast<volatile cortex_m::RetainedCause*>(kLoadAddress + kLoadSize);
}

extern "C" [[gnu::naked, noreturn]] void reset_entry() {
  __asm__ volatile(
      "movw r0, #:lower16:__stack_limit\n movt r0, #:upper16:__stack_limit\n"
      "movw r1, #:lower16:__stack_top\n movt r1, #:upper16:__stack_top\n"
      "movw r2, #0x5AA5\n movt r2, #0x5AA5\n"
      "1: str r2, [r0], #4\n"
      "cmp r0, r1\n"
      "bne 1b\n"
      "bl boot_main\n"
      "udf #0\n");
}

using Handler = void (*)();
[[gnu::section(".vectors"), gnu::used]] const Handler kVectors[16] = {
    reinterpret_cast<Handler>(__stack_top), reset_entry, on_fault, on_fault, on_fault, on_fault, on_fault, on_fault,
    on_fault, on_fault, on_fault, on_fault, on_fault, on_fault, on_fault, on_systick};

}  // namespace aseptic::boot::ast1030
