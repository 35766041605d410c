// SPDX-License-Identifier: Apache-2.0
// What the device attack tests share: the prepared world, one hostile site with its server, one real device.
// Every attack asserts three things: refused (the right image runs, no reset), everything that counts byte-identical, and the
// reason in the device log or on boot's console; and that the attack happened.
#pragma once

#include <gtest/gtest.h>

#include "aseptic/core/hash.h"

#include "tests/e2e/hostile_site.h"
#include "tests/e2e/virtual_device.h"

namespace aseptic::test {

using Names = std::set<std::string>;

class DeviceAttackTest : public ::testing::Test {
 protected:
  static std::string world(const std::string& name) { return std::string(ASEPTIC_DEVICE_WORLD "/") + name; }
  static TestCa authority() { return TestCa::from_pem(platform::read_file(world("pki/ca.crt")), platform::read_file(world("pki/ca.pem"))); }
  static Credential rightful_server() { return {platform::read_file(world("server/server.crt")), platform::read_file(world("server/server.pem"))}; }

  // The hostile site begins as a true copy of `repository`, the device as a copy of `device`; both in the world.
  void begin(const std::string& device_name, const std::string& repository, const Credential& identity = rightful_server()) {
    site = std::make_unique<HostileSite>(world(repository), world("keys"));
    server = std::make_unique<HostileServer>(*site, identity, platform::read_file(world("pki/ca.crt")));
    device = std::make_unique<VirtualDevice>(world(device_name), server->port());
  }
  void TearDown() override {
    if (HasFailure() && device) std::cerr << device->console() << "\n" << device->new_log() << "\n" << (server ? server->all_requests() : "");
    device.reset();
  }

  // The device runs with the attack in place; the reason comes into its log; nothing but `may_change` is different after that.
  void expect_refused(const std::string& reason, const Names& may_change = {}) {
    const Fingerprint before = device->fingerprint();
    device->power_on();
    EXPECT_TRUE(device->logs(reason)) << "expected " << reason;
    device->power_cut();
    expect_unchanged(before, may_change);
    expect_no_reset();
  }
  // A second look of the agent at the server, after the first one is over.
  void wait_for_another_look() const {
    const std::size_t seen = server->served("timestamp.json");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(40);
    while (server->served("timestamp.json") < seen + 2 && std::chrono::steady_clock::now() < end) usleep(20'000);
    EXPECT_GE(server->served("timestamp.json"), seen + 2);
  }
  void expect_unchanged(const Fingerprint& before, const Names& may_change) const {
    for (const auto& name : differences(before, device->fingerprint())) EXPECT_TRUE(may_change.contains(name)) << name << " changed";
  }
  // One start, of the confirmed image; nobody asked for a reset.
  void expect_no_reset() {
    const std::string console = device->console();
    EXPECT_EQ(count(console, "boot: BOOT "), 1u) << console;
    EXPECT_EQ(count(console, "boot: ATTEMPT"), 0u) << console;
    EXPECT_EQ(count(console, " confirmed\n"), 1u) << console;
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

  std::unique_ptr<HostileSite> site;
  std::unique_ptr<HostileServer> server;
  std::unique_ptr<VirtualDevice> device;
};

}  // namespace aseptic::test
