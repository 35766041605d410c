// SPDX-License-Identifier: Apache-2.0
// The load region: memory that an image is copied to, verified in, and run from. Linked at one fixed address.
// SECURITY(T-30): no bus master but this core can write it, so the verified copy is what runs; it is not executable
// before the jump.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot::cortex_m {

class ExecRam final : public ExecMemory {
 public:
  // `run_address`: where the image finds itself; `memory`: the same cells as boot sees them.
  ExecRam(std::uint32_t run_address, MutableBytes memory) : run_address_(run_address), memory_(memory) {}

  Status check_placement(std::uint64_t load_address, AreaOffset size) override;
  Status begin(AreaOffset size) override;
  Status write(AreaOffset offset, ByteView bytes) override;
  Status seal(ByteView& sealed) override;

 private:
  std::uint32_t run_address_;
  MutableBytes memory_;
  std::size_t used_ = 0;
};

}  // namespace aseptic::boot::cortex_m
