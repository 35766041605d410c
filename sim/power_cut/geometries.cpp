// SPDX-License-Identifier: Apache-2.0
#include "geometries.h"

#include <algorithm>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/format/request_area.h"
#include "aseptic/boot/journal/journal.h"

namespace aseptic::sim {
namespace {

using boot::Area;

struct Part {
  const char* name;
  std::uint32_t sector;
  std::uint32_t unit;
  std::uint32_t burst;       // small state areas
  std::uint32_t slot_burst;  // slots and recovery
  std::uint8_t erased;
  bool ecc;
};

constexpr std::uint32_t kSlot = 32768;  // at least; whole sectors

// At least `size` bytes in whole sectors. A state area in large sectors shows only the bytes that it needs:
// the port maps them to the start of the sector.
std::vector<std::uint32_t> sectors_for(std::uint32_t size, std::uint32_t sector) {
  if (sector >= size) return {size};
  return std::vector<std::uint32_t>((size + sector - 1) / sector, sector);
}

std::vector<std::uint32_t> slot_sectors(std::uint32_t sector) {
  return std::vector<std::uint32_t>((kSlot + sector - 1) / sector, sector);
}

FlashGeometry make(const Part& part) {
  FlashGeometry g;
  g.name = part.name;
  g.unit = part.unit;
  g.erased = part.erased;
  g.ecc = part.ecc;
  const auto set = [&](Area area, std::vector<std::uint32_t> sectors) {
    g.areas[static_cast<std::size_t>(area)] = {std::move(sectors), part.burst, 0};
  };
  auto half = sectors_for(boot::kJournalHalfMin, part.sector);
  half.insert(half.end(), half.begin(), half.begin() + static_cast<std::ptrdiff_t>(half.size()));
  set(Area::kJournal, half);
  set(Area::kMonotonic, sectors_for(boot::kMonotonicAreaSize, std::min(part.sector, 4096U)));
  set(Area::kProvisioning, {boot::kProvisioningSize});
  set(Area::kSecret, {boot::kDigestSize});
  set(Area::kRequests, sectors_for(boot::kRequestAreaSize, part.sector));
  set(Area::kPermit, {boot::kPermitCellSize});
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery}) {
    set(area, slot_sectors(part.sector));
    g.areas[static_cast<std::size_t>(area)].burst = part.slot_burst;
  }
  g.areas[static_cast<std::size_t>(Area::kMailbox)] = {{}, 0, boot::kBootReportSize};
  return g;
}

// Slots of unequal sectors, other ones in A than in B.
FlashGeometry make_unequal() {
  FlashGeometry g = make({"unequal sectors, word", 4096, 4, 4, 256, 0xFF, false});
  g.areas[static_cast<std::size_t>(Area::kSlotA)].sectors = {16384, 16384, 65536};
  g.areas[static_cast<std::size_t>(Area::kSlotB)].sectors = {2048, 1024, 1024, 4096, 8192, 16384, 65536};
  g.areas[static_cast<std::size_t>(Area::kRecovery)].sectors = {65536, 32768};
  g.areas[static_cast<std::size_t>(Area::kJournal)].sectors = {1024, 1024, 2048};
  return g;
}

}  // namespace

const std::vector<FlashGeometry>& geometries() {
  static const std::vector<FlashGeometry> all = [] {
    constexpr Part kParts[] = {
        {"256 B sectors, byte", 256, 1, 256, 256, 0xFF, false},
        {"4 KiB sectors, byte", 4096, 1, 256, 256, 0xFF, false},
        {"2 KiB sectors, 8 B ECC", 2048, 8, 8, 256, 0xFF, true},
        {"8 KiB sectors, 16 B ECC", 8192, 16, 16, 256, 0xFF, true},
        {"128 KiB sectors, 32 B ECC", 131072, 32, 32, 256, 0xFF, true},
        {"256 B sectors, word, erased 0", 256, 4, 4, 256, 0x00, false},
        {"4 KiB sectors, 8 B ECC, erased 0", 4096, 8, 64, 256, 0x00, true},
        {"4 KiB sectors, word", 4096, 4, 64, 256, 0xFF, false},
        {"1 KiB sectors, half word", 1024, 2, 2, 128, 0xFF, false},
        {"64 KiB sectors, byte", 65536, 1, 256, 256, 0xFF, false},
    };
    std::vector<FlashGeometry> out;
    for (const Part& part : kParts)
      out.push_back(make(part));
    out.push_back(make_unequal());
    return out;
  }();
  return all;
}

}  // namespace aseptic::sim
