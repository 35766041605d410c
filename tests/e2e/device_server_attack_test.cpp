// SPDX-License-Identifier: Apache-2.0
// Servers that are not the device's own, and reports that are not a device's own, against the whole device.
#include <openssl/ssl.h>

#include <filesystem>

#include "tests/e2e/device_attack.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

class DeviceServerAttackTest : public DeviceAttackTest {
 protected:
  // TLS fails before anything is asked for.
  void expect_no_session(const Credential& identity) {
    begin("device_1", "repository_2", identity);
    expect_refused("platform.net_tls");
    EXPECT_GE(server->connections(), 1u);
    EXPECT_EQ(server->all_requests(), "");
  }
};

TEST_F(DeviceServerAttackTest, ACertificateMadeByTheTestIsGoodEnoughForThisSuite) {
  begin("device_1", "repository_1", authority().issue(server_plan()));
  device->power_on();
  wait_for_another_look();
  EXPECT_EQ(device->new_log().find("platform.net"), std::string::npos);
}

// Answers: T-28, ID-02, ID-03
TEST_F(DeviceServerAttackTest, AServerOfAnotherAuthorityIsRefused) {
  expect_no_session(TestCa("Demo private CA").issue(server_plan()));
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, ASelfSignedServerIsRefused) {
  expect_no_session(TestCa::self_signed(server_plan()));
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, AnExpiredServerIsRefused) {
  LeafPlan plan = server_plan();
  plan.not_after = plan.not_before + std::chrono::hours(24);
  expect_no_session(authority().issue(plan));
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, AServerThatIsNotValidYetIsRefused) {
  LeafPlan plan = server_plan();
  plan.not_before = plan.not_after - std::chrono::hours(24);
  expect_no_session(authority().issue(plan));
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, AServerOfAnotherNameIsRefused) {
  LeafPlan plan = server_plan();
  plan.alternative_names[1] = "DNS:updates.example";
  plan.alternative_names[0] = "IP:127.0.0.2";
  expect_no_session(authority().issue(plan));
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, AServerWithAClientsRoleIsRefused) {
  LeafPlan plan = server_plan();
  plan.extended_key_usage = "clientAuth";
  expect_no_session(authority().issue(plan));
}

// Answers: T-28, T-62, ID-03
TEST_F(DeviceServerAttackTest, ADevicesOwnCertificateMakesNoServer) {
  expect_no_session({platform::read_file(world("device_2/agent/tls/device.pem")), platform::read_file(world("device_2/agent/tls/device.key"))});
}

// Answers: T-28, ID-03
TEST_F(DeviceServerAttackTest, ADeviceCertificateForTheServersNameMakesNoServer) {
  LeafPlan plan = device_plan("pump-0666");
  plan.alternative_names.insert(plan.alternative_names.end(), {"IP:127.0.0.1", "DNS:localhost"});
  plan.extended_key_usage = "serverAuth,clientAuth";
  expect_no_session(authority().issue(plan));
}

// Answers: T-44, T-28
TEST_F(DeviceServerAttackTest, AServerThatSpeaksOnlyOldTlsIsRefused) {
  begin("device_1", "repository_2");
  TestServer old([](const Request&, Peer& peer) { peer.reply(404, ""); },
                 ServerTls{.certificate_chain_pem = rightful_server().certificate_pem, .key_pem = rightful_server().key_pem, .client_ca_pem = {}, .max_version = TLS1_2_VERSION});
  device = std::make_unique<VirtualDevice>(world("device_1"), old.port());
  expect_refused("platform.net_tls");
  EXPECT_GE(old.connections(), 1u);
  EXPECT_TRUE(old.requests().empty());
}

// Answers: T-27, T-63, DL-05
TEST_F(DeviceServerAttackTest, ARedirectToAnotherServerIsNotFollowed) {
  begin("device_1", "repository_2");
  TestServer elsewhere([](const Request&, Peer& peer) { peer.reply(200, "{}"); });
  server->instead = [&](const std::string& path, Peer& peer) {
    if (!path.starts_with("metadata/")) return false;
    peer.reply(302, "", "Location: " + elsewhere.url("/" + path) + "\r\n");
    return true;
  };
  expect_refused("platform.net_status");
  EXPECT_GE(server->served("metadata/"), 1u);
  EXPECT_EQ(elsewhere.connections(), 0u);
}

// --- reports, at the real server -----------------------------------------------------------------------------------

class DeviceReportAttackTest : public DeviceAttackTest {
 protected:
  void start_fleet() {
    fleet_ = std::make_unique<BackgroundProgram>(std::vector<std::string>{
        ASEPTIC_FLEET, "serve", "--repository", world("repository_1"), "--tls-cert", world("server/server.crt"), "--tls-key", world("server/server.pem"),
        "--client-ca", world("pki/ca.crt"), "--listen", "127.0.0.1:0", "--store", store()});
    const std::string line = fleet_->wait_for_line("listening on ");
    port_ = std::stoi(line.substr(line.rfind(':') + 1));
  }
  [[nodiscard]] std::string store() const { return folder_ / "fleet.sqlite"; }
  [[nodiscard]] std::string ask_fleet(const std::string& what) const {
    auto words = std::vector<std::string>{ASEPTIC_FLEET, what, "--store", store()};
    if (what == "reports") words.insert(words.end(), {"--device", "pump-0001"});
    return run_program(words).out;
  }
  bool fleet_says(const std::string& what, const std::string& text) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      if (ask_fleet(what).find(text) != std::string::npos) return true;
      usleep(50'000);
    }
    return false;
  }
  // The reports that wait on the device; at least one within the time.
  static std::vector<std::filesystem::path> queued_on(const VirtualDevice& source) {
    std::vector<std::filesystem::path> found;
    for (int i = 0; i < 400 && found.empty(); ++i) {
      for (const auto& entry : std::filesystem::directory_iterator(source.path("agent/reports")))
        if (!entry.path().filename().string().starts_with('.')) found.push_back(entry.path());
      usleep(50'000);
    }
    return found;
  }
  std::size_t reports() const { return count(ask_fleet("reports"), "\n"); }

  platform::TemporaryDirectory folder_;
  std::unique_ptr<BackgroundProgram> fleet_;
  int port_ = 0;
};

// Answers: T-22, T-79, LG-05
TEST_F(DeviceReportAttackTest, AClonedDeviceIsNoticed) {
  start_fleet();
  device = std::make_unique<VirtualDevice>(world("device_1"), port_);
  device->power_on();
  ASSERT_TRUE(fleet_says("reports", "pump-0001"));
  device->power_cut();
  // The clone has the same keys and the same memory, but another life: it was started once more before it reports.
  VirtualDevice clone(world("device_1"), port_);
  clone.set("report_url", "\"\"");
  clone.power_on();
  ASSERT_FALSE(queued_on(clone).empty());
  clone.power_cut();
  platform::write_file(clone.path("agent/memory.json"), platform::read_file(world("device_1/agent/memory.json")));
  std::filesystem::remove_all(clone.path("agent/reports"));
  clone.set("report_url", "\"https://localhost:" + std::to_string(port_) + "/v1/reports\"");
  clone.power_on();
  EXPECT_TRUE(fleet_says("alarms", "trust.clone")) << ask_fleet("alarms") << fleet_->take_in();
  EXPECT_TRUE(clone.logs("agent.report_refused"));
}

// Answers: T-22, T-78, LG-05
TEST_F(DeviceReportAttackTest, AReplayedReportIsNoticed) {
  start_fleet();
  device = std::make_unique<VirtualDevice>(world("device_1"), port_);
  device->set("report_url", "\"\"");
  device->power_on();
  const auto waiting = queued_on(*device);
  ASSERT_FALSE(waiting.empty());
  const std::filesystem::path queued = waiting.front();
  device->power_cut();
  const std::string old = platform::read_file(queued);
  device->set("report_url", "\"https://localhost:" + std::to_string(port_) + "/v1/reports\"");
  device->power_on();
  ASSERT_TRUE(fleet_says("reports", "pump-0001"));
  const auto taken = reports();
  device->power_cut();
  device->power_on();  // one newer report at least
  for (int i = 0; i < 400 && reports() <= taken; ++i) usleep(50'000);
  device->power_cut();
  EXPECT_GT(reports(), taken);
  // Somebody puts the old one back into the queue.
  device->write("agent/reports/" + queued.filename().string(), old);
  device->power_on();
  EXPECT_TRUE(fleet_says("alarms", "trust.replay")) << ask_fleet("alarms") << fleet_->take_in();
  EXPECT_TRUE(device->logs("agent.report_refused"));
}

}  // namespace
}  // namespace aseptic::test
