// SPDX-License-Identifier: Apache-2.0
// QEMU's ast1030-evb (EMULATED): addresses, and what only this board can do.
#pragma once
#include "aseptic/boot/cortex_m/stage.h"

namespace aseptic::boot::ast1030 {

inline constexpr std::uint32_t kLoadAddress = 0x00020000;
// The last 16 bytes are the application's retained words; an image must end before them.
inline constexpr std::uint32_t kLoadSize = 0x00070000 - 16;
inline constexpr std::uint32_t kMailbox = 0x000A2000;  // behind boot's memory
inline constexpr std::uint32_t kUart = 0x7E784000;

class Uart final : public cortex_m::Console {
 public:
  void put(char c) override { cortex_m::reg32(kUart) = static_cast<std::uint8_t>(c); }
  bool get(std::uint8_t& byte) override {
    if ((cortex_m::reg32(kUart + 0x14) & 1U) == 0) return false;
    byte = static_cast<std::uint8_t>(cortex_m::reg32(kUart));
    return true;
  }
};

void start_watchdog(std::uint32_t seconds);
[[noreturn]] void run_application(std::uint32_t entry);

volatile cortex_m::RetainedCause& retained_by_boot();
volatile cortex_m::RetainedCause& retained_by_application();

}  // namespace aseptic::boot::ast1030
