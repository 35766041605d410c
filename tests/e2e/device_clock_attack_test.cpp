// SPDX-License-Identifier: Apache-2.0
// Clocks that lie. The pump image is static, so its clock cannot be faked from outside; these tests run the same agent as a
// normal program (asepticd) on a device that boot has started before. It finds no therapy application, so it looks for releases
// and stages nothing.
#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

class DeviceClockAttackTest : public DeviceAttackTest {
 protected:
  void run_agent_at(const std::string& now) {
    agent_ = std::make_unique<BackgroundProgram>(std::vector<std::string>{ASEPTIC_AGENT, "run", device->path("")},
                                                 std::vector<std::string>{"TZ=UTC", "FAKETIME=@" + now, "LD_PRELOAD=" ASEPTIC_FAKETIME});
  }
  void TearDown() override {
    if (HasFailure() && agent_) std::cerr << agent_->take_in();
    agent_.reset();
    DeviceAttackTest::TearDown();
  }
  void expect_refused_at(const std::string& now, const std::string& reason, const Names& may_change) {
    const Fingerprint before = device->fingerprint();
    run_agent_at(now);
    EXPECT_TRUE(device->logs(reason)) << "expected " << reason;
    EXPECT_NE(device->new_log().find("\"wall\":\"" + now.substr(0, 10)), std::string::npos) << "the agent's clock shows " << now;
    agent_->terminate();
    expect_unchanged(before, may_change);
  }
  static inline const Names kMetadata = {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/targets.json",
                                         "agent/metadata/payload-index.json", "agent/time_floor.json", "requests/requests.bin"};

  std::unique_ptr<BackgroundProgram> agent_;
};

// Answers: T-69, T-08, LG-09
TEST_F(DeviceClockAttackTest, AClockSetBackTo1970DoesNotBringExpiredMetadataBack) {
  begin("device_1", "repository_2");
  site->role("timestamp")["expires"] = "2026-01-01T00:00:00Z";
  site->publish_timestamp();
  expect_refused_at("1970-01-02 00:00:00", "trust.freeze", {"requests/requests.bin"});
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-69, LG-09
TEST_F(DeviceClockAttackTest, AClockIn1970StopsNoUpdateBecauseTheFloorIsSigned) {
  begin("device_1", "repository_2");
  Names may_change = kMetadata;
  may_change.insert({"agent/transaction.json", "agent/memory.json"});
  expect_refused_at("1970-01-02 00:00:00", "agent.therapy", may_change);  // found and verified; held back by the interlock alone
  EXPECT_NE(device->new_log().find("agent.available"), std::string::npos);
}

// Answers: T-69, LG-09
TEST_F(DeviceClockAttackTest, AClockIn2099StopsUpdatesAndNothingElse) {
  begin("device_1", "repository_2");
  expect_refused_at("2099-01-01 00:00:00", "platform.net_tls", {"requests/requests.bin"});
  EXPECT_GE(server->connections(), 1u);
  // With the clock repaired the same device goes on: nothing of 2099 was kept.
  run_agent_at("2026-11-24 00:00:00");
  EXPECT_TRUE(device->logs("agent.available"));
}

// Answers: T-08, T-09
TEST_F(DeviceClockAttackTest, AFrozenRepositoryIsNoticedWhenItsTimestampRunsOut) {
  begin("device_1", "repository_1");  // exactly what the device knows, forever
  expect_refused_at("2027-03-01 00:00:00", "trust.freeze", {"requests/requests.bin"});
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

}  // namespace
}  // namespace aseptic::test
