// SPDX-License-Identifier: Apache-2.0
// NOR flash as the storage of boot. A target implements NorFlash, the driver of its flash; FlashStorage maps boot's
// areas to it.
// Contract of a driver: `program` only clears bits of erased cells and returns after the device is ready again;
// `erase_sector` sets one sector to 0xFF. Both may be cut at any moment. Verification is the caller's (boot reads back
// everything it depends on). Not thread safe.
#pragma once
#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/mailbox.h"

namespace aseptic::boot::cortex_m {

class NorFlash {
 public:
  virtual Status read(std::uint32_t address, MutableBytes out) = 0;
  virtual Status program(std::uint32_t address, ByteView bytes) = 0;
  virtual Status erase_sector(std::uint32_t address) = 0;

 protected:
  ~NorFlash() = default;
};

class FlashStorage final : public Storage {
 public:
  // `mailbox` is retained memory that the application can read.
  FlashStorage(NorFlash& flash, std::span<std::uint8_t, kBootReportSize> mailbox) : flash_(flash), mailbox_(mailbox) {}

  AreaOffset size(Area area) override { return flash_area(area).size; }
  Status read(Area area, AreaOffset offset, MutableBytes out) override;
  Status program(Area area, AreaOffset offset, ByteView bytes) override;
  Status erase(Area area, AreaOffset offset, AreaOffset length) override;
  Status sync(Area) override { return Status::kOk; }  // the driver waits for the device
  std::uint8_t erased_value() const override { return 0xFF; }

 private:
  NorFlash& flash_;
  std::span<std::uint8_t, kBootReportSize> mailbox_;
};

}  // namespace aseptic::boot::cortex_m
