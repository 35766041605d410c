// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/message.h"

#include "wire.h"

namespace aseptic::interlock {
namespace {

constexpr std::uint32_t kMagic = 0x4c495341;  // "ASIL" as bytes
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kDomainSize = 24;

// Domain strings keep a lease, a self-test report and every other signature of the system apart.
constexpr std::array<std::uint8_t, kDomainSize> domain(const char* text) {
  std::array<std::uint8_t, kDomainSize> out{};
  for (std::size_t i = 0; text[i] != 0; ++i)
    out[i] = static_cast<std::uint8_t>(text[i]);
  return out;
}
constexpr auto kLeaseDomain = domain("aseptic-lease-v1");
constexpr auto kSelfTestDomain = domain("aseptic-selftest-v1");

static_assert(kAgentFrameSize == kFrameHeaderSize + 16 + 16 + 16 + 32 + 4 + 4);
static_assert(kLeaseRegionSize == kDomainSize + 16 + 16 + 16 + 32 + 16 + 8 + 4 + 4 + 8);
static_assert(kSelfTestRegionSize == kDomainSize + 16 + 16 + 32 + 16 + 8 + 4 + 4);
static_assert(kRefusedFrameSize == kFrameHeaderSize + 16 + 4 + 4 + 4 + 4);
static_assert(kLeaseFrameSize <= kFrameSizeMax && kSelfTestFrameSize <= kFrameSizeMax &&
              kAgentFrameSize <= kFrameSizeMax && kRefusedFrameSize <= kFrameSizeMax);

void put_header(WireWriter& out, std::uint8_t type, std::uint32_t size) {
  out.number(kMagic);
  out.number(kVersion);
  out.number(type);
  out.number(static_cast<std::uint16_t>(size));
}

struct Header {
  std::uint8_t type = 0;
  std::uint16_t size = 0;
};

Status take_header(Bytes frame, WireReader& in, Header& out) {
  if (frame.size() < kFrameHeaderSize) return Status::kBadLength;
  if (in.number<std::uint32_t>() != kMagic) return Status::kBadMagic;
  if (in.number<std::uint8_t>() != kVersion) return Status::kBadVersion;
  out.type = in.number<std::uint8_t>();
  out.size = in.number<std::uint16_t>();
  return out.size == frame.size() ? Status::kSuccess : Status::kBadLength;
}

bool is_known(AgentMessageType type) {
  return type >= AgentMessageType::kHoldAsk && type <= AgentMessageType::kSelfTestAsk;
}

// One spelling per message: a field is present exactly when its type uses it.
Status check_fields(const AgentMessage& m) {
  const bool is_hold_ask = m.type == AgentMessageType::kHoldAsk;
  const bool is_reset_ask = m.type == AgentMessageType::kResetAsk;
  const bool is_release = m.type == AgentMessageType::kRelease;
  if (is_zero(m.hold)) return Status::kBadValue;
  if (is_zero(m.challenge) != (is_hold_ask || is_release)) return Status::kBadValue;
  if (is_zero(m.transaction) != !(is_hold_ask || is_reset_ask)) return Status::kBadValue;
  if (is_zero(m.manifest) != !(is_hold_ask || is_reset_ask)) return Status::kBadValue;
  const bool has_purpose = m.purpose == ResetPurpose::kSwitch || m.purpose == ResetPurpose::kConfirm ||
                           m.purpose == ResetPurpose::kRevert;
  if (has_purpose != is_reset_ask) return Status::kBadValue;
  return has_purpose || m.purpose == ResetPurpose::kNone ? Status::kSuccess : Status::kBadValue;
}

Status parse_lease(WireReader& in, TherapyMessage& out) {
  Lease& lease = out.lease;
  if (!in.matches(kLeaseDomain)) return Status::kBadValue;
  in.bytes(lease.nonce.bytes);
  in.bytes(lease.device_id.bytes);
  in.bytes(lease.transaction.bytes);
  in.bytes(lease.manifest.bytes);
  in.bytes(lease.boot_id.bytes);
  lease.sequence = in.number<std::uint64_t>();
  lease.state = static_cast<LeaseState>(in.number<std::uint32_t>());
  lease.valid_ms = in.number<std::uint32_t>();
  if (!in.zeros(8)) return Status::kReservedSet;
  in.bytes(out.signature.bytes);
  if (lease.state != LeaseState::kInhibited && lease.state != LeaseState::kInTrial) return Status::kBadValue;
  if (lease.valid_ms < kLeaseValidMsMin || lease.valid_ms > kLeaseValidMsMax) return Status::kBadValue;
  return lease.sequence != 0 ? Status::kSuccess : Status::kBadValue;
}

Status parse_self_test(WireReader& in, TherapyMessage& out) {
  SelfTestReport& report = out.self_test;
  if (!in.matches(kSelfTestDomain)) return Status::kBadValue;
  in.bytes(report.nonce.bytes);
  in.bytes(report.device_id.bytes);
  in.bytes(report.running.bytes);
  in.bytes(report.boot_id.bytes);
  report.sequence = in.number<std::uint64_t>();
  report.verdict = static_cast<SelfTestVerdict>(in.number<std::uint32_t>());
  if (!in.zeros(4)) return Status::kReservedSet;
  in.bytes(out.signature.bytes);
  const bool is_known_verdict = report.verdict == SelfTestVerdict::kRunning ||
                                report.verdict == SelfTestVerdict::kPassed ||
                                report.verdict == SelfTestVerdict::kFailed;
  return is_known_verdict && report.sequence != 0 ? Status::kSuccess : Status::kBadValue;
}

Status parse_refusal(WireReader& in, Refusal& out) {
  in.bytes(out.nonce.bytes);
  const auto reason = in.number<std::uint32_t>();
  out.blocking = in.number<std::uint32_t>();
  out.retry_after_ms = in.number<std::uint32_t>();
  if (!in.zeros(4)) return Status::kReservedSet;
  out.reason = static_cast<Status>(reason);
  // A refusal that says "success" would be a contradiction that a careless reader might believe.
  return is_known_status(reason) && out.reason != Status::kSuccess ? Status::kSuccess : Status::kBadValue;
}

}  // namespace

LeaseRegion lease_region(const Lease& lease) {
  LeaseRegion region{};
  WireWriter out(region);
  out.bytes(kLeaseDomain);
  out.bytes(lease.nonce.bytes);
  out.bytes(lease.device_id.bytes);
  out.bytes(lease.transaction.bytes);
  out.bytes(lease.manifest.bytes);
  out.bytes(lease.boot_id.bytes);
  out.number(lease.sequence);
  out.number(static_cast<std::uint32_t>(lease.state));
  out.number(lease.valid_ms);
  out.zeros(8);
  return region;
}

SelfTestRegion self_test_region(const SelfTestReport& report) {
  SelfTestRegion region{};
  WireWriter out(region);
  out.bytes(kSelfTestDomain);
  out.bytes(report.nonce.bytes);
  out.bytes(report.device_id.bytes);
  out.bytes(report.running.bytes);
  out.bytes(report.boot_id.bytes);
  out.number(report.sequence);
  out.number(static_cast<std::uint32_t>(report.verdict));
  out.zeros(4);
  return region;
}

Frame encode(const AgentMessage& message) {
  Frame frame;
  frame.size = kAgentFrameSize;
  WireWriter out(std::span(frame.bytes).first(frame.size));
  put_header(out, static_cast<std::uint8_t>(message.type), frame.size);
  out.bytes(message.hold.bytes);
  out.bytes(message.challenge.bytes);
  out.bytes(message.transaction.bytes);
  out.bytes(message.manifest.bytes);
  out.number(static_cast<std::uint32_t>(message.purpose));
  out.zeros(4);
  return frame;
}

Frame encode(const Lease& lease, const Signature& signature) {
  Frame frame;
  frame.size = kLeaseFrameSize;
  WireWriter out(std::span(frame.bytes).first(frame.size));
  put_header(out, static_cast<std::uint8_t>(TherapyMessageType::kLease), frame.size);
  out.bytes(lease_region(lease));
  out.bytes(signature.bytes);
  return frame;
}

Frame encode(const SelfTestReport& report, const Signature& signature) {
  Frame frame;
  frame.size = kSelfTestFrameSize;
  WireWriter out(std::span(frame.bytes).first(frame.size));
  put_header(out, static_cast<std::uint8_t>(TherapyMessageType::kSelfTest), frame.size);
  out.bytes(self_test_region(report));
  out.bytes(signature.bytes);
  return frame;
}

Frame encode(const Refusal& refusal) {
  Frame frame;
  frame.size = kRefusedFrameSize;
  WireWriter out(std::span(frame.bytes).first(frame.size));
  put_header(out, static_cast<std::uint8_t>(TherapyMessageType::kRefused), frame.size);
  out.bytes(refusal.nonce.bytes);
  out.number(static_cast<std::uint32_t>(refusal.reason));
  out.number(refusal.blocking);
  out.number(refusal.retry_after_ms);
  out.zeros(4);
  return frame;
}

Status parse(Bytes frame, AgentMessage& out) {
  WireReader in(frame);
  Header header;
  if (const Status s = take_header(frame, in, header); s != Status::kSuccess) return s;
  AgentMessage message;
  message.type = static_cast<AgentMessageType>(header.type);
  if (!is_known(message.type)) return Status::kUnknownType;
  if (header.size != kAgentFrameSize) return Status::kBadLength;
  in.bytes(message.hold.bytes);
  in.bytes(message.challenge.bytes);
  in.bytes(message.transaction.bytes);
  in.bytes(message.manifest.bytes);
  message.purpose = static_cast<ResetPurpose>(in.number<std::uint32_t>());
  if (!in.zeros(4)) return Status::kReservedSet;
  if (const Status s = check_fields(message); s != Status::kSuccess) return s;
  out = message;
  return Status::kSuccess;
}

Status parse(Bytes frame, TherapyMessage& out) {
  WireReader in(frame);
  Header header;
  if (const Status s = take_header(frame, in, header); s != Status::kSuccess) return s;
  TherapyMessage message;
  message.type = static_cast<TherapyMessageType>(header.type);
  std::uint32_t size = 0;
  switch (message.type) {
    case TherapyMessageType::kLease:
      size = kLeaseFrameSize;
      break;
    case TherapyMessageType::kSelfTest:
      size = kSelfTestFrameSize;
      break;
    case TherapyMessageType::kRefused:
      size = kRefusedFrameSize;
      break;
    default:
      return Status::kUnknownType;
  }
  if (header.size != size) return Status::kBadLength;
  Status verdict = Status::kUnknownType;
  if (message.type == TherapyMessageType::kLease) verdict = parse_lease(in, message);
  if (message.type == TherapyMessageType::kSelfTest) verdict = parse_self_test(in, message);
  if (message.type == TherapyMessageType::kRefused) verdict = parse_refusal(in, message.refusal);
  if (verdict != Status::kSuccess) return verdict;
  for (std::size_t i = 0; i < frame.size(); ++i)
    message.frame.bytes[i] = frame[i];
  message.frame.size = size;
  out = message;
  return Status::kSuccess;
}

}  // namespace aseptic::interlock
