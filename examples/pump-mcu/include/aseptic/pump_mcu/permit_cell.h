// SPDX-License-Identifier: Apache-2.0
// The PERMIT cell of a microcontroller: one flash sector that only the therapy side's code writes. Called by the guard.
// DURABILITY: flash is written when the call returns; `read` reads the flash.
#pragma once

#include "aseptic/boot/journal/storage.h"
#include "aseptic/interlock/ports.h"

namespace aseptic::pump_mcu {

class PermitCell final : public interlock::PermitStore {
 public:
  explicit PermitCell(boot::Storage& storage) : storage_(storage) {}

  interlock::Status store(const interlock::PermitCell& cell) override;
  interlock::Status sync() override;
  interlock::Status read(interlock::PermitCell& out) override;

 private:
  boot::Storage& storage_;
};

}  // namespace aseptic::pump_mcu
