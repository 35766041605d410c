// SPDX-License-Identifier: Apache-2.0
// The test application's side of the an505: non-secure state, load region 0x28000000.
#include "app.h"
#include "aseptic/boot/cortex_m/application_entry.h"
#include "aseptic/boot/cortex_m/hardware.h"

extern "C" std::uint8_t __stack_top[];

namespace aseptic::test_app {
namespace {

using namespace boot;
using cortex_m::reg32;
constexpr std::uint32_t kFlashBase = 0x80000000;
constexpr std::uint32_t kUart = 0x40200000;
constexpr std::uint32_t kRetained = 0x28200000 - 16;

class MemoryFlash final : public cortex_m::NorFlash {
 public:
  Status read(std::uint32_t address, MutableBytes out) override {
    copy_bytes(out, {reinterpret_cast<const std::uint8_t*>(kFlashBase + address), out.size()});
    return Status::kOk;
  }
  Status program(std::uint32_t address, ByteView bytes) override {
    for (std::uint32_t i = 0; i < bytes.size(); ++i) {
      volatile std::uint8_t& cell = cortex_m::reg8(kFlashBase + address + i);
      cell = cell & bytes[i];
    }
    return Status::kOk;
  }
  Status erase_sector(std::uint32_t address) override {
    for (std::uint32_t i = 0; i < cortex_m::kSectorSize; i += 4)
      reg32(kFlashBase + address + i) = ~0U;
    return Status::kOk;
  }
};
MemoryFlash g_flash;

}  // namespace

void start_board() {
  reg32(kUart + 16) = 16;
  reg32(kUart + 8) = 1;
}
void put_char(char c) {
  while ((reg32(kUart + 4) & 1U) != 0) {
  }
  reg32(kUart) = static_cast<std::uint8_t>(c);
}
cortex_m::NorFlash& flash() {
  return g_flash;
}
std::span<const std::uint8_t, kBootReportSize> mailbox() {
  return std::span<const std::uint8_t, kBootReportSize>(
      reinterpret_cast<const std::uint8_t*>(kFlashBase + cortex_m::flash_area(Area::kMailbox).offset), kBootReportSize);
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
  return {};
}
void write_journal() {
  reg32(kFlashBase + cortex_m::flash_area(Area::kJournal).offset) = 0;
}

}  // namespace aseptic::test_app

extern "C" [[gnu::used, noreturn]] void application_main() {
  aseptic::test_app::run();
  for (;;) {
  }
}

using Handler = void (*)();
[[gnu::section(".vectors"), gnu::used]] const Handler kVectors[2] = {reinterpret_cast<Handler>(__stack_top), app_entry};
