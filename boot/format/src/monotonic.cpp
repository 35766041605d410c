// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/monotonic.h"

#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot {

void encode_monotonic_cell(const MonotonicCell& cell, std::span<std::uint8_t, kMonotonicCellSize> out) {
  MonotonicCellWire w{};
  copy_bytes(w.magic, domain(kMonotonicMagic).first(8));
  w.format.set(kMonotonicFormat);
  w.length.set(kMonotonicCellSize);
  w.quarantine_count.set(cell.state.quarantine_count);
  w.write_count.set(cell.write_count);
  w.generation.set(cell.state.generation);
  w.floor.set(cell.state.floor);
  w.revoked.set(cell.state.revoked);
  w.confirmed = cell.state.confirmed;
  w.confirmed_sequence.set(cell.state.confirmed_sequence);
  w.confirmed_min_root_version.set(cell.state.confirmed_min_root_version);
  w.boot_count.set(cell.state.boot_count);
  for (std::size_t i = 0; i < kQuarantineMax; ++i) {
    w.quarantine[i].digest = cell.state.quarantine[i].digest;
    w.quarantine[i].attempt.set(cell.state.quarantine[i].attempt);
  }
  seal_checksum(mutable_bytes_of(w));
  copy_bytes(out, bytes_of(w));
}

Status decode_monotonic_cell(std::span<const std::uint8_t, kMonotonicCellSize> bytes, MonotonicCell& out) {
  MonotonicCellWire w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  if (!equal(w.magic, domain(kMonotonicMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kMonotonicFormat) return Status::kBadFormat;
  if (w.length.get() != kMonotonicCellSize) return Status::kBadLength;
  if (!checksum_matches(bytes)) return Status::kBadChecksum;
  if (w.quarantine_count.get() > kQuarantineMax) return Status::kBadLength;
  MonotonicCell cell;
  cell.write_count = w.write_count.get();
  cell.state.generation = w.generation.get();
  cell.state.floor = w.floor.get();
  cell.state.revoked = w.revoked.get();
  cell.state.confirmed = w.confirmed;
  cell.state.confirmed_sequence = w.confirmed_sequence.get();
  cell.state.confirmed_min_root_version = w.confirmed_min_root_version.get();
  cell.state.boot_count = w.boot_count.get();
  cell.state.quarantine_count = w.quarantine_count.get();
  for (std::size_t i = 0; i < kQuarantineMax; ++i)
    cell.state.quarantine[i] = {w.quarantine[i].digest, w.quarantine[i].attempt.get()};
  out = cell;
  return Status::kOk;
}

}  // namespace aseptic::boot
