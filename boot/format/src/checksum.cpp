// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {

namespace {

constexpr std::uint64_t kPolynomialReflected = 0xC96C5795D7870F42ULL;

constexpr std::uint64_t after_eight_bits(std::uint64_t crc) {
  for (int bit = 0; bit < 8; ++bit)
    crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomialReflected : 0);
  return crc;
}

// 2 KiB of table would be a twelfth of the boot stage's budget, and its cells are short: bit by bit where size counts.
#ifdef __OPTIMIZE_SIZE__
std::uint64_t after_byte(std::uint64_t crc, std::uint8_t byte) {
  return after_eight_bits(crc ^ byte);
}
#else
constexpr auto kTable = [] {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte)
    table[byte] = after_eight_bits(byte);
  return table;
}();

std::uint64_t after_byte(std::uint64_t crc, std::uint8_t byte) {
  return (crc >> 8U) ^ kTable[(crc ^ byte) & 0xFFU];
}
#endif

}  // namespace

std::uint64_t checksum(ByteView bytes) {
  std::uint64_t crc = ~0ULL;
  for (const auto byte : bytes)
    crc = after_byte(crc, byte);
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
