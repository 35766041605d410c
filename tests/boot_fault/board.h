// SPDX-License-Identifier: Apache-2.0
// The memory of an an505 (EMULATED) as the boot stage sees it, in host memory that several Unicorn engines share.
// Boot's working memory and the few sectors that boot writes are saved and restored as a whole; everything else is
// write-protected until somebody writes it, which is noticed, allowed and undone afterwards.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "aseptic/boot/an505/registers.h"
#include "linked_elf.h"

namespace aseptic::test {

using Bytes = std::vector<std::uint8_t>;

struct Range {
  std::uint32_t begin;
  std::uint32_t size;
  [[nodiscard]] bool contains(std::uint64_t address) const { return address - begin < size; }
};
inline constexpr Range kRom = {0x10000000, 0x10000};
inline constexpr Range kRam = {0x38200000, 0x8000};
inline constexpr Range kLoad = {boot::an505::kLoadMemory, boot::an505::kLoadMemorySize};           // as boot sees it
inline constexpr Range kLoadNonSecure = {boot::an505::kRunAddress, boot::an505::kLoadMemorySize};  // as the application sees it
inline constexpr std::uint32_t kLoadFront = 0x2000;              // as much of it as an image of a scenario takes
inline constexpr Range kFlash = {boot::an505::kFlashBase, 0x400000};
inline constexpr Range kBootSectors = {kFlash.begin, 0x8000};               // provisioning, secret, store, journal
inline constexpr Range kSharedSectors = {kFlash.begin + 0x200000, 0x3000};  // requests, permit, mailbox
inline constexpr std::uint32_t kMonotonicOffset = 0x2000;        // in kBootSectors
inline constexpr std::uint32_t kMonotonicSize = 0x3000;

// What is copied at every point.
struct SavedMemory {
  Bytes ram;
  Bytes boot_sectors;
  Bytes shared_sectors;
  Bytes load_front;
};

class Board {
 public:
  Board(const Elf& elf, const Bytes& flash);

  std::uint8_t* at(std::uint32_t address);  // for boot's addresses above only
  void save(SavedMemory& out) const;
  void restore(const SavedMemory& from);
  [[nodiscard]] bool holds(const SavedMemory& saved) const;
  // So many bytes of load memory behind its front, all of this value?
  [[nodiscard]] bool load_behind_is(std::uint32_t offset, std::uint32_t size, std::uint8_t value) const;
  // Somebody wrote outside what `save` copies.
  void mark_dirty() { dirty_ = true; }
  [[nodiscard]] bool dirty() const { return dirty_; }
  // Remembers flash and load memory as what `undo_dirty` goes back to.
  void keep();
  void undo_dirty();

  Bytes rom, ram, load, flash;

 private:
  Bytes kept_load_, kept_flash_;
  // The longest run of equal bytes of the kept load memory that begins behind the front.
  std::uint32_t kept_uniform_end_ = kLoadFront;
  bool dirty_ = false;
};

}  // namespace aseptic::test
