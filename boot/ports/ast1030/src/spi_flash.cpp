// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/ast1030/spi_flash.h"

#include "aseptic/boot/cortex_m/flash_time.h"
#include "aseptic/boot/cortex_m/hardware.h"

namespace aseptic::boot::ast1030 {
namespace {

using cortex_m::reg32;
using cortex_m::reg8;

constexpr std::uint32_t kController = 0x7E620000;
constexpr std::uint32_t kWindow = 0x80000000;  // in user mode each access is a byte on the bus
constexpr std::uint32_t kWriteEnableCe0 = 1U << 16U;
constexpr std::uint32_t kUserMode = 3;
constexpr std::uint32_t kStopActive = 4;  // chip select high
constexpr std::uint32_t kPageSize = 256;
constexpr std::uint32_t kPollsMax = 1U << 22U;

constexpr std::uint8_t kPageProgram = 0x02;
constexpr std::uint8_t kRead = 0x03;
constexpr std::uint8_t kReadStatus = 0x05;
constexpr std::uint8_t kWriteEnable = 0x06;
constexpr std::uint8_t kSectorErase = 0x20;
constexpr std::uint8_t kBusy = 0x01;
constexpr std::uint8_t kWriteEnabled = 0x02;

void select() {
  reg32(kController + 0x10) = kUserMode;
}
void deselect() {
  reg32(kController + 0x10) = kUserMode | kStopActive;
}
void send(std::uint8_t byte) {
  reg8(kWindow) = byte;
}
void command(std::uint8_t code, std::uint32_t address) {
  select();
  send(code);
  send(static_cast<std::uint8_t>(address >> 16U));
  send(static_cast<std::uint8_t>(address >> 8U));
  send(static_cast<std::uint8_t>(address));
}
std::uint8_t status() {
  select();
  send(kReadStatus);
  const std::uint8_t value = reg8(kWindow);
  deselect();
  return value;
}

// A device that does not take the write enable is not there or is locked.
Status enable_write() {
  select();
  send(kWriteEnable);
  deselect();
  return (status() & kWriteEnabled) != 0 ? Status::kOk : Status::kIoError;
}

Status wait_until_ready() {
  for (std::uint32_t polls = 0; polls < kPollsMax; ++polls)
    if ((status() & kBusy) == 0) return Status::kOk;
  return Status::kIoError;
}

}  // namespace

SpiFlash::SpiFlash() {
  reg32(kController) = reg32(kController) | kWriteEnableCe0;
}

Status SpiFlash::read(std::uint32_t address, MutableBytes out) {
  command(kRead, address);
  for (auto& byte : out)
    byte = reg8(kWindow);
  deselect();
  return Status::kOk;
}

Status SpiFlash::program(std::uint32_t address, ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t room = kPageSize - address % kPageSize;
    const std::size_t size = bytes.size() < room ? bytes.size() : room;
    cortex_m::FlashOperation operation;
    ASEPTIC_BOOT_TRY(enable_write());
    command(kPageProgram, address);
    for (std::size_t i = 0; i < size; ++i) {
      operation.step(cortex_m::kProgramEffort / 4);
      send(bytes[i]);
    }
    deselect();
    ASEPTIC_BOOT_TRY(wait_until_ready());
    address += static_cast<std::uint32_t>(size);
    bytes = bytes.subspan(size);
  }
  return Status::kOk;
}

Status SpiFlash::erase_sector(std::uint32_t address) {
  cortex_m::FlashOperation operation;
  ASEPTIC_BOOT_TRY(enable_write());
  command(kSectorErase, address);
  for (std::uint32_t i = 0; i < cortex_m::kSectorSize; i += 4)
    operation.step(cortex_m::kEraseEffort);
  deselect();
  return wait_until_ready();
}

}  // namespace aseptic::boot::ast1030
