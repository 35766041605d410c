// SPDX-License-Identifier: Apache-2.0
// What every board's stage begins and ends with: reset, the wiring of the board into the decision, the watchdog of a
// trial, and the jump. Definitions, not declarations: a port's main.cpp includes its board.h, which names the port's
// namespace `board`, and then this, once.
#pragma once
#include "aseptic/boot/core/hardened.h"
#include "aseptic/boot/cortex_m/flash_time.h"
#include "aseptic/boot/cortex_m/measure.h"

namespace aseptic::boot {
using cortex_m::reg32;

extern "C" {
extern const std::uint8_t __rom_start[];
extern const std::uint8_t __rom_end[];
extern std::uint8_t __stack_top[];
alignas(8) extern std::uint8_t __retained[];  // without it the compiler would go through these words byte by byte
}

namespace {

// Two pairs of words that survive a reset: boot's behind its stack, and the application's at the end of what it runs in.
volatile cortex_m::RetainedCause& retained_by_boot() {
  return *reinterpret_cast<volatile cortex_m::RetainedCause*>(__retained);
}
volatile cortex_m::RetainedCause& retained_by_application() {
  return *reinterpret_cast<volatile cortex_m::RetainedCause*>(board::kLoadMemory + board::kLoadSize);
}

// Behind boot's pair: what the handler below counts down. Nothing else of boot runs any more.
volatile std::uint32_t& watchdog_periods() {
  return reg32(reinterpret_cast<std::uint32_t>(__retained) + 8);
}

void start_watchdog(std::uint32_t seconds) {
  watchdog_periods() = seconds * (board::kTicksPerSecond / board::kTicksPerPeriod);
  reg32(cortex_m::kSysTickReload) = board::kTicksPerPeriod - 1;
  reg32(cortex_m::kSysTickValue) = 0;
  reg32(cortex_m::kSysTickControl) = 7;
}

// Any fault, of boot or of the application (docs/porting.md): a lock-up, recorded at the next start.
[[noreturn]] void on_fault() {
  cortex_m::reset_with(retained_by_boot(), ResetCause::kLockUp);
}

void on_systick() {
  if (watchdog_periods() == 0) cortex_m::reset_with(retained_by_boot(), ResetCause::kWatchdog);
  watchdog_periods() = watchdog_periods() - 1;
}

}  // namespace

#ifdef ASEPTIC_BOOT_SLOW_FLASH
void cortex_m::show_flash(char c) {
  board::Uart().put(c);
}
#endif

#if defined(__ARM_ARCH_8M_MAIN__)  // the application runs in the non-secure state
#define ASEPTIC_BOOT_SET_STACK "msr msp_ns, r0\n"
#define ASEPTIC_BOOT_LEAVE "msr control_ns, r1\n msr msplim_ns, r1\n bic r0, r3, #1\n"
#define ASEPTIC_BOOT_BRANCH "bxns r0\n"
#define ASEPTIC_BOOT_LIMIT_STACK "msr msplim, r0\n"
#else
#define ASEPTIC_BOOT_SET_STACK "msr msp, r0\n"
#define ASEPTIC_BOOT_LEAVE "orr r0, r3, #1\n"
#define ASEPTIC_BOOT_BRANCH "bx r0\n"
#define ASEPTIC_BOOT_LIMIT_STACK
#endif

// SECURITY(T-55): the only way out of boot, with traps before and behind it (stage.ld), so that nothing falls into it. The
// entry comes out of the seal: without a good one there is no address to go to, whoever comes here and however.
// stack, entry, seal, kSealMask; r4 to r11 go through to the application.
extern "C" [[gnu::naked, gnu::noinline, gnu::used, gnu::section(".jump_thunk"), noreturn]] void jump_thunk(
    std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) {
  __asm__ volatile(
      "eor r3, r2, r3\n"
      "cmp r3, r1\n"
      "bne 1f\n"
      "dsb\n isb\n" ASEPTIC_BOOT_SET_STACK
      "eors r1, r3\n"
      "cbnz r1, 1f\n"
      "mov r0, r1\n"  // no stack to branch to when the next one is skipped
      ASEPTIC_BOOT_LEAVE
      "movs r2, #0\n movs r3, #0\n mov r12, r1\n mov lr, r1\n" ASEPTIC_BOOT_BRANCH
      "1: udf #0\n udf #0\n udf #0\n udf #0\n udf #0\n udf #0\n udf #0\n udf #0\n");
}

// The alias key goes to the application in r4 to r11 and stays nowhere else: from its end down to the end of boot's stack, where
// the hashes and signatures left their copies of it, everything is overwritten. SECURITY(T-55): downwards, and up to one address
// that is made anew each turn, so that a pointer or limit spoilt by a fault ends in a trap, not behind a piece of the image.
[[gnu::always_inline, noreturn]] inline void hand_over(const Digest& alias_key, std::uint32_t stack, std::uint32_t entry, std::uint32_t seal) {
  register std::uint32_t r0 __asm__("r0") = stack;
  register std::uint32_t r1 __asm__("r1") = entry;
  register std::uint32_t r2 __asm__("r2") = seal;
  register std::uint32_t r3 __asm__("r3") = kSealMask;
  register const std::uint8_t* r12 __asm__("r12") = alias_key.data();
  __asm__ volatile(
      "ldmia r12!, {r4-r11}\n"
      "1: str r3, [r12, #-4]!\n"
      "movw lr, #:lower16:__stack_limit\n movt lr, #:upper16:__stack_limit\n"
      "cmp r12, lr\n"
      "bne 1b\n"
      "b.w jump_thunk\n"
      : "+r"(r12)
      : "r"(r0), "r"(r1), "r"(r2), "r"(r3)
      : "memory", "cc");
  __builtin_unreachable();
}

// SECURITY(T-55): what was measured lies where the jump goes, not beside it. And no register points into it any more when
// boot stores for the last times.
[[gnu::noinline]] std::uint32_t stack_of(ByteView copy) {
  if (reinterpret_cast<std::uint32_t>(copy.data()) != launder(board::kLoadMemory)) __builtin_trap();
  const std::uint32_t stack = reg32(board::kLoadMemory);
  __asm__ volatile("movs r1, #0\n movs r2, #0\n movs r3, #0\n" ::: "r1", "r2", "r3", "cc");
  return stack;
}

extern "C" [[gnu::used, noreturn]] void boot_main() {
  board::start();
  board::Flash flash;
  board::Uart console;
  const cortex_m::Board wiring{
      flash,
      console,
      std::span<std::uint8_t, kBootReportSize>(reinterpret_cast<std::uint8_t*>(board::kMailbox), kBootReportSize),
      board::kRunAddress,
      {reinterpret_cast<std::uint8_t*>(board::kLoadMemory), board::kLoadSize},
      {__rom_start, static_cast<std::size_t>(__rom_end - __rom_start)},
      retained_by_boot(),
      retained_by_application()};
  Decision decision;
  cortex_m::start_measuring();
  const bool runs = ok(cortex_m::decide(wiring, decision));
  cortex_m::tell_measured(console);
  if (runs) {
    if (decision.kind == RunKind::kTrial || decision.kind == RunKind::kForcedTrial) start_watchdog(cortex_m::kTrialSeconds);
    cortex_m::leave_boot(wiring);
    const std::uint32_t stack = stack_of(decision.copy);  // which is out of boot's reach afterwards
    board::give_machine_to_application();
    // SECURITY(T-55): no register points into the image before the last store is done.
    __asm__ volatile("" ::: "memory");
    const auto entry = static_cast<std::uint32_t>(decision.entry);
    // SECURITY(T-55): the first of the checks of the seal; the thunk makes two more.
    if (launder(decision.seal) != jump_seal(entry)) __builtin_trap();
    hand_over(decision.alias_key, stack, entry, decision.seal);
  }
  cortex_m::recover(wiring);
}

extern "C" [[gnu::naked, noreturn]] void reset_entry() {
  __asm__ volatile(
      "movw r0, #:lower16:__stack_limit\n movt r0, #:upper16:__stack_limit\n" ASEPTIC_BOOT_LIMIT_STACK
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

}  // namespace aseptic::boot
