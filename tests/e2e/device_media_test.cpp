// SPDX-License-Identifier: Apache-2.0
// Removable media through the real processes: a device without any server, media of every evil kind, media beside servers.
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "fetch/tests/tar_maker.h"
#include "tests/e2e/device_attack.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class DeviceMediaTest : public DeviceAttackTest {
 protected:
  // device_1 knows the medium DEVICE/media/stick alone; no server has its name.
  void begin_air_gapped() {
    site = std::make_unique<HostileSite>(world("repository_2"), world("keys"));
    device = std::make_unique<VirtualDevice>(world("device_1"), 1);
    fs::create_directory(device->path("media"));
    device->set("url", "\"\"\nmedia = [\"media/stick\"]");
    device->set("report_url", "\"\"");
    // No certificate is needed where there is no server to ask.
    fs::remove_all(device->path("agent/tls"));
    device->patience = seconds(60);
  }
  // The server of `repository`, and the medium behind it.
  void begin_beside_a_server(const std::string& repository) {
    begin("device_1", repository);
    stick_site = std::make_unique<HostileSite>(world("repository_2"), world("keys"));
    fs::create_directory(device->path("media"));
    device->set("channel", "\"stable\"\nmedia = [\"media/stick\"]");
    device->patience = seconds(60);
  }
  [[nodiscard]] std::string stick(const std::string& name = "") const { return device->path("media/stick") + (name.empty() ? "" : "/" + name); }
  [[nodiscard]] HostileSite& on_stick() const { return stick_site ? *stick_site : *site; }
  // Written beside and renamed, as a mount appears.
  void insert() const {
    on_stick().write_to(device->path("media/.new"));
    fs::rename(device->path("media/.new"), stick());
  }
  void insert_bundle() const {
    on_stick().write_to(device->path("media/.new"));
    const auto made = run_program({ASEPTIC_COMMAND, "repo", "bundle", device->path("media/.new"), "--product", "6f1c2a8e-52f1-4c0b-9a53-1d0f6c1e2b10", "--output", stick()});
    ASSERT_EQ(made.exit_status, 0) << made.err;
    fs::remove_all(device->path("media/.new"));
  }
  void device_file(const std::string& name, const std::string& bytes) const { platform::write_file(device->path(name), bytes); }
  void take_out() const { fs::rename(stick(), device->path("media/.out")); }
  [[nodiscard]] std::string payload(const HostileSite& where) const {
    std::string digest;
    HostileSite copy = where;
    copy.edit_payloads([&](core::JsonArray& payloads) { digest = *payloads.front().as_object()->at("payload_digest").as_string(); });
    return digest;
  }
  void damage(HostileSite& where) const {
    std::string& bytes = where.files[where.target_file(payload(where))];
    for (std::size_t at = 32'768; at < bytes.size(); at += 32'768) bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  void expect_installed() {
    EXPECT_TRUE(device->logs("agent.other_slot_current")) << device->new_log();
    device->power_cut();
    EXPECT_NE(device->read("slots/a.img").find("2.0.0"), std::string::npos);
  }
  // The reason is in the log; the release before runs, nothing was reset, no slot was written.
  void expect_stick_refused(const std::string& reason) {
    device->power_on();
    EXPECT_TRUE(device->logs(reason)) << "expected " << reason;
    device->power_cut();
    expect_no_reset();
    EXPECT_EQ(device->read("slots/a.img").find("2.0.0"), std::string::npos);
    EXPECT_EQ(device->read("slots/b.img").find("2.0.0"), std::string::npos);
  }
  void look_now() const { run_program({ASEPTIC_AGENT, "check", device->path("")}); }

  std::unique_ptr<HostileSite> stick_site;
};

// Answers: DL-06
TEST_F(DeviceMediaTest, UpdatesFromAFolderWithNoServerAtAll) {
  begin_air_gapped();
  insert();
  device->power_on();
  expect_installed();
}

// Answers: DL-06
TEST_F(DeviceMediaTest, ASleepingDeviceIsWokenByCheckAndReadsWhatWasInsertedLater) {
  begin_air_gapped();
  device->set("poll_s", "3600");
  device->power_on();
  EXPECT_TRUE(device->logs("platform.net_connect")) << "no medium is a place that cannot be reached";
  std::this_thread::sleep_for(seconds(2));
  insert();
  // The network process, closed before there was a medium, is followed by one that may read it.
  std::this_thread::sleep_for(seconds(3));
  look_now();
  expect_installed();
  EXPECT_EQ(count(device->new_log(), "\"reason\":\"platform.net_connect\""), 1u) << "one line, not one for each look";
  EXPECT_EQ(count(device->new_log(), "agent.unreachable"), 0u) << device->new_log();
}

// Answers: DL-06, DL-03
TEST_F(DeviceMediaTest, AMediumThatIsPulledOutMidCopyIsContinuedWhereItWas) {
  begin_air_gapped();
  device->set("poll_s", "1\nrate_max_bytes_per_s = 65536");
  insert();
  device->power_on();
  const auto progress = [&] { return run_program({ASEPTIC_AGENT, "status", device->path(""), "--json"}).out; };
  const auto end = std::chrono::steady_clock::now() + seconds(40);
  while (progress().find("\"download\":{\"at\":") == std::string::npos && std::chrono::steady_clock::now() < end) usleep(50'000);
  std::this_thread::sleep_for(seconds(1));
  take_out();
  EXPECT_TRUE(device->logs("platform.net_connect")) << device->new_log();
  device->set("rate_max_bytes_per_s", "0");
  fs::rename(device->path("media/.out"), stick());
  expect_installed();
  EXPECT_EQ(count(device->new_log(), "agent.fetched"), 1u);
  EXPECT_EQ(device->new_log().find(" 0 in their place"), std::string::npos) << "what was copied before was kept";
}

// Answers: DL-06, AP-07
TEST_F(DeviceMediaTest, UpdatesFromABundleThatIsNeverUnpacked) {
  begin_air_gapped();
  insert_bundle();
  device->power_on();
  expect_installed();
}

// Answers: AP-07, T-41
TEST_F(DeviceMediaTest, T41_ABundleWithALinkInItIsRefusedAsAWhole) {
  begin_air_gapped();
  insert_bundle();
  std::string tar = device->read("media/stick");
  const std::string link = fetch::test::tar_entry("targets/link", "", [](std::string& header) { header[156] = '2'; header.replace(157, 11, "/etc/passwd"); });
  device_file("media/stick", tar.insert(0, link));
  expect_stick_refused("fetch.bundle");
}

// Answers: DL-06, T-18, T-64
TEST_F(DeviceMediaTest, AChangedByteOfAPayloadIsRefused) {
  begin_air_gapped();
  damage(*site);
  insert();
  device->power_on();
  EXPECT_TRUE(device->logs("payload.chunk_digest"));
  device->power_cut();
  expect_no_reset();
  EXPECT_NE(device->read("slots/a.img").find("1.0.0"), std::string::npos);
}

// Answers: DL-06, T-08
TEST_F(DeviceMediaTest, AnOldTimestampIsRefused) {
  site = std::make_unique<HostileSite>(world("repository_1"), world("keys"));
  device = std::make_unique<VirtualDevice>(world("device_2"), 1);
  fs::create_directory(device->path("media"));
  device->set("url", "\"\"\nmedia = [\"media/stick\"]");
  device->set("report_url", "\"\"");
  insert();
  expect_refused("trust.rollback");
}

// Answers: DL-06, T-41, T-64, DL-01
TEST_F(DeviceMediaTest, T41_LinksFifosAndHugeFilesNeitherLeadOutNorHang) {
  begin_air_gapped();
  insert();
  const std::string timestamp = stick("metadata/timestamp.json");
  const auto refused_as = [&](const std::string& reason) {
    expect_stick_refused(reason);
    fs::remove(timestamp);
  };
  fs::remove(timestamp);
  ASSERT_EQ(::symlink("/etc/passwd", timestamp.c_str()), 0);
  refused_as("platform.net_protocol");
  device = nullptr;
  begin_air_gapped();
  insert();
  fs::remove(stick("metadata/timestamp.json"));
  ASSERT_EQ(::mkfifo(stick("metadata/timestamp.json").c_str(), 0644), 0);
  expect_stick_refused("platform.net_protocol");
  device = nullptr;
  begin_air_gapped();
  insert();
  fs::resize_file(stick("metadata/timestamp.json"), std::uint64_t{1} << 40);
  expect_stick_refused("platform.net_too_large");
}

// Answers: KM-05, DL-06
TEST_F(DeviceMediaTest, AKeyThatAMediumsRootRevokedIsBelievedNoMoreOnThisMediumOrAnother) {
  begin_air_gapped();
  HostileSite forgotten = *site;  // a medium from before: its timestamp is signed by the key of then
  site->set_key("timestamp", "root-3");
  site->publish_root();
  site->signers["timestamp"] = {"timestamp"};  // whoever has the revoked key
  site->publish_timestamp();
  insert();
  device->power_on();
  EXPECT_TRUE(device->logs("trust.threshold"));
  take_out();
  device->power_cut();
  EXPECT_TRUE(device->read("agent/acquire/root.json").find("\"version\":2") != std::string::npos);
  *site = forgotten;
  insert();
  device->power_on();
  look_now();
  std::this_thread::sleep_for(seconds(3));
  device->power_cut();
  EXPECT_GE(count(device->new_log(), "trust.threshold"), 2u) << device->new_log();
  EXPECT_EQ(device->read("slots/a.img").find("2.0.0"), std::string::npos);
  EXPECT_EQ(device->read("slots/b.img").find("2.0.0"), std::string::npos);
}

// Answers: DL-06, T-18
TEST_F(DeviceMediaTest, AGoodMediumMakesUpForABadServer) {
  begin_beside_a_server("repository_2");
  damage(*site);
  insert();
  device->power_on();
  expect_installed();
  EXPECT_TRUE(device->logs("payload.chunk_digest"));
  EXPECT_NE(device->new_log().find("mirror, full payload"), std::string::npos);
}

// Answers: DL-06, T-18
TEST_F(DeviceMediaTest, AGoodMediumMakesUpForADeadServer) {
  begin_beside_a_server("repository_2");
  server->instead = [](const std::string&, Peer& peer) {
    peer.reply(503, "gone");
    return true;
  };
  insert();
  device->power_on();
  expect_installed();
  EXPECT_TRUE(device->logs("platform.net_status"));
}

// Answers: DL-06, T-18
TEST_F(DeviceMediaTest, AGoodServerMakesUpForABadMedium) {
  begin_beside_a_server("repository_2");
  const std::string digest = payload(*site);
  const std::string bytes = site->files[site->target_file(digest)];
  std::atomic<bool> has_dropped = false;
  server->instead = [&](const std::string& path, Peer& peer) {
    // In the middle of the first copy the line breaks: the medium is asked for the rest.
    if (path.find(digest) == std::string::npos || bytes.size() < 600'000 || server->served(digest) < 2 || has_dropped.exchange(true)) return false;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes.substr(0, bytes.size() / 2));
    peer.close();
    return true;
  };
  damage(*stick_site);
  insert();
  device->power_on();
  expect_installed();
  EXPECT_TRUE(has_dropped);
  EXPECT_TRUE(device->logs("payload.chunk_digest")) << "the medium was asked, and its bytes were refused";
}

// Answers: DL-06, T-17
TEST_F(DeviceMediaTest, AMediumThatStaysPluggedInHidesNothingThatTheServerSays) {
  begin_beside_a_server("repository_2");
  stick_site = std::make_unique<HostileSite>(world("repository_1"), world("keys"));
  std::atomic<bool> is_down = true;
  server->instead = [&](const std::string&, Peer& peer) {
    if (is_down) peer.reply(503, "gone");
    return is_down.load();
  };
  insert();
  device->power_on();
  EXPECT_TRUE(device->logs("platform.net_status"));
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(device->read("slots/b.img").find("2.0.0"), std::string::npos) << "the medium holds release 1 and serves every look";
  is_down = false;
  expect_installed();
}

}  // namespace
}  // namespace aseptic::test
