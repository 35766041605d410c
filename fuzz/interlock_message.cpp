// SPDX-License-Identifier: Apache-2.0
// Hostile bytes on the therapy socket, in both directions. The first byte chooses the situation, the rest is
// one packet or several (each led by its length). Checked: parsers accept one spelling only; a running
// therapy survives anything; a guard in a trial or a hold never resets for packets that prove nothing; a
// client never believes an unsigned lease.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "aseptic/interlock/hold_client.h"
#include "aseptic/interlock/therapy_guard.h"

namespace {

using namespace aseptic::interlock;

void require(bool claim) {
  if (!claim) std::abort();
}

template <class T>
T filled(std::uint8_t value) {
  T out;
  out.bytes.fill(value);
  return out;
}

// Everything around guard and client; the key signs nothing that the fuzzer could guess, and verifies
// nothing.
struct Surroundings final : Clock,
                            Link,
                            LeaseSigner,
                            LeaseVerifier,
                            Entropy,
                            PermitStore,
                            TherapyProbe,
                            ResetLine {
  std::uint64_t boottime_ms() override { return ++now; }
  Status send(Bytes frame) override {
    TherapyMessage therapy;
    AgentMessage agent;
    require(parse(frame, therapy) == Status::kSuccess || parse(frame, agent) == Status::kSuccess);
    return Status::kSuccess;
  }
  Status sign(Bytes, Signature& out) override {
    ++signatures;
    out = filled<Signature>(0xa5);
    return Status::kSuccess;
  }
  Status verify(Bytes, const Signature&) override { return Status::kBadSignature; }
  Status fill(Nonce& out) override {
    out = filled<Nonce>(0x5c);
    return Status::kSuccess;
  }
  Status store(const PermitCell& cell) override {
    medium = cell;
    return Status::kSuccess;
  }
  Status sync() override { return Status::kSuccess; }
  Status read(PermitCell& out) override {
    out = medium;
    return Status::kSuccess;
  }
  Status answer(std::uint32_t challenge, UseReport& out) override {
    out.challenge = challenge;
    out.conditions = treats ? bit(UseCondition::kTherapyActive) : 0;
    out.patient_input_1 = out.patient_input_2 = PatientSignal::kDisconnected;
    return Status::kSuccess;
  }
  SelfTestVerdict self_test() override { return SelfTestVerdict::kPassed; }
  void command_reset(ResetPurpose purpose) override {
    require(!treats);
    commanded = purpose;
  }

  GuardPorts guard() { return {*this, *this, *this, *this, *this, *this}; }
  HoldPorts client() { return {*this, *this, *this, *this}; }

  std::uint64_t now = 1000;
  PermitCell medium{};
  bool treats = false;
  int signatures = 0;
  ResetPurpose commanded = ResetPurpose::kNone;
};

void check_one_spelling(Bytes packet) {
  AgentMessage agent;
  if (parse(packet, agent) == Status::kSuccess) {
    const Frame again = encode(agent);
    require(std::ranges::equal(again.view(), packet));
  }
  TherapyMessage therapy;
  if (parse(packet, therapy) != Status::kSuccess) return;
  Frame again;
  if (therapy.type == TherapyMessageType::kLease) again = encode(therapy.lease, therapy.signature);
  if (therapy.type == TherapyMessageType::kSelfTest) again = encode(therapy.self_test, therapy.signature);
  if (therapy.type == TherapyMessageType::kRefused) again = encode(therapy.refusal);
  require(std::ranges::equal(again.view(), packet));
}

BootFacts facts(RunKind kind) {
  return {filled<DeviceId>(1), filled<BootId>(2), filled<ManifestDigest>(3), 9, kind};
}

template <class Visit>
void for_each_packet(Bytes input, Visit&& visit) {
  while (!input.empty()) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    visit(input.subspan(1, length));
    input = input.subspan(1 + length);
  }
}

void attack_guard(Bytes input, RunKind kind, bool treats) {
  Surroundings around;
  TherapyGuard guard{GuardConfig{}};
  require(guard.start(around.guard(), facts(kind)) == Status::kSuccess);
  if (treats) {
    around.treats = true;
    require(guard.begin_therapy(around.guard()) == Status::kSuccess);
  }
  for_each_packet(input, [&](Bytes packet) {
    guard.receive(around.guard(), packet);
    const bool may_treat = guard.begin_therapy(around.guard()) == Status::kSuccess;
    if (kind == RunKind::kTrial) require(!may_treat);
    if (may_treat) {
      require(around.medium == PermitCell{});
      require(guard.end_therapy() == Status::kSuccess);
    }
  });
  if (treats) require(guard.state() == GuardState::kTherapy && around.signatures == 0);
  if (kind == RunKind::kTrial) require(around.commanded != ResetPurpose::kSwitch);
}

void attack_client(Bytes input) {
  Surroundings around;
  HoldClient client{HoldConfig{filled<DeviceId>(1)}};
  const HoldTerms terms{HoldKind::kSwitch, filled<TransactionId>(4), filled<ManifestDigest>(3),
                        filled<BootId>(2)};
  require(client.ask(around.client(), terms) == Status::kSuccess);
  for_each_packet(input, [&](Bytes packet) {
    static_cast<void>(client.receive(around.client(), packet));
    client.poll(around.client());
    require(!client.is_held(around.client()));
    require(client.ask_reset(around.client(), ResetPurpose::kSwitch) != Status::kSuccess);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check_one_spelling(input);
      break;
    case 1:
      attack_guard(input, RunKind::kConfirmed, true);
      break;
    case 2:
      attack_guard(input, RunKind::kConfirmed, false);
      break;
    case 3:
      attack_guard(input, RunKind::kTrial, false);
      break;
    case 4:
      attack_client(input);
      break;
  }
  return 0;
}
