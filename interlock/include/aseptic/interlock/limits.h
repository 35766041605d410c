// SPDX-License-Identifier: Apache-2.0
// Every limit of the interlock, with its reason. Boundary tests: limits_test.cpp,
// therapy_guard_test.cpp, message_test.cpp, hold_client_test.cpp.
#pragma once

#include <cstdint>

namespace aseptic::interlock {

// A lease is an answer about *now*; protocol section 4 allows two seconds of CLOCK_BOOTTIME.
inline constexpr std::uint32_t kLeaseValidMsMin = 100;
inline constexpr std::uint32_t kLeaseValidMsMax = 2000;
inline constexpr std::uint32_t kLeaseValidMsDefault = 2000;

// Silence T: the hold ends when the agent says nothing for so long. Longer than a lease, or every slow fsync
// of the agent would cost the hold; short enough that a dead agent keeps the device from the patient for
// seconds only.
inline constexpr std::uint32_t kSilenceMsMin = 2000;
inline constexpr std::uint32_t kSilenceMsMax = 60000;
inline constexpr std::uint32_t kSilenceMsDefault = 5000;

// A hold, even a renewed one, ends after its budget: the device is never left in update mode (SI-08, T-65).
inline constexpr std::uint32_t kHoldBudgetMsMin = 5000;
inline constexpr std::uint32_t kHoldBudgetMsMax = 30 * 60 * 1000;
inline constexpr std::uint32_t kHoldBudgetMsDefault = 120 * 1000;

// Declared out-of-service time of a trial; then the therapy side resets the device and boot goes back
// (SI-08).
inline constexpr std::uint32_t kTrialBudgetMsMin = 5000;
inline constexpr std::uint32_t kTrialBudgetMsMax = 4 * 60 * 60 * 1000;
inline constexpr std::uint32_t kTrialBudgetMsDefault = 30 * 60 * 1000;

// Pause after a hold that led to no reset; doubles each time, so that a storm of holds cannot keep the device
// from the patient or wear out the PERMIT cell (T-65). Forgotten after kPauseForgetMs without a hold.
inline constexpr std::uint32_t kPauseMsFirst = 500;
inline constexpr std::uint32_t kPauseMsMax = 64000;
inline constexpr std::uint32_t kPauseForgetMs = 10 * 60 * 1000;

// Signatures per window: a flood of questions must not take the processor away from therapy (T-65).
inline constexpr std::uint32_t kAnswersPerWindowMax = 16;
inline constexpr std::uint32_t kAnswerWindowMs = 1000;

// The agent renews well before a lease of the default validity ends, and asks anew when no answer came.
inline constexpr std::uint32_t kRenewMsDefault = 700;
inline constexpr std::uint32_t kAnswerTimeoutMsDefault = 1500;
inline constexpr std::uint32_t kRenewMsMin = 50;  // less would be a flood that the other side refuses
inline constexpr std::uint32_t kRenewMsMax = kLeaseValidMsMax;  // more would leave holes between leases

// Wire (docs/formats/interlock.md). Frames travel one per SOCK_SEQPACKET packet; all sizes are fixed by type.
inline constexpr std::uint32_t kFrameHeaderSize = 8;
inline constexpr std::uint32_t kAgentFrameSize = 96;
inline constexpr std::uint32_t kLeaseRegionSize = 144;
inline constexpr std::uint32_t kSelfTestRegionSize = 120;
inline constexpr std::uint32_t kSignatureSize = 64;
inline constexpr std::uint32_t kLeaseFrameSize = kFrameHeaderSize + kLeaseRegionSize + kSignatureSize;
inline constexpr std::uint32_t kSelfTestFrameSize = kFrameHeaderSize + kSelfTestRegionSize + kSignatureSize;
inline constexpr std::uint32_t kRefusedFrameSize = 40;
inline constexpr std::uint32_t kFrameSizeMax = kLeaseFrameSize;

}  // namespace aseptic::interlock
