// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/message.h"

#include <vector>

#include <gtest/gtest.h>

#include "rig.h"

namespace aseptic::interlock {
namespace {

AgentMessage example(AgentMessageType type) {
  AgentMessage m;
  m.type = type;
  m.hold = filled<Nonce>(0x11);
  const bool asks_reset = type == AgentMessageType::kResetAsk;
  if (type != AgentMessageType::kHoldAsk && type != AgentMessageType::kRelease)
    m.challenge = filled<Nonce>(0x22);
  if (asks_reset || type == AgentMessageType::kHoldAsk) {
    m.transaction = kTransactionId;
    m.manifest = kNext;
  }
  if (asks_reset) m.purpose = ResetPurpose::kSwitch;
  return m;
}

const AgentMessageType kAgentTypes[] = {AgentMessageType::kHoldAsk, AgentMessageType::kRenew,
                                        AgentMessageType::kResetAsk, AgentMessageType::kRelease,
                                        AgentMessageType::kSelfTestAsk};

std::vector<std::uint8_t> bytes_of(const Frame& frame) {
  return {frame.bytes.begin(), frame.bytes.begin() + frame.size};
}

Lease example_lease() {
  Lease lease;
  lease.nonce = filled<Nonce>(0x33);
  lease.device_id = kDeviceId;
  lease.transaction = kTransactionId;
  lease.manifest = kNext;
  lease.boot_id = kBootId;
  lease.sequence = 0x0102030405060708ULL;
  lease.valid_ms = kLeaseValidMsMax;
  return lease;
}

SelfTestReport example_report() {
  SelfTestReport report;
  report.nonce = filled<Nonce>(0x44);
  report.device_id = kDeviceId;
  report.running = kRunning;
  report.boot_id = kBootId;
  report.sequence = 3;
  report.verdict = SelfTestVerdict::kPassed;
  return report;
}

std::vector<std::vector<std::uint8_t>> therapy_examples() {
  Refusal refusal;
  refusal.nonce = filled<Nonce>(0x55);
  refusal.reason = Status::kTherapyBlocked;
  refusal.blocking = 3;
  refusal.retry_after_ms = 500;
  const auto signature = filled<Signature>(0x66);
  return {bytes_of(encode(example_lease(), signature)), bytes_of(encode(example_report(), signature)),
          bytes_of(encode(refusal))};
}

TEST(InterlockMessage, CarriesEveryAgentMessageUnchanged) {
  for (const AgentMessageType type : kAgentTypes) {
    const AgentMessage sent = example(type);
    AgentMessage received;
    ASSERT_EQ(parse(encode(sent).view(), received), Status::kSuccess) << static_cast<int>(type);
    EXPECT_EQ(received.type, sent.type);
    EXPECT_EQ(received.hold, sent.hold);
    EXPECT_EQ(received.challenge, sent.challenge);
    EXPECT_EQ(received.transaction, sent.transaction);
    EXPECT_EQ(received.manifest, sent.manifest);
    EXPECT_EQ(received.purpose, sent.purpose);
  }
}

TEST(InterlockMessage, CarriesALeaseUnchanged) {
  TherapyMessage received;
  ASSERT_EQ(parse(encode(example_lease(), filled<Signature>(9)).view(), received), Status::kSuccess);
  EXPECT_EQ(received.type, TherapyMessageType::kLease);
  EXPECT_EQ(lease_region(received.lease), lease_region(example_lease()));
  EXPECT_EQ(received.signature, filled<Signature>(9));
}

TEST(InterlockMessage, EncodesTheDocumentedExample) {
  const auto frame = bytes_of(encode(example_lease(), filled<Signature>(9)));
  ASSERT_EQ(frame.size(), 216u);
  const std::vector<std::uint8_t> head(frame.begin(), frame.begin() + 24);
  const std::vector<std::uint8_t> expected = {'A', 'S', 'I', 'L', 1,   65,  216, 0,   'a', 's', 'e', 'p',
                                              't', 'i', 'c', '-', 'l', 'e', 'a', 's', 'e', '-', 'v', '1'};
  EXPECT_EQ(head, expected);
  EXPECT_EQ(frame[8 + 120], 0x08) << "sequence at 120 of the region, little-endian";
  EXPECT_EQ(frame[8 + 127], 0x01);
  EXPECT_EQ(frame[8 + 132], 0xd0) << "valid_ms 2000 at 132";
  EXPECT_EQ(frame[8 + 133], 0x07);
}

TEST(InterlockMessage, RefusesEveryOtherLength) {
  AgentMessage agent;
  TherapyMessage therapy;
  for (const AgentMessageType type : kAgentTypes) {
    auto frame = bytes_of(encode(example(type)));
    for (std::size_t length = 0; length <= frame.size() + 8; ++length) {
      if (length == frame.size()) continue;
      auto other = frame;
      other.resize(length);
      EXPECT_NE(parse(other, agent), Status::kSuccess);
      if (length >= kFrameHeaderSize)
        other[6] = static_cast<std::uint8_t>(length);  // the header agrees with the length
      EXPECT_NE(parse(other, agent), Status::kSuccess);
    }
  }
  for (auto frame : therapy_examples()) {
    const std::size_t right = frame.size();
    for (std::size_t length = 0; length <= right + 8; ++length) {
      if (length == right) continue;
      auto other = frame;
      other.resize(length);
      EXPECT_NE(parse(other, therapy), Status::kSuccess);
      if (length >= kFrameHeaderSize) other[6] = static_cast<std::uint8_t>(length);
      EXPECT_NE(parse(other, therapy), Status::kSuccess);
    }
  }
}

// Answers: SI-04
TEST(InterlockMessage, AcceptsOneSpellingOnlyForEveryByteOfAnAgentMessage) {
  // SECURITY(T-66): any frame that parses is exactly the re-encoding of what was parsed, so there is no room
  // for a flag.
  for (const AgentMessageType type : kAgentTypes) {
    const auto frame = bytes_of(encode(example(type)));
    for (std::size_t at = 0; at < frame.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        auto other = frame;
        other[at] = static_cast<std::uint8_t>(value);
        AgentMessage parsed;
        if (parse(other, parsed) != Status::kSuccess) continue;
        EXPECT_EQ(bytes_of(encode(parsed)), other) << "byte " << at;
      }
    }
  }
}

TEST(InterlockMessage, AcceptsOneSpellingOnlyForEveryByteOfATherapyMessage) {
  for (const auto& frame : therapy_examples()) {
    for (std::size_t at = 0; at < frame.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        auto other = frame;
        other[at] = static_cast<std::uint8_t>(value);
        TherapyMessage parsed;
        if (parse(other, parsed) != Status::kSuccess) continue;
        std::vector<std::uint8_t> again;
        if (parsed.type == TherapyMessageType::kLease)
          again = bytes_of(encode(parsed.lease, parsed.signature));
        if (parsed.type == TherapyMessageType::kSelfTest)
          again = bytes_of(encode(parsed.self_test, parsed.signature));
        if (parsed.type == TherapyMessageType::kRefused) again = bytes_of(encode(parsed.refusal));
        EXPECT_EQ(again, other) << "byte " << at;
      }
    }
  }
}

TEST(InterlockMessage, NamesWhatIsWrong) {
  AgentMessage out;
  auto frame = bytes_of(encode(example(AgentMessageType::kResetAsk)));
  auto with = [&](std::size_t at, std::uint8_t value) {
    auto other = frame;
    other[at] = value;
    return parse(other, out);
  };
  EXPECT_EQ(with(0, 'X'), Status::kBadMagic);
  EXPECT_EQ(with(4, 2), Status::kBadVersion);
  EXPECT_EQ(with(5, 0), Status::kUnknownType);
  EXPECT_EQ(with(5, 6), Status::kUnknownType);
  EXPECT_EQ(with(5, 65), Status::kUnknownType) << "a lease is no question";
  EXPECT_EQ(with(6, 95), Status::kBadLength);
  EXPECT_EQ(with(88, 4), Status::kBadValue) << "no fourth purpose";
  EXPECT_EQ(with(91, 0x80), Status::kBadValue) << "no flag in the purpose";
  EXPECT_EQ(with(92, 1), Status::kReservedSet);
  EXPECT_EQ(with(95, 0x80), Status::kReservedSet);
}

TEST(InterlockMessage, RefusesFieldsThatTheTypeDoesNotUse) {
  AgentMessage out;
  AgentMessage release = example(AgentMessageType::kRelease);
  release.purpose = ResetPurpose::kSwitch;
  EXPECT_EQ(parse(encode(release).view(), out), Status::kBadValue);
  AgentMessage renew = example(AgentMessageType::kRenew);
  renew.manifest = kNext;
  EXPECT_EQ(parse(encode(renew).view(), out), Status::kBadValue);
  AgentMessage hold = example(AgentMessageType::kHoldAsk);
  hold.challenge = filled<Nonce>(1);
  EXPECT_EQ(parse(encode(hold).view(), out), Status::kBadValue);
  AgentMessage nameless = example(AgentMessageType::kRelease);
  nameless.hold = Nonce{};
  EXPECT_EQ(parse(encode(nameless).view(), out), Status::kBadValue);
}

TEST(InterlockMessage, BoundsTheValidityOfALease) {
  TherapyMessage out;
  Lease lease = example_lease();
  const auto verdict = [&](std::uint32_t valid_ms) {
    lease.valid_ms = valid_ms;
    return parse(encode(lease, Signature{}).view(), out);
  };
  EXPECT_EQ(verdict(kLeaseValidMsMin - 1), Status::kBadValue);
  EXPECT_EQ(verdict(kLeaseValidMsMin), Status::kSuccess);
  EXPECT_EQ(verdict(2000), Status::kSuccess);
  EXPECT_EQ(verdict(2001), Status::kBadValue);
  EXPECT_EQ(verdict(0xffffffff), Status::kBadValue);
}

TEST(InterlockMessage, RefusesARefusalThatSaysSuccess) {
  Refusal refusal;
  refusal.reason = Status::kSuccess;
  TherapyMessage out;
  EXPECT_EQ(parse(encode(refusal).view(), out), Status::kBadValue);
  refusal.reason = static_cast<Status>(17);
  EXPECT_EQ(parse(encode(refusal).view(), out), Status::kBadValue);
}

TEST(InterlockMessage, KeepsLeaseAndSelfTestDomainsApart) {
  const auto lease = lease_region(example_lease());
  const auto report = self_test_region(example_report());
  EXPECT_FALSE(std::equal(lease.begin(), lease.begin() + 24, report.begin()));
}

TEST(InterlockMessage, WritesNothingOnFailure) {
  AgentMessage out = example(AgentMessageType::kHoldAsk);
  const auto before = bytes_of(encode(out));
  auto frame = bytes_of(encode(example(AgentMessageType::kResetAsk)));
  frame[95] = 1;
  EXPECT_NE(parse(frame, out), Status::kSuccess);
  EXPECT_EQ(bytes_of(encode(out)), before);
}

}  // namespace
}  // namespace aseptic::interlock
