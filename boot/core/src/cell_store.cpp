// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/cell_store.h"

#include "aseptic/boot/core/hardened.h"

namespace aseptic::boot {

Status CellStore::read_cell(std::size_t index, MonotonicCell& out) {
  std::array<std::uint8_t, kMonotonicCellSize> bytes;
  ASEPTIC_BOOT_TRY(storage_.read_into(Area::kMonotonic, index * kMonotonicCellStride, bytes));
  return decode_monotonic_cell(bytes, out);
}

Status CellStore::find(Current& out) {
  MonotonicCell cell;
  std::uint64_t lowest = ~0ULL;
  out.cell.write_count = 0;
  for (std::size_t i = 0; i < kMonotonicCellCount; ++i) {
    // An unreadable cell counts 0; valid ones start at 1.
    const std::uint64_t count = ok(read_cell(i, cell)) ? cell.write_count : 0;
    if (count > out.cell.write_count) out.cell = cell;
    if (count < lowest) {
      lowest = count;
      out.oldest = i;
    }
  }
  if (out.cell.write_count == 0) return Status::kStoreUnreadable;
  out.copies = 0;
  for (std::size_t i = 0; i < kMonotonicCellCount; ++i)
    if (ok(read_cell(i, cell)) && cell.write_count != 0 && cell.state == out.cell.state) ++out.copies;
  return Status::kOk;
}

Status CellStore::peek(MonotonicState& out) {
  Current current;
  ASEPTIC_BOOT_TRY(find(current));
  out = current.cell.state;
  return Status::kOk;
}

// SECURITY(T-55): before something is erased, two readings agree on what is in force and which cell is to go.
Status CellStore::find_twice(Current& out) {
  ASEPTIC_BOOT_TRY(find(out));
  const std::uint64_t count = out.cell.write_count;
  const std::uint32_t floor = out.cell.state.floor, revoked = out.cell.state.revoked, generation = out.cell.state.generation;
  const std::size_t oldest = out.oldest;
  ASEPTIC_BOOT_TRY(find(out));
  const bool same = out.cell.write_count == count && out.oldest == oldest && out.cell.state.floor == floor &&
                    out.cell.state.revoked == revoked && out.cell.state.generation == generation;
  return same ? Status::kOk : Status::kStoreUnreadable;
}

// One frame at a time: a store's state is large and boot's memory small.
[[gnu::noinline]] Status CellStore::read_state(MonotonicState& out, std::size_t& copies) {
  Current current;
  ASEPTIC_BOOT_TRY(find_twice(current));
  out = current.cell.state;
  copies = current.copies;
  return Status::kOk;
}

Status CellStore::load(MonotonicState& out) {
  std::size_t copies = 0;
  ASEPTIC_BOOT_TRY(read_state(out, copies));
  // A failure here leaves the state in force untouched; the next burn reports a medium that does not write.
  if (copies < 2) static_cast<void>(burn(out));
  return Status::kOk;
}

// SECURITY(T-55): compared with readings of its own, not with what a caller holds in a frame that a fault may have moved.
Status CellStore::burn(const MonotonicState& state) {
  Current current;
  ASEPTIC_BOOT_TRY(find_twice(current));
  return write_oldest(current, state);
}

// INVARIANT: nothing in the store ever falls, whoever asks.
Status CellStore::check_rises(const Current& current, std::uint32_t floor, std::uint32_t revoked, std::uint32_t generation) {
  const MonotonicState& now = current.cell.state;
  return floor < now.floor || generation < now.generation || (now.revoked & ~revoked) != 0 ? Status::kBadRange : Status::kOk;
}

[[gnu::noinline]] Status CellStore::write_oldest(const Current& current, const MonotonicState& state) {
  // SECURITY(T-55): encoded, judged and written by one address; a frame that a fault moves in between does not part them. Four
  // beside a multiple of eight: one flipped bit makes of `mov` a shift by 24, and no memory begins where that leads from here.
  alignas(8) std::array<std::uint8_t, 4 + kMonotonicCellSize> frame;
  const std::span<std::uint8_t, kMonotonicCellSize> bytes(launder(frame.data() + 4), kMonotonicCellSize);
  encode_monotonic_cell({state, current.cell.write_count + 1}, bytes);
  // SECURITY(T-55): what is written is judged as it will stand, not as it was meant.
  const auto& wire = *reinterpret_cast<const MonotonicCellWire*>(bytes.data());
  ASEPTIC_BOOT_TRY(check_rises(current, wire.floor.get(), wire.revoked.get(), wire.generation.get()));
  const AreaOffset offset = current.oldest * kMonotonicCellStride;
  ASEPTIC_BOOT_TRY(storage_.erase(Area::kMonotonic, offset, kMonotonicCellStride));
  ASEPTIC_BOOT_TRY(storage_.program_durably(Area::kMonotonic, offset, bytes));
  std::array<std::uint8_t, 64> stored;
  for (std::size_t done = 0; done < bytes.size(); done += stored.size()) {
    ASEPTIC_BOOT_TRY(storage_.read_into(Area::kMonotonic, offset + done, stored));
    if (!equal(stored, ByteView(bytes).subspan(done, stored.size()))) return Status::kWriteNotVerified;
  }
  return Status::kOk;
}

}  // namespace aseptic::boot
