// SPDX-License-Identifier: Apache-2.0
// The pump's microcontroller on QEMU's mps2-an505 (EMULATED): non-secure state, started by the boot stage at 0x28000000.
// UART 0 is the line to the agent (boot's console before that); UART 1 is the operator's panel, one character a button.
#include "aseptic/boot/cortex_m/crypto.h"
#include "aseptic/boot/cortex_m/hardware.h"
#include "aseptic/boot/cortex_m/nor_flash.h"
#include "aseptic/pump_mcu/firmware.h"

#ifndef ASEPTIC_PUMP_MCU_VERSION
#error "the build names the version"
#endif

extern "C" std::uint8_t __stack_top[];

namespace aseptic::pump_mcu {
namespace {

using boot::ByteView;
using boot::Digest;
using boot::MutableBytes;
using boot::cortex_m::reg32;
namespace cortex_m = boot::cortex_m;

constexpr std::uint32_t kFlashBase = 0x80000000;
constexpr std::uint32_t kAgentUart = 0x40200000;
constexpr std::uint32_t kPanelUart = 0x40201000;
constexpr std::uint32_t kRetained = 0x28200000 - 16;
constexpr std::uint32_t kTicksPerSecond = 20'000'000;
constexpr std::uint32_t kTickMs = 10;
constexpr std::uint32_t kQuietMs = 30;
// Version 3 believes in a wrong motor constant, which its self-test finds.
constexpr std::uint32_t kStepsPerMl = ASEPTIC_PUMP_MCU_VERSION == 3 ? 2600 : 2000;

volatile std::uint32_t g_ticks;

class MemoryFlash final : public cortex_m::NorFlash {
 public:
  boot::Status read(std::uint32_t address, MutableBytes out) override {
    boot::copy_bytes(out, {reinterpret_cast<const std::uint8_t*>(kFlashBase + address), out.size()});
    return boot::Status::kOk;
  }
  boot::Status program(std::uint32_t address, ByteView bytes) override {
    for (std::uint32_t i = 0; i < bytes.size(); ++i) {
      volatile std::uint8_t& cell = cortex_m::reg8(kFlashBase + address + i);
      cell = cell & bytes[i];
    }
    return boot::Status::kOk;
  }
  boot::Status erase_sector(std::uint32_t address) override {
    for (std::uint32_t i = 0; i < cortex_m::kSectorSize; i += 4)
      reg32(kFlashBase + address + i) = ~0U;
    return boot::Status::kOk;
  }
};

class Sectors final : public boot::SectorMap {
 public:
  boot::AreaOffset sector_end(boot::Area, boot::AreaOffset offset) override {
    return (offset / cortex_m::kSectorSize + 1) * cortex_m::kSectorSize;
  }
};

class TickClock final : public interlock::Clock {
 public:
  // 64 bits of a 32-bit count that wraps after 497 days.
  std::uint64_t boottime_ms() override {
    const std::uint32_t now = g_ticks;
    if (now < last_) ++wraps_;
    last_ = now;
    return (std::uint64_t{wraps_} << 32U | now) * kTickMs;
  }

 private:
  std::uint32_t last_ = 0;
  std::uint32_t wraps_ = 0;
};

// The key of this component's leases, put into the application's data at provisioning.
// SECURITY: deterministic nonces (HMAC over the message digest): no bad random number can give the key away.
class KeySigner final : public interlock::LeaseSigner {
 public:
  KeySigner(cortex_m::NorFlash& flash, boot::Hasher& hasher) : flash_(flash), hasher_(hasher) {}
  interlock::Status sign(interlock::Bytes region, interlock::Signature& out) override {
    Digest key{};
    if (!boot::ok(flash_.read(cortex_m::kApplicationData.offset, key))) return interlock::Status::kSigner;
    const Digest digest = boot::hash_of(hasher_, region);
    const Digest nonce = boot::hmac(hasher_, key, digest);
    cortex_m::P256Signer signer;
    return signer.sign(key, nonce, digest, out.bytes) ? interlock::Status::kSuccess : interlock::Status::kSigner;
  }

 private:
  cortex_m::NorFlash& flash_;
  boot::Hasher& hasher_;
};

class Reset final : public interlock::ResetLine {
 public:
  void command_reset(interlock::ResetPurpose) override {
    cortex_m::reset_with(*reinterpret_cast<volatile cortex_m::RetainedCause*>(kRetained), boot::ResetCause::kCommanded);
  }
};

void start_uart(std::uint32_t uart) {
  reg32(uart + 16) = 16;  // divisor: the fastest
  reg32(uart + 8) = 3;
}
bool get(std::uint32_t uart, std::uint8_t& byte) {
  if ((reg32(uart + 4) & 2U) == 0) return false;
  byte = static_cast<std::uint8_t>(reg32(uart));
  return true;
}
void put(std::uint32_t uart, std::uint8_t byte) {
  while ((reg32(uart + 4) & 1U) != 0) {
  }
  reg32(uart) = byte;
}
void put_text(const char* text) {
  for (; *text != '\0'; ++text)
    put(kPanelUart, static_cast<std::uint8_t>(*text));
}

class UartLine final : public Line {
 public:
  void send(ByteView bytes) override {
    for (const std::uint8_t byte : bytes)
      put(kAgentUart, byte);
  }
};

// The panel's answer: what the motor does now.
void tell(const Firmware& firmware, const char* word) {
  put_text("EMULATED pump-mcu v");
  put(kPanelUart, '0' + ASEPTIC_PUMP_MCU_VERSION);
  put_text(" ");
  put_text(word);
  put_text(firmware.motor().state() == MotorState::kInfusing ? " infusing\n"
           : firmware.motor().state() == MotorState::kAlarm  ? " alarm\n"
                                                             : " idle\n");
}

void run() {
  start_uart(kAgentUart);
  start_uart(kPanelUart);
  reg32(cortex_m::kSysTickReload) = kTicksPerSecond / 1000 * kTickMs - 1;
  reg32(cortex_m::kSysTickValue) = 0;
  reg32(cortex_m::kSysTickControl) = 7;
  MemoryFlash flash;
  cortex_m::FlashStorage storage(flash, std::span<std::uint8_t, boot::kBootReportSize>(
      reinterpret_cast<std::uint8_t*>(kFlashBase + cortex_m::flash_area(boot::Area::kMailbox).offset), boot::kBootReportSize));
  Sectors sectors;
  cortex_m::Sha256 hasher;
  TickClock clock;
  KeySigner signer(flash, hasher);
  Reset reset;
  UartLine line;
  Firmware firmware({storage, sectors, hasher, clock, signer, reset, line}, kStepsPerMl);
  tell(firmware, boot::ok(firmware.start()) ? "started" : "has no boot report");
  std::uint64_t polled_ms = 0, heard_ms = 0;
  for (;;) {
    // Sleeps until the next tick when the lines are quiet; while bytes come, none waits for a tick.
    if (clock.boottime_ms() > heard_ms + kQuietMs) __asm__ volatile("wfi");
    std::uint8_t byte = 0;
    if (get(kAgentUart, byte)) {
      heard_ms = clock.boottime_ms();
      firmware.byte_from_agent(byte);
    }
    if (get(kPanelUart, byte)) {
      const bool is_start = byte == 's';
      if (is_start || byte == 'x') tell(firmware, firmware.press(is_start ? Button::kStart : Button::kStop) ? "done" : "refused");
      if (byte == '?') tell(firmware, "is");
    }
    const std::uint64_t now = clock.boottime_ms();
    if (now == polled_ms) continue;
    polled_ms = now;
    firmware.poll();
  }
}

void on_tick() { g_ticks = g_ticks + 1; }

}  // namespace
}  // namespace aseptic::pump_mcu

extern "C" [[gnu::used, noreturn]] void app_entry() {
  aseptic::pump_mcu::run();
  __builtin_trap();
}

using Handler = void (*)();
// Faults are not handled here: they end in boot as a lock-up, which fails a trial.
[[gnu::section(".vectors"), gnu::used]] const Handler kVectors[16] = {
    reinterpret_cast<Handler>(__stack_top), app_entry, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
    nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, aseptic::pump_mcu::on_tick};
