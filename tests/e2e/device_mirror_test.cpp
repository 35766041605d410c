// SPDX-License-Identifier: Apache-2.0
// Several mirrors, all untrusted; the ceiling of a download; and a device that nobody lets refresh.
#include <thread>

#include "tests/e2e/device_attack.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class DeviceMirrorTest : public DeviceAttackTest {
 protected:
  // `server` is the first address of the device, `mirror` (a true copy of the same repository) its second.
  void begin_with_mirror(const std::string& repository) {
    begin("device_1", repository);
    mirror_site = std::make_unique<HostileSite>(world(repository), world("keys"));
    mirror = std::make_unique<HostileServer>(*mirror_site, rightful_server(), platform::read_file(world("pki/ca.crt")));
    set_after("url", "mirrors = [\"https://localhost:" + std::to_string(mirror->port()) + "\"]");
    device->patience = seconds(60);
  }
  // One more line of agent.toml, behind the one of `key`.
  void set_after(const std::string& key, const std::string& line) const {
    const std::string text = device->read("agent/agent.toml");
    const auto begin = text.find("\n" + key + " = ") + key.size() + 4;
    device->set(key, text.substr(begin, text.find('\n', begin) - begin) + "\n" + line);
  }
  std::string payload() const {
    std::string digest;
    HostileSite copy = *site;
    copy.edit_payloads([&](core::JsonArray& payloads) { digest = *payloads.front().as_object()->at("payload_digest").as_string(); });
    return digest;
  }
  // One byte of every chunk: whichever are fetched.
  void damage(HostileSite& where) const {
    std::string& bytes = where.files[where.target_file(payload())];
    ASSERT_GT(bytes.size(), 600'000u) << "streamed, not fetched as a statement";
    for (std::size_t at = 32'768; at < bytes.size(); at += 32'768) bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  void expect_installed() {
    EXPECT_TRUE(device->logs("agent.other_slot_current")) << device->new_log();
    device->power_cut();
    EXPECT_NE(device->read("slots/a.img").find("2.0.0"), std::string::npos);
  }
  [[nodiscard]] std::string status() const { return run_program({ASEPTIC_AGENT, "status", device->path(""), "--json"}).out; }

  std::unique_ptr<HostileSite> mirror_site;
  std::unique_ptr<HostileServer> mirror;
};

// Answers: DL-06, T-18
TEST_F(DeviceMirrorTest, OneMirrorWithAChangedPayloadCostsNothingButItsTurn) {
  begin_with_mirror("repository_2");
  damage(*site);
  device->power_on();
  expect_installed();
  EXPECT_TRUE(device->logs("payload.chunk_digest")) << "the bad mirror is in the log";
  EXPECT_NE(device->new_log().find("mirror, full payload"), std::string::npos);
  EXPECT_GE(mirror->served(payload()), 1u);
  EXPECT_GE(server->served(payload()), 1u);
}

// Answers: DL-06, T-18
TEST_F(DeviceMirrorTest, AMirrorThatStopsInTheMiddleIsContinuedByTheOther) {
  begin_with_mirror("repository_2");
  const std::string digest = payload();
  const std::string bytes = site->files[site->target_file(digest)];
  server->instead = [&](const std::string& path, Peer& peer) {
    if (path.find(digest) == std::string::npos) return false;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes.substr(0, bytes.size() / 2));
    peer.close();
    return true;
  };
  device->power_on();
  expect_installed();
  EXPECT_GE(mirror->served(digest), 1u) << mirror->all_requests();
}

// Answers: DL-06, T-18
TEST_F(DeviceMirrorTest, ADeadMirrorDoesNotStopTheUpdate) {
  begin_with_mirror("repository_2");
  server->instead = [](const std::string&, Peer& peer) {
    peer.reply(503, "gone");
    return true;
  };
  device->power_on();
  EXPECT_TRUE(device->logs("platform.net_status")) << "named in the log by the network process";
  expect_installed();
}

// Answers: DL-06, T-18
TEST_F(DeviceMirrorTest, WhatNoMirrorHasRightIsRefused) {
  begin_with_mirror("repository_2");
  damage(*site);
  damage(*mirror_site);
  device->power_on();
  EXPECT_TRUE(device->logs("payload.chunk_digest"));
  wait_for_another_look();
  device->power_cut();
  expect_no_reset();
  EXPECT_GE(mirror->served(payload()), 1u);
  EXPECT_NE(device->read("slots/a.img").find("1.0.0"), std::string::npos);
}

// Answers: DL-04
TEST_F(DeviceMirrorTest, ADownloadKeepsItsCeilingStandsBehindTheTherapyAndShowsItsProgress) {
  begin("device_1", "repository_2");
  device->patience = seconds(60);
  set_after("poll_s", "rate_max_bytes_per_s = 65536");
  const auto begin = steady_clock::now();
  device->power_on();
  std::string seen;
  while (seen.find("seconds_left") == std::string::npos && steady_clock::now() < begin + seconds(60)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    seen = status();
  }
  EXPECT_NE(seen.find("\"download\":{\"at\":"), std::string::npos) << seen;
  const auto nice = run_program({"/bin/sh", "-c", "for p in /proc/[0-9]*/stat; do cat $p 2>/dev/null; done | grep '(asepticd)' | cut -d ' ' -f 19 | sort -u"});
  EXPECT_NE(("\n" + nice.out).find("\n5\n"), std::string::npos) << nice.out;
  EXPECT_TRUE(device->logs("agent.fetched"));
  EXPECT_GE(steady_clock::now() - begin, seconds(2)) << "at least 200,000 bytes of this payload are in neither slot";
}

// Answers: DL-07, T-17
TEST_F(DeviceMirrorTest, ADeviceThatIsKeptFromItsRepositorySaysSo) {
  begin("device_1", "repository_1");
  set_after("poll_s", "contact_max_s = 3");
  device->power_on();
  for (int i = 0; i < 2; ++i) wait_for_another_look();
  std::this_thread::sleep_for(seconds(4));
  EXPECT_EQ(device->new_log().find("agent.out_of_contact"), std::string::npos) << "looks succeed";
  EXPECT_NE(status().find("\"out_of_contact\":false"), std::string::npos) << status();
  device->power_cut();
  server->instead = [](const std::string&, Peer& peer) {
    peer.reply(503, "gone");
    return true;
  };
  device->power_on();
  EXPECT_TRUE(device->logs("agent.out_of_contact"));
  EXPECT_NE(status().find("\"out_of_contact\":true"), std::string::npos) << status();
}

}  // namespace
}  // namespace aseptic::test
