// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/cortex_m/stage.h"

#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/core/uart_frame.h"
#include "aseptic/boot/cortex_m/crypto.h"
#include "aseptic/boot/cortex_m/exec_ram.h"

namespace aseptic::boot::cortex_m {
namespace {

void put_hex(Console& console, std::uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4)
    console.put("0123456789abcdef"[(value >> shift) & 15U]);
  console.put(' ');
}

class ConsoleEvents final : public EventSink {
 public:
  explicit ConsoleEvents(Console& console) : console_(console) {}
  void event(const Event& event) override {
    console_.put('E');
    console_.put(' ');
    put_hex(console_, static_cast<std::uint32_t>(event.code));
    put_hex(console_, static_cast<std::uint32_t>(event.place));
    put_hex(console_, static_cast<std::uint32_t>(event.status));
    put_hex(console_, event.value);
    console_.put('\n');
  }

 private:
  Console& console_;
};

// These ports have a device secret, so no token needs randomness.
class NoEntropy final : public Entropy {
 public:
  Status fill(Digest&) override { return Status::kIoError; }
};

// SECURITY(T-49): closed only when two independent copies say so; anything else, a register that cannot be read included, is
// open and production.
[[gnu::noinline]] void read_hardware_state(NorFlash& flash, HardwareReading& out) {
  HardwareState state{};
  const bool read = ok(flash.read(kHardwareState.offset, {reinterpret_cast<std::uint8_t*>(&state), sizeof state}));
  const bool closed = read && state.debug_closed == kDebugClosed && state.debug_inverted == ~kDebugClosed;
  out.debug = closed ? DebugPort::kClosed : DebugPort::kOpen;
  if (!read || state.life_cycle == kFusedProduction) out.fused_life_cycle = LifeCycle::kProduction;
  if (state.debug_policy == kFusedDegraded) out.debug_policy = DebugPolicy::kDegraded;
}

}  // namespace

Status decide(const Board& board, Decision& out) {
  for (const char* text = "EMULATED\n"; *text != '\0'; ++text)
    board.console.put(*text);
  FlashStorage storage(board.flash, board.mailbox);
  CellStore store(storage);
  Sha256 hasher;
  PairVerifier verifier(hasher);
  ExecRam memory(board.run_address, board.load_memory);
  NoEntropy entropy;
  ConsoleEvents events(board.console);
  Port port{storage, store, hasher, verifier, memory, entropy, events};
  // SECURITY(T-55): the two readings stand apart, so that no skip leaves out both.
  read_hardware_state(board.flash, port.hardware);
  take_reset_cause(board.own_cause, board.application_cause, port.cause, port.cause_doubt);
  port.boot_version = kBootVersion;
  copy_digest(port.boot_digest, hash_of(hasher, board.code));
  read_hardware_state(board.flash, port.hardware_again);
  P256Signer signer;
  port.report_signer = &signer;
  return power_up(port, out);
}

void recover(const Board& board) {
  FlashStorage storage(board.flash, board.mailbox);
  UartReceiver receiver(storage);
  UartFrameReader reader;
  UartFrame frame;
  std::uint8_t byte = 0;
  for (;;) {
    if (!board.console.get(byte)) {
      // An emulator's processor that polls a register without a pause keeps the line from being served. Shorter than a
      // byte at 115,200 baud on any of these cores.
      for (int i = 0; i < 400; ++i)
        __asm__ volatile("nop");
      continue;
    }
    if (!reader.push(byte, frame)) continue;
    const UartReceiver::Answer answer = receiver.take(frame);
    board.console.put(static_cast<char>(answer));
    if (answer == UartReceiver::Answer::kDone) reset_with(board.own_cause, ResetCause::kSoftware);
  }
}

void leave_boot(const Board& board) {
  board.own_cause.cause = kCauseMagic | static_cast<std::uint32_t>(ResetCause::kSoftware);
  board.own_cause.complement = ~board.own_cause.cause;
}

}  // namespace aseptic::boot::cortex_m
