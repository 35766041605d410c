// SPDX-License-Identifier: Apache-2.0
// QEMU's mps2-an505 (EMULATED): addresses, and what only this board can do. Used by boot_main.cpp of cortex_m.
#pragma once
#include "aseptic/boot/an505/registers.h"
#include "aseptic/boot/cortex_m/stage.h"

namespace aseptic::boot::an505 {

inline constexpr std::uint32_t kWriteUnit = 8;
// The last bytes of SSRAM2 are the application's retained words; an image must end before them.
inline constexpr std::uint32_t kLoadSize = kLoadMemorySize - kRetainedSize;
inline constexpr std::uint32_t kMailbox = kFlashBase + cortex_m::flash_area(Area::kMailbox).offset;
inline constexpr std::uint32_t kTicksPerSecond = 20'000'000;
inline constexpr std::uint32_t kTicksPerPeriod = kTicksPerSecond / 2;

// The memory that stands for flash. The rules of NOR flash are ours: a program that would set a bit, is not aligned to
// the write unit, or touches a cell that is not erased and not all-zero afterwards, stops the device as a bug.
class Flash final : public cortex_m::NorFlash {
 public:
  Status read(std::uint32_t address, MutableBytes out) override;
  Status program(std::uint32_t address, ByteView bytes) override;
  Status erase_sector(std::uint32_t address) override;
};

class Uart final : public cortex_m::Console {
 public:
  void put(char c) override;
  bool get(std::uint8_t& byte) override;
};

void start();
// The last thing before the jump: memory and peripherals become the application's, everything of boot stays out of reach.
void give_machine_to_application();

}  // namespace aseptic::boot::an505

namespace aseptic::boot {
namespace board = an505;
}
