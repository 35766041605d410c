// SPDX-License-Identifier: Apache-2.0
// A monotonic store of two cells in Area::kMonotonic, written in turn: a torn burn leaves the former state.
// Used by ports that emulate the store in memory the application cannot reach (host, simulator).
// DURABILITY: program, sync, read back; the cell with the state in force is never touched.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot {

class TwoCellStore final : public MonotonicStore {
 public:
  explicit TwoCellStore(Storage& storage) : storage_(storage) {}

  Status load(MonotonicState& out) override;
  Status burn(const MonotonicState& state) override;
  std::uint32_t generation_max() const override { return 0xFFFFFFFEU; }

 private:
  struct Current {
    MonotonicCell cell;
    std::size_t index = 0;
  };
  Status read_cell(std::size_t index, MonotonicCell& out);
  Status find(Current& out);

  Storage& storage_;
};

}  // namespace aseptic::boot
