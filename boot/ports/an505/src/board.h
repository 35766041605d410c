// SPDX-License-Identifier: Apache-2.0
// QEMU's mps2-an505 (EMULATED): addresses, and what only this board can do.
#pragma once
#include "aseptic/boot/cortex_m/stage.h"

namespace aseptic::boot::an505 {

inline constexpr std::uint32_t kFlashBase = 0x80000000;
inline constexpr std::uint32_t kWriteUnit = 8;
inline constexpr std::uint32_t kLoadNonSecure = 0x28000000;  // SSRAM2 as the application sees it
inline constexpr std::uint32_t kLoadSecure = 0x38000000;     // ... and as boot sees it
// The last 16 bytes of SSRAM2 are the application's retained words; an image must end before them.
inline constexpr std::uint32_t kLoadSize = 0x00200000 - 16;
inline constexpr std::uint32_t kUart = 0x50200000;

// The memory that stands for flash. The rules of NOR flash are ours: a program that would set a bit, is not aligned to
// the write unit, or touches a cell that is not erased and not all-zero afterwards, stops the device as a bug.
class MemoryFlash final : public cortex_m::NorFlash {
 public:
  Status read(std::uint32_t address, MutableBytes out) override;
  Status program(std::uint32_t address, ByteView bytes) override;
  Status erase_sector(std::uint32_t address) override;
};

void start_board();
class Uart final : public cortex_m::Console {
 public:
  void put(char c) override;
  bool get(std::uint8_t& byte) override;
};
void start_watchdog(std::uint32_t seconds);
// Gives the application its share of the machine and leaves boot for good.
[[noreturn]] void run_application(std::uint32_t entry);

volatile cortex_m::RetainedCause& retained_by_boot();
volatile cortex_m::RetainedCause& retained_by_application();

}  // namespace aseptic::boot::an505
