// SPDX-License-Identifier: Apache-2.0
// Fakes for unit tests: one guard and one client with everything around them under the test's hand.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "aseptic/interlock/hold_client.h"
#include "aseptic/interlock/therapy_guard.h"

namespace aseptic::interlock {

template <class T>
T filled(std::uint8_t value) {
  T out;
  out.bytes.fill(value);
  return out;
}

class FakeClock final : public Clock {
 public:
  std::uint64_t boottime_ms() override { return now; }
  std::uint64_t now = 50'000;
};

class FakeLink final : public Link {
 public:
  Status send(Bytes frame) override {
    if (is_broken) return Status::kTransport;
    sent.emplace_back(frame.begin(), frame.end());
    return Status::kSuccess;
  }
  std::vector<std::vector<std::uint8_t>> sent;
  bool is_broken = false;
};

// "Signs" by copying key and a checksum of the region: enough to tell keys and regions apart.
class FakeKey final : public LeaseSigner, public LeaseVerifier {
 public:
  explicit FakeKey(std::uint8_t key) : key_(key) {}
  Status sign(Bytes region, Signature& out) override {
    if (is_broken) return Status::kSigner;
    ++signatures;
    std::uint64_t hash = key_;
    for (const std::uint8_t byte : region)
      hash = (hash ^ byte) * 1099511628211ULL;
    for (std::size_t i = 0; i < out.bytes.size(); ++i)
      out.bytes[i] = static_cast<std::uint8_t>(hash >> (8 * (i % 8)));
    return Status::kSuccess;
  }
  Status verify(Bytes region, const Signature& signature) override {
    Signature expected;
    const bool same = sign(region, expected) == Status::kSuccess && expected == signature;
    return same ? Status::kSuccess : Status::kBadSignature;
  }
  bool is_broken = false;
  int signatures = 0;

 private:
  std::uint8_t key_;
};

class FakePermit final : public PermitStore {
 public:
  Status store(const PermitCell& cell) override {
    if (fails) return Status::kStorage;
    cached = cell;
    ++stores;
    return Status::kSuccess;
  }
  Status sync() override {
    if (fails) return Status::kStorage;
    if (is_slow) return Status::kPending;
    if (!forgets) medium = cached;
    return sync_fails ? Status::kStorage : Status::kSuccess;
  }
  Status read(PermitCell& out) override {
    if (fails) return Status::kStorage;
    out = medium;
    return Status::kSuccess;
  }
  PermitCell cached{};
  PermitCell medium{};
  bool fails = false;
  bool is_slow = false;
  bool sync_fails = false;  // the data can be read, but nobody knows whether it is durable
  bool forgets = false;     // says "durable" and lies
  int stores = 0;
};

class FakeApplication final : public TherapyProbe {
 public:
  Status answer(std::uint32_t challenge, UseReport& out) override {
    ++questions;
    if (questions == changes_at_question) conditions = bit(UseCondition::kTherapyActive);
    if (is_dead) return Status::kNoAnswer;
    out.challenge = is_frozen ? last_challenge_ : challenge;
    last_challenge_ = out.challenge;
    out.conditions = conditions;
    out.patient_input_1 = input_1;
    out.patient_input_2 = input_2;
    return Status::kSuccess;
  }
  SelfTestVerdict self_test() override { return verdict; }

  std::uint32_t conditions = 0;
  PatientSignal input_1 = PatientSignal::kDisconnected;
  PatientSignal input_2 = PatientSignal::kDisconnected;
  SelfTestVerdict verdict = SelfTestVerdict::kPassed;
  bool is_frozen = false;
  bool is_dead = false;
  int questions = 0;
  int changes_at_question = -1;

 private:
  std::uint32_t last_challenge_ = 0;
};

class FakeReset final : public ResetLine {
 public:
  void command_reset(ResetPurpose purpose) override { commanded.push_back(purpose); }
  std::vector<ResetPurpose> commanded;
};

class FakeEntropy final : public Entropy {
 public:
  Status fill(Nonce& out) override {
    if (is_broken) return Status::kNoEntropy;
    out = filled<Nonce>(static_cast<std::uint8_t>(++count));
    out.bytes[15] = 0x99;
    return Status::kSuccess;
  }
  bool is_broken = false;
  int count = 0;
};

inline const DeviceId kDeviceId = filled<DeviceId>(0xd1);
inline const BootId kBootId = filled<BootId>(0xb0);
inline const TransactionId kTransactionId = filled<TransactionId>(0x77);
inline const ManifestDigest kRunning = filled<ManifestDigest>(0x01);
inline const ManifestDigest kNext = filled<ManifestDigest>(0x02);

class Rig {
 public:
  explicit Rig(RunKind kind = RunKind::kConfirmed) {
    facts.device_id = kDeviceId;
    facts.boot_id = kBootId;
    facts.running = kRunning;
    facts.boot_count = 12;
    facts.run_kind = kind;
    EXPECT_EQ(guard.start(guard_ports(), facts), Status::kSuccess);
  }

  GuardPorts guard_ports() { return {clock, to_agent, key, permit, application, reset}; }
  HoldPorts client_ports() { return {clock, to_therapy, public_key, entropy}; }

  HoldTerms terms(HoldKind kind = HoldKind::kSwitch) const {
    return {kind, kTransactionId, kind == HoldKind::kSwitch ? kNext : kRunning, kBootId};
  }

  // Carries packets both ways until nothing moves; returns what the client said to the last one.
  Status exchange() {
    Status last = Status::kSuccess;
    while (!to_therapy.sent.empty() || !to_agent.sent.empty()) {
      for (const auto& frame : std::exchange(to_therapy.sent, {}))
        guard.receive(guard_ports(), frame);
      for (const auto& frame : std::exchange(to_agent.sent, {}))
        last = client.receive(client_ports(), frame);
    }
    return last;
  }

  void settle() { static_cast<void>(exchange()); }

  void hold(HoldKind kind = HoldKind::kSwitch) {
    ASSERT_EQ(client.ask(client_ports(), terms(kind)), Status::kSuccess);
    settle();
    ASSERT_EQ(client.stage(), HoldStage::kHeld) << describe(client.last_reason()).name;
  }

  void hold_and_check(HoldKind kind = HoldKind::kSwitch) {
    hold(kind);
    ASSERT_EQ(client.check_now(client_ports()), Status::kSuccess);
    settle();
    ASSERT_EQ(client.stage(), HoldStage::kChecked);
  }

  void ask_reset(ResetPurpose purpose) {
    ASSERT_EQ(client.ask_reset(client_ports(), purpose), Status::kSuccess);
    settle();
  }

  // The client's reset question, sent although the guard's state changed since the check.
  void ask_reset_raw() {
    AgentMessage message;
    message.type = AgentMessageType::kResetAsk;
    message.hold = client.hold();
    message.challenge = filled<Nonce>(2);
    message.transaction = kTransactionId;
    message.manifest = kNext;
    message.purpose = ResetPurpose::kSwitch;
    tell_guard(message);
  }

  void pass(std::uint64_t ms) { clock.now += ms; }

  // The last frame that the guard sent, undelivered.
  std::vector<std::uint8_t> take_from_guard() {
    auto frame = to_agent.sent.back();
    to_agent.sent.clear();
    return frame;
  }
  void deliver_to_guard() {
    for (const auto& frame : std::exchange(to_therapy.sent, {}))
      guard.receive(guard_ports(), frame);
  }
  void tell_guard(const AgentMessage& message) { guard.receive(guard_ports(), encode(message).view()); }

  FakeClock clock;
  FakeLink to_agent;
  FakeLink to_therapy;
  FakeKey key{7};
  FakeKey public_key{7};
  FakePermit permit;
  FakeApplication application;
  FakeReset reset;
  FakeEntropy entropy;
  BootFacts facts;
  TherapyGuard guard{GuardConfig{}};
  HoldClient client{HoldConfig{kDeviceId}};
};

}  // namespace aseptic::interlock
