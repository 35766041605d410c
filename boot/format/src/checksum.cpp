// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {

// Bit by bit, no table: 2 KiB of table would be a twelfth of the boot stage's budget, and cells are short.
std::uint64_t checksum(ByteView bytes) {
  constexpr std::uint64_t kPolynomialReflected = 0xC96C5795D7870F42ULL;
  std::uint64_t crc = ~0ULL;
  for (const auto byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomialReflected : 0);
  }
  return ~crc;
}

void seal_checksum(MutableBytes cell) {
  if (cell.size() < sizeof(Le64)) return;
  Le64 sum{};
  sum.set(checksum(ByteView(cell).first(cell.size() - sizeof(Le64))));
  copy_bytes(cell.last(sizeof(Le64)), bytes_of(sum));
}

bool checksum_matches(ByteView cell) {
  if (cell.size() < sizeof(Le64)) return false;
  Le64 sum{};
  sum.set(checksum(cell.first(cell.size() - sizeof(Le64))));
  return equal(cell.last(sizeof(Le64)), bytes_of(sum));
}

}  // namespace aseptic::boot
