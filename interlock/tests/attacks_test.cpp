// SPDX-License-Identifier: Apache-2.0
// The attacks of the threat model that aim at the interlock, each against guard and client together.
#include <gtest/gtest.h>

#include "rig.h"

namespace aseptic::interlock {
namespace {

// Every message of the protocol with every identity right, as an agent process under an attacker's control
// would send it.
std::vector<AgentMessage> everything_an_agent_can_say(const Nonce& hold, const Nonce& challenge,
                                                      const ManifestDigest& manifest) {
  std::vector<AgentMessage> all;
  const auto add = [&](AgentMessageType type, ResetPurpose purpose) {
    AgentMessage m;
    m.type = type;
    m.hold = hold;
    const bool is_reset = type == AgentMessageType::kResetAsk;
    if (type != AgentMessageType::kHoldAsk && type != AgentMessageType::kRelease) m.challenge = challenge;
    if (is_reset || type == AgentMessageType::kHoldAsk) {
      m.transaction = kTransactionId;
      m.manifest = manifest;
    }
    m.purpose = purpose;
    all.push_back(m);
  };
  add(AgentMessageType::kHoldAsk, ResetPurpose::kNone);
  add(AgentMessageType::kRenew, ResetPurpose::kNone);
  add(AgentMessageType::kSelfTestAsk, ResetPurpose::kNone);
  add(AgentMessageType::kResetAsk, ResetPurpose::kSwitch);
  add(AgentMessageType::kResetAsk, ResetPurpose::kConfirm);
  add(AgentMessageType::kResetAsk, ResetPurpose::kRevert);
  add(AgentMessageType::kRelease, ResetPurpose::kNone);
  return all;
}

// Answers: T-66, SI-04, SI-01
TEST(InterlockAttack, NothingThatAnAgentCanSayTouchesARunningTherapy) {
  // SECURITY(T-66): all messages in all orders of three, and each with every single bit flipped: there is no
  // force flag.
  Rig rig;
  ASSERT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
  rig.application.conditions = bit(UseCondition::kTherapyActive);
  const auto all = everything_an_agent_can_say(filled<Nonce>(1), filled<Nonce>(2), kNext);
  for (const AgentMessage& first : all) {
    for (const AgentMessage& second : all) {
      for (const AgentMessage& third : all) {
        for (const AgentMessage* m : {&first, &second, &third})
          rig.tell_guard(*m);
      }
    }
    const Frame frame = encode(first);
    for (std::size_t flipped = 0; flipped < frame.size * 8u; ++flipped) {
      Frame other = frame;
      other.bytes[flipped / 8] = static_cast<std::uint8_t>(other.bytes[flipped / 8] ^ (1u << (flipped % 8)));
      rig.guard.receive(rig.guard_ports(), other.view());
    }
    rig.to_agent.sent.clear();
  }
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_EQ(rig.guard.state(), GuardState::kTherapy);
  EXPECT_EQ(rig.permit.medium, PermitCell{});
  EXPECT_EQ(rig.key.signatures, 0) << "no lease exists while therapy runs";
}

// Answers: T-66, SI-04
TEST(InterlockAttack, NoSequenceOfMessagesResetsWhileAnythingBlocks) {
  for (const BlockingRule& rule : kBlockingTable) {
    Rig rig;
    rig.hold_and_check();
    const Nonce hold = rig.client.hold();
    rig.application.conditions = bit(rule.condition);
    const auto all = everything_an_agent_can_say(hold, filled<Nonce>(2), kNext);
    for (const AgentMessage& first : all) {
      for (const AgentMessage& second : all) {
        rig.tell_guard(first);
        rig.tell_guard(second);
      }
    }
    EXPECT_TRUE(rig.reset.commanded.empty()) << rule.name;
  }
}

// Answers: T-65, SI-01, SI-08
TEST(InterlockAttack, ATriggerStormDoesNotKeepTheDeviceFromThePatient) {
  // Ten minutes of holds asked for as fast as possible and never used.
  Rig rig;
  const std::uint64_t begin = rig.clock.now;
  std::uint64_t free_ms = 0;
  int grants = 0;
  std::uint8_t nonce = 1;
  while (rig.clock.now - begin < 10 * 60 * 1000) {
    AgentMessage ask;
    ask.type = AgentMessageType::kHoldAsk;
    ask.hold = filled<Nonce>(nonce = static_cast<std::uint8_t>(nonce % 250 + 1));
    ask.transaction = kTransactionId;
    ask.manifest = kNext;
    const GuardState before = rig.guard.state();
    rig.tell_guard(ask);
    if (before == GuardState::kIdle && rig.guard.state() == GuardState::kInhibited) ++grants;
    rig.to_agent.sent.clear();
    rig.pass(100);
    rig.guard.poll(rig.guard_ports());
    if (rig.guard.state() == GuardState::kIdle) free_ms += 100;
  }
  EXPECT_LE(grants, 20) << "the pause doubles";
  EXPECT_GT(free_ms, 8u * 60 * 1000) << "therapy could be started most of the time";
  EXPECT_TRUE(rig.reset.commanded.empty());
  EXPECT_LT(rig.permit.stores, 60) << "a storm must not wear out the cell";
}

// Answers: T-65
TEST(InterlockAttack, AFloodOfQuestionsGetsFewSignatures) {
  Rig rig;
  rig.hold();
  const int before = rig.key.signatures;
  AgentMessage renew;
  renew.type = AgentMessageType::kRenew;
  renew.hold = rig.client.hold();
  renew.challenge = filled<Nonce>(3);
  for (int i = 0; i < 10'000; ++i)
    rig.tell_guard(renew);
  EXPECT_LE(rig.key.signatures - before, static_cast<int>(kAnswersPerWindowMax));
  EXPECT_EQ(rig.guard.state(), GuardState::kInhibited);
}

// Answers: T-65, SI-08
TEST(InterlockAttack, AnUpdateAbandonedMidwayIsCancelledAfterT) {
  Rig rig;
  rig.hold_and_check();
  rig.pass(kSilenceMsDefault);
  rig.guard.poll(rig.guard_ports());
  EXPECT_EQ(rig.guard.state(), GuardState::kIdle);
  EXPECT_EQ(rig.permit.medium, PermitCell{}) << "an arm that stays behind is worth nothing";
  EXPECT_EQ(rig.guard.begin_therapy(rig.guard_ports()), Status::kSuccess);
  rig.ask_reset_raw();
  EXPECT_TRUE(rig.reset.commanded.empty());
}

// Answers: SI-01
TEST(InterlockAttack, ARecordedHoldDoesNotWorkAfterAnotherStart) {
  Rig first;
  ASSERT_EQ(first.client.ask(first.client_ports(), first.terms()), Status::kSuccess);
  const auto question = first.to_therapy.sent.back();
  first.deliver_to_guard();
  const auto lease = first.take_from_guard();

  Rig later;  // same device and key, the next start
  later.facts.boot_id = filled<BootId>(0xb1);
  later.entropy.count = 100;  // fresh randomness never repeats
  later.guard = TherapyGuard{GuardConfig{}};
  ASSERT_EQ(later.guard.start(later.guard_ports(), later.facts), Status::kSuccess);
  HoldTerms terms = later.terms();
  terms.boot_id = later.facts.boot_id;
  ASSERT_EQ(later.client.ask(later.client_ports(), terms), Status::kSuccess);
  EXPECT_EQ(later.client.receive(later.client_ports(), lease), Status::kNotThisBoot);
  later.to_therapy.sent.clear();
  later.guard.receive(later.guard_ports(),
                      question);  // the replayed question only gets a hold that nobody uses
  EXPECT_EQ(later.client.receive(later.client_ports(), later.take_from_guard()), Status::kStaleLease);
  EXPECT_FALSE(later.client.is_held(later.client_ports()));
}

}  // namespace
}  // namespace aseptic::interlock
