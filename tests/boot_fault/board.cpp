// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include <algorithm>
#include <cstring>

namespace aseptic::test {

Board::Board(const Elf& elf, const Bytes& content)
    : rom(kRom.size, 0xFF), ram(kRam.size, 0), load(kLoad.size, 0), flash(kFlash.size, 0xFF) {
  std::ranges::copy(elf.bytes, rom.begin());
  std::copy_n(content.begin(), std::min<std::size_t>(content.size(), flash.size()), flash.begin());
  keep();
}

std::uint8_t* Board::at(std::uint32_t address) {
  if (kRom.contains(address)) return rom.data() + (address - kRom.begin);
  if (kRam.contains(address)) return ram.data() + (address - kRam.begin);
  if (kLoad.contains(address)) return load.data() + (address - kLoad.begin);
  if (kLoadNonSecure.contains(address)) return load.data() + (address - kLoadNonSecure.begin);
  if (kFlash.contains(address)) return flash.data() + (address - kFlash.begin);
  return nullptr;
}

void Board::save(SavedMemory& out) const {
  out.ram = ram;
  out.boot_sectors.assign(flash.begin(), flash.begin() + kBootSectors.size);
  const auto shared = flash.begin() + (kSharedSectors.begin - kFlash.begin);
  out.shared_sectors.assign(shared, shared + kSharedSectors.size);
  out.load_front.assign(load.begin(), load.begin() + kLoadFront);
}

void Board::restore(const SavedMemory& from) {
  std::memcpy(ram.data(), from.ram.data(), ram.size());
  std::memcpy(flash.data(), from.boot_sectors.data(), from.boot_sectors.size());
  std::memcpy(flash.data() + (kSharedSectors.begin - kFlash.begin), from.shared_sectors.data(), from.shared_sectors.size());
  std::memcpy(load.data(), from.load_front.data(), from.load_front.size());
}

bool Board::holds(const SavedMemory& saved) const {
  const auto same = [](const std::uint8_t* now, const Bytes& then) { return std::memcmp(now, then.data(), then.size()) == 0; };
  return same(ram.data(), saved.ram) && same(flash.data(), saved.boot_sectors) &&
         same(flash.data() + (kSharedSectors.begin - kFlash.begin), saved.shared_sectors) && same(load.data(), saved.load_front);
}

bool Board::load_behind_is(std::uint32_t offset, std::uint32_t size, std::uint8_t value) const {
  if (size == 0) return true;
  if (!dirty_ && offset >= kLoadFront && offset + size <= kept_uniform_end_) return load[offset] == value;
  const std::uint8_t* const from = load.data() + offset;
  return *from == value && std::memcmp(from, from + 1, size - 1) == 0;
}

void Board::keep() {
  kept_load_ = load;
  kept_flash_ = flash;
  dirty_ = false;
  kept_uniform_end_ = kLoadFront;
  while (kept_uniform_end_ < load.size() && load[kept_uniform_end_] == load[kLoadFront])
    ++kept_uniform_end_;
}

void Board::undo_dirty() {
  std::memcpy(load.data(), kept_load_.data(), load.size());
  std::memcpy(flash.data(), kept_flash_.data(), flash.size());
  dirty_ = false;
}

}  // namespace aseptic::test
