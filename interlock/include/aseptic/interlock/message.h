// SPDX-License-Identifier: Apache-2.0
// Frames between the agent and the therapy side: fixed sizes, little-endian, one frame per packet.
// Format: docs/formats/interlock.md. Called by: TherapyGuard, HoldClient, the fuzz target, `inspect` tools.
// Invariants: parse() accepts exactly one spelling of each message (length, version, reserved bytes and
// unused fields are checked), writes `out` only on success, and reads nothing outside the given bytes.
// Security: a parsed message is only well-formed. HoldClient believes a lease after it verified the
// signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "aseptic/interlock/limits.h"
#include "aseptic/interlock/status.h"
#include "aseptic/interlock/types.h"

namespace aseptic::interlock {

using Bytes = std::span<const std::uint8_t>;

/// One frame in a fixed buffer.
struct Frame {
  std::array<std::uint8_t, kFrameSizeMax> bytes{};
  std::uint32_t size = 0;
  Bytes view() const { return Bytes(bytes.data(), size); }
  friend bool operator==(const Frame&, const Frame&) = default;
};

enum class AgentMessageType : std::uint8_t {
  kHoldAsk = 1,      // asks for a hold (or, in a trial, for the trial's lease): hold, transaction, manifest
  kRenew = 2,        // keeps the hold, asks for a lease about now: hold, challenge
  kResetAsk = 3,     // asks for the commanded reset: hold, challenge (answered just before), transaction,
                     // manifest, purpose
  kRelease = 4,      // gives the hold back: hold
  kSelfTestAsk = 5,  // in a trial: asks for the therapy side's self-test: hold, challenge
};

/// Why the agent wants the reset. There is no purpose that skips a check.
enum class ResetPurpose : std::uint32_t {
  kNone = 0,
  kSwitch = 1,   // start the armed trial; only while INHIBITED for this very hold
  kConfirm = 2,  // REQ_CONFIRM is durable, boot shall record CONFIRMED; only in a trial
  kRevert = 3,   // the trial failed (REQ_REVERT); only in a trial
};

/// Agent -> therapy side. Fields that a type does not use are zero, and parse() insists on it.
struct AgentMessage {
  AgentMessageType type = AgentMessageType::kRelease;
  Nonce hold{};
  Nonce challenge{};
  TransactionId transaction{};
  ManifestDigest manifest{};
  ResetPurpose purpose = ResetPurpose::kNone;
};

/// What the therapy side vouches for in a lease. A lease exists only while therapy is impossible.
enum class LeaseState : std::uint32_t {
  kInhibited = 0x49a3d5c6,  // held, PERMIT durable and read back
  kInTrial = 0xb65c2a39,    // runs a trial; therapy is inhibited until boot reports CONFIRMED
};

/// The signed statement. nonce = the agent's nonce of the question that this answers.
struct Lease {
  Nonce nonce{};
  DeviceId device_id{};
  TransactionId transaction{};
  ManifestDigest manifest{};
  BootId boot_id{};
  std::uint64_t sequence = 0;
  LeaseState state = LeaseState::kInhibited;
  std::uint32_t valid_ms = 0;
};

enum class SelfTestVerdict : std::uint32_t {
  kRunning = 0x35c9a65a,  // ask again
  kPassed = 0xca3659a5,
  kFailed = 0x9653ca3c,
};

/// Signed answer to kSelfTestAsk; its own domain, so that it can never be taken for a lease.
struct SelfTestReport {
  Nonce nonce{};
  DeviceId device_id{};
  ManifestDigest running{};
  BootId boot_id{};
  std::uint64_t sequence = 0;
  SelfTestVerdict verdict = SelfTestVerdict::kFailed;
};

/// Unsigned: it can only make the agent wait or give up, both of which are safe.
struct Refusal {
  Nonce nonce{};  // of the question: the challenge where there is one, else the hold
  Status reason = Status::kBadState;
  std::uint32_t blocking = 0;  // conditions of the blocking table that are present
  std::uint32_t retry_after_ms = 0;
};

enum class TherapyMessageType : std::uint8_t { kLease = 65, kSelfTest = 66, kRefused = 67 };

/// Therapy side -> agent; only the member named by `type` means something.
struct TherapyMessage {
  TherapyMessageType type = TherapyMessageType::kRefused;
  Lease lease{};
  SelfTestReport self_test{};
  Refusal refusal{};
  Signature signature{};
  Frame frame{};  // as received: the signed region is a part of it
};

using LeaseRegion = std::array<std::uint8_t, kLeaseRegionSize>;
using SelfTestRegion = std::array<std::uint8_t, kSelfTestRegionSize>;

/// The bytes that the therapy key signs, domain string included.
LeaseRegion lease_region(const Lease& lease);
SelfTestRegion self_test_region(const SelfTestReport& report);

Frame encode(const AgentMessage& message);
Frame encode(const Lease& lease, const Signature& signature);
Frame encode(const SelfTestReport& report, const Signature& signature);
Frame encode(const Refusal& refusal);

Status parse(Bytes frame, AgentMessage& out);
Status parse(Bytes frame, TherapyMessage& out);

}  // namespace aseptic::interlock
