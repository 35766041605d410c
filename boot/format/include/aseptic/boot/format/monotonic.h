// SPDX-License-Identifier: Apache-2.0
// The monotonic store: what never goes back. On NV ports (TPM, the emulated file) it also keeps the confirmed
// digest and the quarantined digests; on fuse ports those fields stay zero. Format:
// docs/formats/boot_journal.md §Store. A file or flash store holds three cells and writes the oldest: a torn
// burn leaves the former state, and a cell that a reset left unstable is never the only one
// (docs/formats/boot_journal.md, "Store").
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

inline constexpr std::size_t kQuarantineMax =
    8;  // oldest falls out: reason and cost in docs/formats/boot_journal.md
inline constexpr std::size_t kMonotonicCellSize = 512;
inline constexpr std::size_t kMonotonicCellStride = 4096;  // cells never share a sector or page
inline constexpr std::size_t kMonotonicCellCount = 3;
inline constexpr std::size_t kMonotonicAreaSize = kMonotonicCellCount * kMonotonicCellStride;
inline constexpr std::uint16_t kMonotonicFormat = 1;
inline constexpr char kMonotonicMagic[] = "ASPTMONO";

struct Quarantined {
  Digest digest{};
  std::uint16_t attempt = 0;
  bool operator==(const Quarantined&) const = default;
};

struct MonotonicState {
  MonotonicState() { clear_object(*this); }

  std::uint32_t generation = 0;
  std::uint32_t floor = 0;
  std::uint32_t revoked = 0;  // bit i = key slot i
  // NV ports only. A zero digest means "none".
  Digest confirmed{};
  std::uint64_t confirmed_sequence = 0;
  std::uint32_t confirmed_min_root_version = 0;
  std::uint32_t boot_count = 0;  // when it was last burnt: a discarded journal does not turn the count back
  std::uint8_t quarantine_count = 0;
  std::array<Quarantined, kQuarantineMax> quarantine{};
  bool operator==(const MonotonicState&) const = default;
};

struct QuarantinedWire {
  Digest digest;
  Le16 attempt;
  std::uint8_t reserved[6];
};
static_assert(sizeof(QuarantinedWire) == 40);

struct MonotonicCellWire {
  std::uint8_t magic[8];
  Le16 format;
  Le16 length;
  Le8 quarantine_count;
  std::uint8_t reserved0[3];
  Le64 write_count;  // the valid cell with the higher count is the store
  Le32 generation;
  Le32 floor;
  Le32 revoked;
  std::uint8_t reserved1[4];
  Digest confirmed;
  QuarantinedWire quarantine[kQuarantineMax];
  Le64 confirmed_sequence;
  Le32 confirmed_min_root_version;
  Le32 boot_count;
  std::uint8_t reserved2[96];
  Le64 checksum;
};
static_assert(sizeof(MonotonicCellWire) == kMonotonicCellSize && alignof(MonotonicCellWire) == 1);
static_assert(offsetof(MonotonicCellWire, write_count) == 16 &&
              offsetof(MonotonicCellWire, generation) == 24);
static_assert(offsetof(MonotonicCellWire, confirmed) == 40 && offsetof(MonotonicCellWire, quarantine) == 72);
static_assert(offsetof(MonotonicCellWire, confirmed_sequence) == 392);
static_assert(offsetof(MonotonicCellWire, boot_count) == 404);
static_assert(offsetof(MonotonicCellWire, checksum) == 504);

struct MonotonicCell {
  MonotonicState state;
  std::uint64_t write_count = 0;
};
void encode_monotonic_cell(const MonotonicCell& cell, std::span<std::uint8_t, kMonotonicCellSize> out);
Status decode_monotonic_cell(std::span<const std::uint8_t, kMonotonicCellSize> bytes, MonotonicCell& out);

}  // namespace aseptic::boot
