// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/two_cell_store.h"

namespace aseptic::boot {

Status TwoCellStore::read_cell(std::size_t index, MonotonicCell& out) {
  std::array<std::uint8_t, kMonotonicCellSize> bytes{};
  ASEPTIC_BOOT_TRY(storage_.read(Area::kMonotonic, index * kMonotonicCellStride, bytes));
  return decode_monotonic_cell(bytes, out);
}

Status TwoCellStore::find(Current& out) {
  MonotonicCell cells[2];
  const bool valid[2] = {ok(read_cell(0, cells[0])), ok(read_cell(1, cells[1]))};
  if (!valid[0] && !valid[1]) return Status::kStoreUnreadable;
  out.index = !valid[0] || (valid[1] && cells[1].write_count > cells[0].write_count) ? 1 : 0;
  out.cell = cells[out.index];
  return Status::kOk;
}

Status TwoCellStore::load(MonotonicState& out) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  out = current.cell.state;
  return Status::kOk;
}

Status TwoCellStore::burn(const MonotonicState& state) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  // INVARIANT: nothing in the store ever falls, whoever asks.
  if (state.floor < current.cell.state.floor || state.generation < current.cell.state.generation ||
      (current.cell.state.revoked & ~state.revoked) != 0)
    return Status::kBadRange;
  const MonotonicCell next{state, current.cell.write_count + 1};
  std::array<std::uint8_t, kMonotonicCellSize> bytes{};
  encode_monotonic_cell(next, bytes);
  const std::uint64_t offset = (1 - current.index) * kMonotonicCellStride;
  ASEPTIC_BOOT_TRY(storage_.erase(Area::kMonotonic, offset, kMonotonicCellStride));
  ASEPTIC_BOOT_TRY(storage_.program(Area::kMonotonic, offset, bytes));
  ASEPTIC_BOOT_TRY(storage_.sync(Area::kMonotonic));
  MonotonicCell stored;
  ASEPTIC_BOOT_TRY(read_cell(1 - current.index, stored));
  return stored.write_count == next.write_count ? Status::kOk : Status::kWriteNotVerified;
}

}  // namespace aseptic::boot
