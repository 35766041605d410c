// SPDX-License-Identifier: Apache-2.0
// Every limit of the server, with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aseptic::fleet {

inline constexpr std::uint32_t kRequestHeadBytesMax = 16 * 1024;   // paths and a range; devices send 300 bytes
inline constexpr std::uint64_t kRequestBodyBytesMax = 65'536;      // trust::kReportBytesMax
inline constexpr std::chrono::seconds kIdleMax{60};                // between requests, and for each step of one
inline constexpr std::chrono::seconds kHandshakeMax{20};
inline constexpr std::chrono::seconds kSessionMax{3600};           // then TLS starts anew (ID-02)
inline constexpr std::size_t kSessionsMax = 1024;                  // each costs about 60 kB
inline constexpr std::size_t kSendBytes = 64 * 1024;
inline constexpr std::chrono::milliseconds kAcceptPause{100};       // after a failed accept
inline constexpr std::chrono::seconds kLingerMax{2};               // for the rest of a request that was refused half-way
inline constexpr std::uint64_t kLingerBytesMax = 1 << 20;
inline constexpr std::size_t kAlarmsPerDeviceMax = 1000;           // a device that only raises alarms cannot fill the disk

}  // namespace aseptic::fleet
