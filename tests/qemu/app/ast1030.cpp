// SPDX-License-Identifier: Apache-2.0
// The test application's side of the ast1030: load region 0x20000, the flash over SPI.
#include "app.h"
#include "aseptic/boot/cortex_m/application_entry.h"
#include "aseptic/boot/cortex_m/hardware.h"
#include "aseptic/boot/ast1030/spi_flash.h"

extern "C" std::uint8_t __stack_top[];

namespace aseptic::test_app {
namespace {

using namespace boot;
using cortex_m::reg32;
constexpr std::uint32_t kUart = 0x7E784000;
constexpr std::uint32_t kMailbox = 0x000A2000;
constexpr std::uint32_t kRetained = 0x00090000 - 16;

}  // namespace

void start_board() {}
void put_char(char c) {
  reg32(kUart) = static_cast<std::uint8_t>(c);
}
cortex_m::NorFlash& flash() {
  static ast1030::SpiFlash flash;
  return flash;
}
std::span<const std::uint8_t, kBootReportSize> mailbox() {
  return std::span<const std::uint8_t, kBootReportSize>(reinterpret_cast<const std::uint8_t*>(kMailbox), kBootReportSize);
}
void commanded_reset() {
  cortex_m::reset_with(*reinterpret_cast<volatile cortex_m::RetainedCause*>(kRetained), ResetCause::kCommanded);
}
void plain_reset() {
  reg32(cortex_m::kResetControl) = cortex_m::kResetKey | cortex_m::kResetRequest;
  for (;;) {
  }
}
const Digest& alias_key() {
  return cortex_m::taken_alias_key;
}
ByteView boots_memory() {
  return {reinterpret_cast<const std::uint8_t*>(0x000A0000), 8192};
}
void write_journal() {
  static_cast<void>(flash().program(cortex_m::flash_area(Area::kJournal).offset, std::array<std::uint8_t, 8>{}));
}

}  // namespace aseptic::test_app

extern "C" [[gnu::used, noreturn]] void application_main() {
  aseptic::test_app::run();
  for (;;) {
  }
}

using Handler = void (*)();
[[gnu::section(".vectors"), gnu::used]] const Handler kVectors[2] = {reinterpret_cast<Handler>(__stack_top), app_entry};
