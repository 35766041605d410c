// SPDX-License-Identifier: Apache-2.0
// Where things lie on QEMU's mps2-an505 (EMULATED): memories and the registers of what only the secure state reaches. For
// the port and for tests/boot_fault, which plays the board. Numbers only; needs nothing.
#pragma once
#include <cstdint>

namespace aseptic::boot::an505 {

inline constexpr std::uint32_t kFlashBase = 0x80000000;
inline constexpr std::uint32_t kRunAddress = 0x28000000;  // SSRAM2 as the application sees it
inline constexpr std::uint32_t kLoadMemory = 0x38000000;  // ... and as boot sees it
inline constexpr std::uint32_t kLoadMemorySize = 0x00200000;
inline constexpr std::uint32_t kRetainedSize = 16;         // the application's words at its end

inline constexpr std::uint32_t kUart = 0x50200000;
inline constexpr std::uint32_t kPeripheralControl = 0x50080000;
inline constexpr std::uint32_t kMpcSsram2 = 0x58008000;
inline constexpr std::uint32_t kSystemSpace = 0xE000E000;
inline constexpr std::uint32_t kSystemSpaceNonSecure = 0xE002E000;
inline constexpr std::uint32_t kMpu = 0xE000ED90;
inline constexpr std::uint32_t kMpuControl = kMpu + 4;
inline constexpr std::uint32_t kSauControl = 0xE000EDD0;
inline constexpr std::uint32_t kSauNumber = 0xE000EDD8;
inline constexpr std::uint32_t kSauBase = 0xE000EDDC;
inline constexpr std::uint32_t kSauLimit = 0xE000EDE0;
inline constexpr std::uint32_t kNonSecureVectorTable = 0xE002ED08;
inline constexpr std::uint32_t kPrioritiseSecure = 1U << 14U;  // of AIRCR
inline constexpr std::uint32_t kSecureAlias = 1U << 28U;       // of an address

}  // namespace aseptic::boot::an505
