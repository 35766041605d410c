// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include "aseptic/boot/cortex_m/flash_time.h"

using aseptic::boot::cortex_m::reg32;

namespace aseptic::boot::an505 {
namespace {

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

Status Flash::read(std::uint32_t address, MutableBytes out) {
  copy_bytes(out, {reinterpret_cast<const std::uint8_t*>(kFlashBase + address), out.size()});
  return Status::kOk;
}

Status Flash::program(std::uint32_t address, ByteView bytes) {
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

Status Flash::erase_sector(std::uint32_t address) {
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

void start() {
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

void give_machine_to_application() {
  open_load_memory();
  open_peripherals();
  open_range(0, kRunAddress, 0x281FFFFF);
  open_range(1, kFlashBase + cortex_m::kApplicationArea, 0x80FFFFFF);
  open_range(2, 0x40000000, 0x4FFFFFFF);
  reg32(kSauControl) = 1;
  // SECURITY: the secure SysTick and faults outrank everything the application can mask.
  reg32(cortex_m::kResetControl) = cortex_m::kResetKey | kPrioritiseSecure;
  reg32(kNonSecureVectorTable) = kRunAddress;
}

}  // namespace aseptic::boot::an505
