// SPDX-License-Identifier: Apache-2.0
// Boot's medium over a World: each area is the file that the host port uses for it, so that boot and the
// device's processes meet on the same simulated disk. Thread contract: as World.
#pragma once

#include <string>

#include "aseptic/boot/journal/storage.h"
#include "aseptic/sim/world.h"

namespace aseptic::sim {

// "boot/journal.bin", "slots/a.img" and so on.
std::string area_file(boot::Area area);

class BootStorage final : public boot::Storage {
 public:
  explicit BootStorage(World& world, std::uint8_t erased_value = 0xFF)
      : world_(world), erased_value_(erased_value) {}

  std::uint64_t size(boot::Area area) override;
  boot::Status read(boot::Area area, std::uint64_t offset, boot::MutableBytes out) override;
  boot::Status program(boot::Area area, std::uint64_t offset, boot::ByteView bytes) override;
  boot::Status erase(boot::Area area, std::uint64_t offset, std::uint64_t length) override;
  boot::Status sync(boot::Area area) override;
  std::uint8_t erased_value() const override { return erased_value_; }

 private:
  [[nodiscard]] bool is_inside(boot::Area area, std::uint64_t offset, std::uint64_t length);

  World& world_;
  std::uint8_t erased_value_;
};

}  // namespace aseptic::sim
