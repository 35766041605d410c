// SPDX-License-Identifier: Apache-2.0
// Boot of the ast1030: wiring only.
#include "aseptic/boot/cortex_m/measure.h"
#include "board.h"
#include "aseptic/boot/ast1030/spi_flash.h"

extern "C" {
extern const std::uint8_t __rom_start[];
extern const std::uint8_t __rom_end[];
}

extern "C" [[gnu::used, noreturn]] void boot_main() {
  using namespace aseptic::boot;
  ast1030::SpiFlash flash;
  ast1030::Uart console;
  const cortex_m::Board board{
      flash,
      console,
      std::span<std::uint8_t, kBootReportSize>(reinterpret_cast<std::uint8_t*>(ast1030::kMailbox), kBootReportSize),
      ast1030::kLoadAddress,
      {reinterpret_cast<std::uint8_t*>(ast1030::kLoadAddress), ast1030::kLoadSize},
      {__rom_start, static_cast<std::size_t>(__rom_end - __rom_start)},
      ast1030::retained_by_boot(),
      ast1030::retained_by_application()};
  Decision decision;
  cortex_m::start_measuring();
  const bool runs = ok(cortex_m::decide(board, decision));
  cortex_m::tell_measured(console);
  if (runs) {
    if (decision.kind == RunKind::kTrial || decision.kind == RunKind::kForcedTrial)
      ast1030::start_watchdog(cortex_m::kTrialSeconds);
    cortex_m::leave_boot(board);
    ast1030::run_application(static_cast<std::uint32_t>(decision.entry));
  }
  cortex_m::recover(board);
}
