// SPDX-License-Identifier: Apache-2.0
// The SPI-NOR behind the AST1030's firmware memory controller, driven in user mode. Shared with the test application.
#pragma once
#include "aseptic/boot/cortex_m/nor_flash.h"

namespace aseptic::boot::ast1030 {

class SpiFlash final : public cortex_m::NorFlash {
 public:
  SpiFlash();  // lets the controller write
  Status read(std::uint32_t address, MutableBytes out) override;
  Status program(std::uint32_t address, ByteView bytes) override;
  Status erase_sector(std::uint32_t address) override;
};

}  // namespace aseptic::boot::ast1030
