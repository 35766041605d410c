// SPDX-License-Identifier: Apache-2.0
// Both sides of the limits that have no test of their own beside the rule they belong to.
#include "aseptic/interlock/limits.h"

#include <gtest/gtest.h>

#include "rig.h"

namespace aseptic::interlock {
namespace {

AgentMessage hold_ask(std::uint8_t nonce) {
  AgentMessage m;
  m.type = AgentMessageType::kHoldAsk;
  m.hold = filled<Nonce>(nonce);
  m.transaction = kTransactionId;
  m.manifest = kNext;
  return m;
}

// A hold that leads to nothing; leaves the guard in its pause.
void waste_a_hold(Rig& rig) {
  rig.tell_guard(hold_ask(0x21));
  ASSERT_EQ(rig.guard.state(), GuardState::kInhibited);
  rig.guard.agent_gone(rig.guard_ports());
  ASSERT_EQ(rig.guard.state(), GuardState::kIdle);
  rig.to_agent.sent.clear();
}

bool is_granted(Rig& rig) {
  rig.tell_guard(hold_ask(0x22));
  return rig.guard.state() == GuardState::kInhibited;
}

// Answers: T-65
TEST(InterlockLimits, ThePauseEndsToTheMillisecondAndDoublesUpToItsMaximum) {
  std::uint32_t expected = kPauseMsFirst;
  for (int wasted = 0; wasted < 12; ++wasted) {
    Rig rig;
    for (int i = 0; i < wasted; ++i) {
      waste_a_hold(rig);
      rig.pass(kPauseMsMax);
    }
    waste_a_hold(rig);
    rig.pass(expected - 1);
    EXPECT_FALSE(is_granted(rig)) << wasted;
    rig.pass(1);
    EXPECT_TRUE(is_granted(rig)) << wasted;
    expected = std::min(expected * 2, kPauseMsMax);
  }
}

TEST(InterlockLimits, ThePauseIsForgottenAfterAWhile) {
  for (const std::uint32_t extra : {0u, 1u}) {
    Rig rig;
    waste_a_hold(rig);  // pause: the first
    rig.pass(kPauseMsFirst + kPauseForgetMs + extra);
    waste_a_hold(rig);
    rig.pass(kPauseMsFirst);
    EXPECT_EQ(is_granted(rig), extra == 1) << "still remembered, the pause is twice as long";
  }
}

// Answers: T-65
TEST(InterlockLimits, SignsSoManyAnswersPerWindowAndNotOneMore) {
  Rig rig;
  rig.hold();
  rig.pass(kAnswerWindowMs);
  AgentMessage renew;
  renew.type = AgentMessageType::kRenew;
  renew.hold = rig.client.hold();
  renew.challenge = filled<Nonce>(9);
  const int before = rig.key.signatures;
  for (std::uint32_t i = 0; i < kAnswersPerWindowMax; ++i)
    rig.tell_guard(renew);
  EXPECT_EQ(rig.key.signatures - before, static_cast<int>(kAnswersPerWindowMax));
  rig.tell_guard(renew);
  rig.pass(kAnswerWindowMs - 1);
  rig.tell_guard(renew);
  EXPECT_EQ(rig.key.signatures - before, static_cast<int>(kAnswersPerWindowMax));
  rig.pass(1);
  rig.tell_guard(renew);
  EXPECT_EQ(rig.key.signatures - before, static_cast<int>(kAnswersPerWindowMax) + 1);
}

TEST(InterlockLimits, TheClientRenewsAndAsksAgainToTheMillisecond) {
  Rig rig;
  rig.hold();
  rig.pass(kRenewMsDefault - 1);
  rig.client.poll(rig.client_ports());
  EXPECT_TRUE(rig.to_therapy.sent.empty());
  rig.pass(1);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.to_therapy.sent.size(), 1u);
  rig.to_therapy.sent.clear();  // lost: asked again after the answer timeout
  rig.pass(kAnswerTimeoutMsDefault - 1);
  rig.client.poll(rig.client_ports());
  EXPECT_TRUE(rig.to_therapy.sent.empty());
  rig.pass(1);
  rig.client.poll(rig.client_ports());
  EXPECT_EQ(rig.to_therapy.sent.size(), 1u);
}

TEST(InterlockLimits, TheClientsSettingsStayWithinTheirLimits) {
  struct Row {
    std::uint32_t HoldConfig::*field;
    std::uint32_t lowest;
    std::uint32_t highest;
  };
  const Row rows[] = {{&HoldConfig::renew_ms, kRenewMsMin, kRenewMsMax},
                      {&HoldConfig::answer_timeout_ms, kRenewMsMin, kSilenceMsMax},
                      {&HoldConfig::silence_ms, kSilenceMsMin, kSilenceMsMax}};
  for (const Row& row : rows) {
    HoldConfig config{kDeviceId};
    for (const std::uint32_t value : {row.lowest, row.highest}) {
      config.*row.field = value;
      EXPECT_EQ(check(config), Status::kSuccess);
    }
    for (const std::uint32_t value : {row.lowest - 1, row.highest + 1}) {
      config.*row.field = value;
      EXPECT_EQ(check(config), Status::kBadConfig);
      Rig rig;
      rig.client = HoldClient(config);
      EXPECT_EQ(rig.client.ask(rig.client_ports(), rig.terms()), Status::kBadConfig);
    }
  }
  EXPECT_EQ(check(HoldConfig{}), Status::kBadConfig) << "names no device";
}

}  // namespace
}  // namespace aseptic::interlock
