// SPDX-License-Identifier: Apache-2.0
// Boot of the an505: wiring only.
#include "aseptic/boot/cortex_m/measure.h"
#include "board.h"

extern "C" {
extern const std::uint8_t __rom_start[];
extern const std::uint8_t __rom_end[];
}

extern "C" [[gnu::used, noreturn]] void boot_main() {
  using namespace aseptic::boot;
  an505::start_board();
  an505::MemoryFlash flash;
  an505::Uart console;
  const cortex_m::Board board{
      flash,
      console,
      std::span<std::uint8_t, kBootReportSize>(
          reinterpret_cast<std::uint8_t*>(an505::kFlashBase + cortex_m::flash_area(Area::kMailbox).offset), kBootReportSize),
      an505::kLoadNonSecure,
      {reinterpret_cast<std::uint8_t*>(an505::kLoadSecure), an505::kLoadSize},
      {__rom_start, static_cast<std::size_t>(__rom_end - __rom_start)},
      an505::retained_by_boot(),
      an505::retained_by_application()};
  Decision decision;
  cortex_m::start_measuring();
  const bool runs = ok(cortex_m::decide(board, decision));
  cortex_m::tell_measured(console);
  if (runs) {
    if (decision.kind == RunKind::kTrial || decision.kind == RunKind::kForcedTrial)
      an505::start_watchdog(cortex_m::kTrialSeconds);
    cortex_m::leave_boot(board);
    an505::run_application(static_cast<std::uint32_t>(decision.entry));
  }
  cortex_m::recover(board);
}
