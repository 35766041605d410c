// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/monotonic.h"

#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot {

namespace {

// Pieces of the state that lie on the medium as in memory.
constexpr std::size_t kCountersSize = 12;
static_assert(offsetof(MonotonicState, revoked) - offsetof(MonotonicState, generation) + 4 == kCountersSize);
static_assert(offsetof(MonotonicCellWire, revoked) - offsetof(MonotonicCellWire, generation) + 4 == kCountersSize);
constexpr std::size_t kConfirmedNumbersSize = 16;
static_assert(offsetof(MonotonicState, boot_count) - offsetof(MonotonicState, confirmed_sequence) + 4 == kConfirmedNumbersSize);
static_assert(offsetof(MonotonicCellWire, boot_count) - offsetof(MonotonicCellWire, confirmed_sequence) + 4 ==
              kConfirmedNumbersSize);

template <class T>
std::uint8_t* at(T& field) {
  return reinterpret_cast<std::uint8_t*>(&field);
}
template <class T>
const std::uint8_t* at(const T& field) {
  return reinterpret_cast<const std::uint8_t*>(&field);
}

}  // namespace

void encode_monotonic_cell(const MonotonicCell& cell, std::span<std::uint8_t, kMonotonicCellSize> out) {
  auto& w = *reinterpret_cast<MonotonicCellWire*>(out.data());
  const MonotonicState& s = cell.state;
  fill_bytes(out, 0);
  copy_bytes(w.magic, domain(kMonotonicMagic).first(8));
  w.format.set(kMonotonicFormat);
  w.length.set(kMonotonicCellSize);
  w.quarantine_count.set(s.quarantine_count);
  w.write_count.set(cell.write_count);
  copy_bytes({at(w.generation), kCountersSize}, {at(s.generation), kCountersSize});
  copy_digest(w.confirmed, s.confirmed);
  copy_bytes({at(w.confirmed_sequence), kConfirmedNumbersSize}, {at(s.confirmed_sequence), kConfirmedNumbersSize});
  for (std::size_t i = 0; i < kQuarantineMax; ++i) {
    copy_digest(w.quarantine[i].digest, s.quarantine[i].digest);
    w.quarantine[i].attempt.set(s.quarantine[i].attempt);
  }
  seal_checksum(out);
}

Status decode_monotonic_cell(std::span<const std::uint8_t, kMonotonicCellSize> bytes, MonotonicCell& cell) {
  const auto& w = *reinterpret_cast<const MonotonicCellWire*>(bytes.data());
  if (!equal(w.magic, domain(kMonotonicMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kMonotonicFormat) return Status::kBadFormat;
  if (w.length.get() != kMonotonicCellSize) return Status::kBadLength;
  if (!checksum_matches(bytes)) return Status::kBadChecksum;
  if (w.quarantine_count.get() > kQuarantineMax) return Status::kBadLength;
  MonotonicState& s = cell.state;
  cell.write_count = w.write_count.get();
  copy_bytes({at(s.generation), kCountersSize}, {at(w.generation), kCountersSize});
  copy_digest(s.confirmed, w.confirmed);
  copy_bytes({at(s.confirmed_sequence), kConfirmedNumbersSize}, {at(w.confirmed_sequence), kConfirmedNumbersSize});
  s.quarantine_count = w.quarantine_count.get();
  for (std::size_t i = 0; i < kQuarantineMax; ++i) {
    copy_digest(s.quarantine[i].digest, w.quarantine[i].digest);
    s.quarantine[i].attempt = w.quarantine[i].attempt.get();
  }
  return Status::kOk;
}

}  // namespace aseptic::boot
