// SPDX-License-Identifier: Apache-2.0
// QEMU's ast1030-evb (EMULATED): addresses, and what only this board can do. Used by boot_main.cpp of cortex_m.
#pragma once
#include "aseptic/boot/ast1030/spi_flash.h"
#include "aseptic/boot/cortex_m/stage.h"

namespace aseptic::boot::ast1030 {

inline constexpr std::uint32_t kRunAddress = 0x00020000;
inline constexpr std::uint32_t kLoadMemory = kRunAddress;
// The last 16 bytes are the application's retained words; an image must end before them.
inline constexpr std::uint32_t kLoadSize = 0x00070000 - 16;
inline constexpr std::uint32_t kMailbox = 0x000A2000;  // behind boot's memory
inline constexpr std::uint32_t kUart = 0x7E784000;
// This core has one SysTick and the application could stop it: a product takes its part's independent watchdog.
inline constexpr std::uint32_t kTicksPerSecond = 200'000'000;
inline constexpr std::uint32_t kTicksPerPeriod = kTicksPerSecond / 20;

using Flash = SpiFlash;

class Uart final : public cortex_m::Console {
 public:
  void put(char c) override { cortex_m::reg32(kUart) = static_cast<std::uint8_t>(c); }
  bool get(std::uint8_t& byte) override {
    if ((cortex_m::reg32(kUart + 0x14) & 1U) == 0) return false;
    byte = static_cast<std::uint8_t>(cortex_m::reg32(kUart));
    return true;
  }
};

inline void start() {}
// The vector table stays boot's, so that faults and the trial's watchdog end in boot.
inline void give_machine_to_application() {}

}  // namespace aseptic::boot::ast1030

namespace aseptic::boot {
namespace board = ast1030;
}
