// SPDX-License-Identifier: Apache-2.0
// Boot of the an505: wiring only.
#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/cortex_m/crypto.h"
#include "aseptic/boot/cortex_m/exec_ram.h"
#include "board.h"

namespace {

using namespace aseptic::boot;

constexpr std::uint32_t kBootVersion = 1;
constexpr std::uint32_t kTrialSeconds = 120;

void put_hex(std::uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4)
    an505::put_char("0123456789abcdef"[(value >> shift) & 15U]);
  an505::put_char(' ');
}

// One line an event: code, place, status, value.
class ConsoleEvents final : public EventSink {
 public:
  void event(const Event& event) override {
    an505::put_char('E');
    an505::put_char(' ');
    put_hex(static_cast<std::uint32_t>(event.code));
    put_hex(static_cast<std::uint32_t>(event.place));
    put_hex(static_cast<std::uint32_t>(event.status));
    put_hex(event.value);
    an505::put_char('\n');
  }
};

// This port has a device secret, so no token needs randomness.
class NoEntropy final : public Entropy {
 public:
  Status fill(Digest&) override { return Status::kIoError; }
};

Status decide(Decision& decision) {
  an505::MemoryFlash flash;
  cortex_m::FlashStorage storage(
      flash, std::span<std::uint8_t, kBootReportSize>(
                 reinterpret_cast<std::uint8_t*>(an505::kFlashBase + cortex_m::flash_area(Area::kMailbox).offset), kBootReportSize));
  CellStore store(storage);
  cortex_m::Sha256 hasher;
  cortex_m::P256Verifier verifier;
  cortex_m::ExecRam memory(an505::kLoadNonSecure, {reinterpret_cast<std::uint8_t*>(an505::kLoadSecure), an505::kLoadSize});
  NoEntropy entropy;
  ConsoleEvents events;
  Port port{storage, store, hasher, verifier, memory, entropy, events};
  port.cause = cortex_m::take_reset_cause(an505::retained_by_boot(), an505::retained_by_application());
  port.boot_version = kBootVersion;
  return power_up(port, decision);
}

}  // namespace

extern "C" [[gnu::used, noreturn]] void boot_main() {
  an505::start_board();
  for (const char c : {'E', 'M', 'U', 'L', 'A', 'T', 'E', 'D', '\n'})
    an505::put_char(c);
  Decision decision;
  if (ok(decide(decision))) {
    if (decision.kind == RunKind::kTrial || decision.kind == RunKind::kForcedTrial) an505::start_watchdog(kTrialSeconds);
    volatile cortex_m::RetainedCause& own = an505::retained_by_boot();
    own.cause = cortex_m::kCauseMagic | static_cast<std::uint32_t>(ResetCause::kSoftware);
    own.complement = ~own.cause;
    an505::run_application(static_cast<std::uint32_t>(decision.entry));
  }
  for (;;)  // stop with an alarm
    __asm__ volatile("wfi");
}
