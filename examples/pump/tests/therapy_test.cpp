// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/therapy.h"

#include <vector>

#include <gtest/gtest.h>

namespace aseptic::pump {
namespace {

using interlock::AgentMessage;
using interlock::AgentMessageType;
using interlock::GuardState;
using interlock::Status;

struct Fakes final : interlock::Clock,
                     interlock::Link,
                     interlock::LeaseSigner,
                     interlock::PermitStore,
                     interlock::ResetLine,
                     InfusionMarker {
  std::uint64_t boottime_ms() override { return now; }
  Status send(interlock::Bytes frame) override {
    sent.emplace_back(frame.begin(), frame.end());
    return Status::kSuccess;
  }
  Status sign(interlock::Bytes, interlock::Signature& out) override {
    out.bytes.fill(1);
    return Status::kSuccess;
  }
  Status store(const interlock::PermitCell& cell) override {
    medium = cell;
    return Status::kSuccess;
  }
  Status sync() override { return Status::kSuccess; }
  Status read(interlock::PermitCell& out) override {
    out = medium;
    return Status::kSuccess;
  }
  void command_reset(interlock::ResetPurpose) override { ++resets; }
  bool is_set() override { return marked; }
  bool set() override { return marker_works && (marked = true); }
  void clear() override { marked = false; }

  std::uint64_t now = 1000;
  std::vector<std::vector<std::uint8_t>> sent;
  interlock::PermitCell medium;
  int resets = 0;
  bool marked = false;
  bool marker_works = true;
};

class Device {
 public:
  explicit Device(interlock::RunKind kind = interlock::RunKind::kConfirmed) {
    facts.device_id.bytes.fill(1);
    facts.boot_id.bytes.fill(2);
    facts.running.bytes.fill(3);
    facts.boot_count = 4;
    facts.run_kind = kind;
  }
  Device& on() {
    EXPECT_EQ(therapy.start(facts), Status::kSuccess);
    return *this;
  }
  void ask_hold() {
    AgentMessage ask;
    ask.type = AgentMessageType::kHoldAsk;
    ask.hold.bytes.fill(9);
    ask.transaction.bytes.fill(8);
    ask.manifest.bytes.fill(7);
    therapy.agent_packet(interlock::encode(ask).view());
  }
  GuardState state() const { return therapy.guard().state(); }

  Fakes fakes;
  interlock::BootFacts facts;
  Therapy therapy{{fakes, fakes, fakes, fakes, fakes, fakes}, interlock::GuardConfig{}, "pump-test", 2000};
};

// Answers: SI-01, SI-02
TEST(Therapy, EveryStateOfThePumpThatIsNotIdleBlocksAHold) {
  for (const char* command : {"start", "connect", "program"}) {
    Device device;
    device.on();
    ASSERT_TRUE(device.therapy.panel(command).ok) << command;
    device.ask_hold();
    EXPECT_NE(device.state(), GuardState::kInhibited) << command;
  }
  Device alarmed;
  alarmed.fakes.marked = true;
  alarmed.on();
  EXPECT_EQ(alarmed.therapy.infusion().state(), InfusionState::kAlarm);
  alarmed.ask_hold();
  EXPECT_EQ(alarmed.state(), GuardState::kIdle);
}

// Answers: SI-03
TEST(Therapy, TheStartButtonIsRefusedWhileTheUpdateHoldsThePump) {
  Device device;
  device.on();
  device.ask_hold();
  ASSERT_EQ(device.state(), GuardState::kInhibited);
  const PanelAnswer answer = device.therapy.panel("start");
  EXPECT_FALSE(answer.ok);
  EXPECT_NE(answer.text.find("update is in progress"), std::string::npos) << answer.text;
  EXPECT_EQ(device.therapy.infusion().state(), InfusionState::kIdle);
  device.therapy.agent_gone();
  EXPECT_TRUE(device.therapy.panel("start").ok);
}

TEST(Therapy, TheStartButtonIsRefusedInATrial) {
  Device device(interlock::RunKind::kTrial);
  device.on();
  EXPECT_FALSE(device.therapy.panel("start").ok);
}

TEST(Therapy, ConnectingThePatientEndsAHold) {
  Device device;
  device.on();
  device.ask_hold();
  ASSERT_TRUE(device.therapy.panel("connect").ok);
  device.therapy.tick();
  EXPECT_EQ(device.state(), GuardState::kIdle);
}

TEST(Therapy, AnInfusionThatCannotBeRecordedIsNotStarted) {
  Device device;
  device.on();
  device.fakes.marker_works = false;
  EXPECT_FALSE(device.therapy.panel("start").ok);
  EXPECT_EQ(device.therapy.infusion().state(), InfusionState::kIdle);
  EXPECT_EQ(device.state(), GuardState::kIdle);
}

TEST(Therapy, AnInfusionThatIsThroughFreesTheInterlockAfterTheAlarm) {
  Device device;
  device.on();
  ASSERT_TRUE(device.therapy.panel("program 1200 1").ok);
  ASSERT_TRUE(device.therapy.panel("start").ok);
  EXPECT_EQ(device.state(), GuardState::kTherapy);
  device.fakes.now += 10'000;
  device.therapy.tick();
  EXPECT_EQ(device.therapy.infusion().state(), InfusionState::kAlarm);
  EXPECT_EQ(device.state(), GuardState::kIdle);
  EXPECT_FALSE(device.fakes.marked);
  device.ask_hold();
  EXPECT_EQ(device.state(), GuardState::kIdle) << "the alarm still blocks";
  ASSERT_TRUE(device.therapy.panel("stop").ok);
  device.ask_hold();
  EXPECT_EQ(device.state(), GuardState::kInhibited);
}

TEST(Therapy, RefusesWrongCommandsWithOneSentence) {
  Device device;
  device.on();
  for (const char* command : {"", "Start", "force", "start --force", "program", "program 1", "program 1 2 3",
                              "program -1 5", "program 1201 5", "update now"}) {
    const bool opens_session = std::string_view(command) == "program";
    const PanelAnswer answer = device.therapy.panel(command);
    EXPECT_EQ(answer.ok, opens_session) << command;
    EXPECT_FALSE(answer.text.empty());
    device.therapy.panel("stop");
  }
}

TEST(Therapy, DoesNotSwitchOffUnderAnInfusion) {
  Device device;
  device.on();
  ASSERT_TRUE(device.therapy.panel("start").ok);
  EXPECT_FALSE(device.therapy.panel("power-off").power_off);
  EXPECT_FALSE(device.therapy.panel("disconnect").ok);
  ASSERT_TRUE(device.therapy.panel("stop").ok);
  EXPECT_TRUE(device.therapy.panel("power-off").power_off);
}

}  // namespace
}  // namespace aseptic::pump
