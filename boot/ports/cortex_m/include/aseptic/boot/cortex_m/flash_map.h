// SPDX-License-Identifier: Apache-2.0
// Where everything lies in the flash of the two emulated microcontrollers: one map for boot, for the application and
// for the tools that write a flash image file. Constants only, so that hosted code may include it.
// Invariant: every area starts and ends at an erase sector; what the application may write lies behind everything that
// only boot writes, so that one boundary separates the two.
#pragma once
#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot::cortex_m {

inline constexpr std::uint32_t kFlashSize = 4U << 20U;
inline constexpr std::uint32_t kSectorSize = 4096;

struct FlashArea {
  std::uint32_t offset;
  std::uint32_t size;
};

// In the order of Area.
inline constexpr FlashArea kFlashMap[kAreaCount] = {
    {0x006000, 2 * kSectorSize},  // journal
    {0x002000, 3 * kSectorSize},  // monotonic store
    {0x000000, kSectorSize},      // provisioning
    {0x001000, 32},               // device secret
    {0x080000, 0x080000},         // recovery
    {0x100000, 0x080000},         // slot A
    {0x180000, 0x080000},         // slot B
    {0x200000, kSectorSize},      // requests
    {0x201000, kSectorSize},      // permit
    {0x202000, 1024},             // mailbox
};
// One emulated register file of the life cycle's hardware: fuses and debug status (debug_port.h).
inline constexpr FlashArea kHardwareState = {0x005000, kSectorSize};
// From here on the application may read and write.
inline constexpr std::uint32_t kApplicationArea = 0x100000;
// Never touched by boot: room for the application's own data.
inline constexpr FlashArea kApplicationData = {0x210000, 0x010000};

// The words of the emulated hardware state. An unprogrammed part (all ones) is a development part with its debug port open.
struct HardwareState {
  std::uint32_t life_cycle;      // kFusedProduction or anything else: development
  std::uint32_t debug_policy;    // kFusedDegraded: an open debug port degrades; anything else: refuses
  std::uint32_t debug_closed;    // kDebugClosed, from one register
  std::uint32_t debug_inverted;  // its complement, from an independent one
};
inline constexpr std::uint32_t kFusedProduction = 0x50524F44;
inline constexpr std::uint32_t kFusedDegraded = 0x44454752;
inline constexpr std::uint32_t kDebugClosed = 0xC105EDB6;

constexpr const FlashArea& flash_area(Area area) {
  return kFlashMap[static_cast<std::size_t>(area)];
}

}  // namespace aseptic::boot::cortex_m
