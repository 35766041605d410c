// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/cell_store.h"

namespace aseptic::boot {

Status CellStore::read_cell(std::size_t index, MonotonicCell& out) {
  std::array<std::uint8_t, kMonotonicCellSize> bytes{};
  ASEPTIC_BOOT_TRY(storage_.read(Area::kMonotonic, index * kMonotonicCellStride, bytes));
  return decode_monotonic_cell(bytes, out);
}

Status CellStore::find(Current& out) {
  MonotonicCell cells[kMonotonicCellCount];  // an unreadable cell keeps write count 0; valid ones start at 1
  std::size_t newest = 0;
  out = {};
  for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
    if (!ok(read_cell(i, cells[i]))) cells[i] = {};
    if (cells[i].write_count > cells[newest].write_count) newest = i;
    if (cells[i].write_count < cells[out.oldest].write_count) out.oldest = i;
  }
  if (cells[newest].write_count == 0) return Status::kStoreUnreadable;
  out.cell = cells[newest];
  for (const MonotonicCell& cell : cells)
    if (cell.write_count != 0 && cell.state == out.cell.state) ++out.copies;
  return Status::kOk;
}

Status CellStore::peek(MonotonicState& out) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  out = current.cell.state;
  return Status::kOk;
}

Status CellStore::load(MonotonicState& out) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  // A failure here leaves the state in force untouched; the next burn reports a medium that does not write.
  if (current.copies < 2) static_cast<void>(write_oldest(current, current.cell.state));
  out = current.cell.state;
  return Status::kOk;
}

Status CellStore::burn(const MonotonicState& state) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  // INVARIANT: nothing in the store ever falls, whoever asks.
  if (state.floor < current.cell.state.floor || state.generation < current.cell.state.generation ||
      (current.cell.state.revoked & ~state.revoked) != 0)
    return Status::kBadRange;
  return write_oldest(current, state);
}

Status CellStore::write_oldest(const Current& current, const MonotonicState& state) {
  const MonotonicCell next{state, current.cell.write_count + 1};
  std::array<std::uint8_t, kMonotonicCellSize> bytes{};
  encode_monotonic_cell(next, bytes);
  const AreaOffset offset = current.oldest * kMonotonicCellStride;
  ASEPTIC_BOOT_TRY(storage_.erase(Area::kMonotonic, offset, kMonotonicCellStride));
  ASEPTIC_BOOT_TRY(storage_.program(Area::kMonotonic, offset, bytes));
  ASEPTIC_BOOT_TRY(storage_.sync(Area::kMonotonic));
  MonotonicCell stored;
  ASEPTIC_BOOT_TRY(read_cell(current.oldest, stored));
  return stored.write_count == next.write_count && stored.state == next.state ? Status::kOk
                                                                              : Status::kWriteNotVerified;
}

}  // namespace aseptic::boot
