// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include "aseptic/boot/cortex_m/flash_time.h"

using aseptic::boot::cortex_m::reg32;
using aseptic::boot::cortex_m::reg8;

extern "C" {
extern std::uint8_t __stack_limit[];
extern std::uint8_t __stack_top[];
extern std::uint8_t __retained[];
[[noreturn]] void boot_main();
}

#ifdef ASEPTIC_BOOT_SLOW_FLASH
void aseptic::boot::cortex_m::show_flash(char c) {
  an505::Uart().put(c);
}
#endif

namespace aseptic::boot::an505 {
namespace {

constexpr std::uint32_t kTicksPerSecond = 20'000'000;
constexpr std::uint32_t kTicksPerPeriod = kTicksPerSecond / 2;
constexpr std::uint32_t kMpu = 0xE000ED90;
constexpr std::uint32_t kSauControl = 0xE000EDD0;
constexpr std::uint32_t kSauNumber = 0xE000EDD8;
constexpr std::uint32_t kSauBase = 0xE000EDDC;
constexpr std::uint32_t kSauLimit = 0xE000EDE0;
constexpr std::uint32_t kNonSecureVectorTable = 0xE002ED08;
constexpr std::uint32_t kMpcSsram2 = 0x58008000;
constexpr std::uint32_t kPeripheralControl = 0x50080000;
constexpr std::uint32_t kPrioritiseSecure = 1U << 14U;

void open_range(std::uint32_t number, std::uint32_t first, std::uint32_t last) {
  reg32(kSauNumber) = number;
  reg32(kSauBase) = first;
  reg32(kSauLimit) = (last & ~0x1FU) | 1U;
}

// SSRAM2 becomes non-secure as a whole: block by block in the memory protection controller.
void open_load_memory() {
  const std::uint32_t blocks = reg32(kMpcSsram2 + 0x10) + 1;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    reg32(kMpcSsram2 + 0x18) = i;
    reg32(kMpcSsram2 + 0x1C) = ~0U;
  }
}

void open_peripherals() {
  for (std::uint32_t group = 0; group < 4; ++group) {
    reg32(kPeripheralControl + 0x60 + 4 * group) = ~0U;  // AHB expansion
    reg32(kPeripheralControl + 0x80 + 4 * group) = ~0U;  // APB expansion
  }
}

}  // namespace

Status MemoryFlash::read(std::uint32_t address, MutableBytes out) {
  copy_bytes(out, {reinterpret_cast<const std::uint8_t*>(kFlashBase + address), out.size()});
  return Status::kOk;
}

Status MemoryFlash::program(std::uint32_t address, ByteView bytes) {
  if (address % kWriteUnit != 0 || bytes.size() % kWriteUnit != 0) __builtin_trap();
  cortex_m::FlashOperation operation;
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    operation.step(cortex_m::kProgramEffort);
    std::uint32_t word = 0;
    copy_bytes({reinterpret_cast<std::uint8_t*>(&word), 4}, bytes.subspan(i, 4));
    volatile std::uint32_t& cell = reg32(kFlashBase + address + i);
    if (cell != ~0U && word != 0) __builtin_trap();  // only burning to all zero may touch a programmed cell
    cell = cell & word;
  }
  return Status::kOk;
}

Status MemoryFlash::erase_sector(std::uint32_t address) {
  cortex_m::FlashOperation operation;
  for (std::uint32_t i = 0; i < cortex_m::kSectorSize; i += 4) {
    operation.step(cortex_m::kEraseEffort);
    reg32(kFlashBase + address + i) = ~0U;
  }
  return Status::kOk;
}

// SECURITY(T-55): in the secure state only boot's own code is executable: whatever goes astray ends in a fault instead
// of in a stack, a work buffer or an image. The image runs in the non-secure state, which this unit does not govern.
void protect_execution() {
  constexpr std::uint32_t kNever = 1, kOn = 1, kDefaultMapBehind = 4, kNormalMemory = 0x44;
  auto* const mpu = reinterpret_cast<volatile std::uint32_t*>(kMpu);
  mpu[0x30 / 4] = kNormalMemory;
  mpu[0x0C / 4] = 0x20000000 | kNever;  // region 0, two more registers each: up to 0x3FFFFFFF, then 0x60000000 to 0x9FFFFFFF
  mpu[0x10 / 4] = 0x3FFFFFE0 | kOn;
  mpu[0x14 / 4] = 0x60000000 | kNever;
  mpu[0x18 / 4] = 0x9FFFFFE0 | kOn;
  mpu[0x04 / 4] = kOn | kDefaultMapBehind;
  __asm__ volatile("dsb\n isb\n" ::: "memory");
}

void start_board() {
  protect_execution();
  reg32(kUart + 16) = 16;  // divisor: the fastest
  reg32(kUart + 8) = 3;    // transmitter and receiver on
  [[maybe_unused]] const std::uint32_t stale = reg32(kUart);  // what came before is nobody's
}

void Uart::put(char c) {
  while ((reg32(kUart + 4) & 1U) != 0) {
  }
  reg32(kUart) = static_cast<std::uint8_t>(c);
}

bool Uart::get(std::uint8_t& byte) {
  if ((reg32(kUart + 4) & 2U) == 0) return false;
  byte = static_cast<std::uint8_t>(reg32(kUart));
  return true;
}

// The counter in the top word of the stack is what the handler counts down: nothing else of boot runs any more.
void start_watchdog(std::uint32_t seconds) {
  reg32(reinterpret_cast<std::uint32_t>(__retained) + 8) = seconds * (kTicksPerSecond / kTicksPerPeriod);
  reg32(cortex_m::kSysTickReload) = kTicksPerPeriod - 1;
  reg32(cortex_m::kSysTickValue) = 0;
  reg32(cortex_m::kSysTickControl) = 7;
}

void run_application(std::uint32_t entry) {
  const std::uint32_t stack = reg32(kLoadSecure);
  open_load_memory();
  open_peripherals();
  open_range(0, kLoadNonSecure, 0x281FFFFF);
  open_range(1, kFlashBase + cortex_m::kApplicationArea, 0x80FFFFFF);
  open_range(2, 0x40000000, 0x4FFFFFFF);
  reg32(kSauControl) = 1;
  // SECURITY: the secure SysTick and faults outrank everything the application can mask.
  reg32(cortex_m::kResetControl) = cortex_m::kResetKey | kPrioritiseSecure;
  reg32(kNonSecureVectorTable) = kLoadNonSecure;
  __asm__ volatile(
      "dsb\n isb\n"
      "msr msp_ns, %0\n"
      "movs r1, #0\n"
      "msr control_ns, r1\n"
      "msr msplim_ns, r1\n"
      "bic r0, %1, #1\n"
      "movs r2, #0\n movs r3, #0\n movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
      "mov r8, r1\n mov r9, r1\n mov r10, r1\n mov r11, r1\n mov r12, r1\n mov lr, r1\n"
      "bxns r0\n"
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
  return *reinterpret_cast<volatile cortex_m::RetainedCause*>(kLoadSecure + kLoadSize);
}

}  // namespace aseptic::boot::an505

namespace {

using namespace aseptic::boot;

// Any fault, of boot or (secure faults, escalated faults) of the application: a lock-up, recorded at the next start.
[[noreturn]] void on_fault() {
  cortex_m::reset_with(an505::retained_by_boot(), ResetCause::kLockUp);
}

void on_systick() {
  volatile std::uint32_t& left = reg32(reinterpret_cast<std::uint32_t>(__retained) + 8);
  if (left == 0) cortex_m::reset_with(an505::retained_by_boot(), ResetCause::kWatchdog);
  left = left - 1;
}

}  // namespace

extern "C" [[gnu::naked, noreturn]] void reset_entry() {
  __asm__ volatile(
      "movw r0, #:lower16:__stack_limit\n movt r0, #:upper16:__stack_limit\n"
      "msr msplim, r0\n"
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
