// SPDX-License-Identifier: Apache-2.0
// A monotonic store of three cells in Area::kMonotonic; the valid cell with the highest write count is in
// force, and the oldest is written next. Used by ports that emulate the store in memory the application
// cannot reach. DURABILITY: program, sync, read back. A burn that a reset cut off may read right now and fade
// later: `load`, called once per power-up, first brings a second cell to the same state, and never touches
// the two newest while it does.
#pragma once
#include "aseptic/boot/core/port.h"

namespace aseptic::boot {

class CellStore final : public MonotonicStore {
 public:
  explicit CellStore(Storage& storage) : storage_(storage) {}

  Status load(MonotonicState& out) override;
  Status peek(MonotonicState& out);  // reads only
  Status burn(const MonotonicState& state) override;
  std::uint32_t generation_max() const override { return 0xFFFFFFFEU; }

 private:
  struct Current {
    MonotonicCell cell;
    std::size_t oldest = 0;  // the cell to write next; an unreadable one counts as oldest
    std::size_t copies = 0;  // cells that hold the state in force
  };
  Status read_cell(std::size_t index, MonotonicCell& out);
  Status find(Current& out);
  Status find_twice(Current& out);
  Status read_state(MonotonicState& out, std::size_t& copies);
  Status write_oldest(const Current& current, const MonotonicState& state);
  static Status check_rises(const Current& current, std::uint32_t floor, std::uint32_t revoked, std::uint32_t generation);

  Storage& storage_;
};

}  // namespace aseptic::boot
