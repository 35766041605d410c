// SPDX-License-Identifier: Apache-2.0
// Attacks on TUF metadata, against the whole device.
#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

constexpr std::int64_t kLargestVersion = (std::int64_t{1} << 53) - 1;

// What a device that never ran before keeps of a genuine repository; its requests cell becomes an empty one.
const Names kFirstMetadata = {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/targets.json",
                              "agent/time_floor.json", "agent/memory.json", "requests/requests.bin"};

core::JsonObject& meta_of(core::JsonObject& part, const std::string& file) { return *part.at("meta").as_object()->at(file).as_object(); }

// Answers: T-01
TEST_F(DeviceAttackTest, TargetsSignedByStrangersAreRefused) {
  begin("device_1", "repository_2");
  site->signers["targets"] = {"builder", "payload-index"};
  site->publish({"targets"});
  expect_refused("trust.threshold");
  EXPECT_GE(server->served("4.targets.json"), 1u);
}

// Answers: T-01
TEST_F(DeviceAttackTest, TargetsSignedByStrangersUnderTheRightKeyIdsAreRefused) {
  begin("device_1", "repository_2");
  site->publish({"targets"});
  // Snapshot and timestamp, online keys, speak for the forged bytes.
  const std::string forged = site->sign(site->role("targets"), {"root-1", "root-3"}, {"release-engineering", "release-quality"});
  site->files[site->file_name("targets")] = forged;
  auto& meta = meta_of(site->role("snapshot"), "targets.json");
  meta["length"] = static_cast<std::int64_t>(forged.size());
  meta["hashes"] = core::JsonObject{{"sha256", core::sha256(forged).hex()}};
  site->publish_snapshot();
  expect_refused("trust.threshold");
  EXPECT_GE(server->served("4.targets.json"), 1u);
}

// Answers: T-03
TEST_F(DeviceAttackTest, TimestampWithoutASignatureIsRefused) {
  begin("device_1", "repository_2");
  site->signers["timestamp"] = {};
  site->publish_timestamp();
  expect_refused("trust.threshold");
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-04, KM-02
TEST_F(DeviceAttackTest, OneReleaseKeySigningTwiceIsRefused) {
  begin("device_1", "repository_2");
  site->signers["targets"] = {"release-quality", "release-quality"};
  site->publish({"targets"});
  expect_refused("trust.duplicate_signature");
  EXPECT_GE(server->served("4.targets.json"), 1u);
}

// Answers: T-20, KM-02
TEST_F(DeviceAttackTest, OneStolenReleaseKeyIsNotEnough) {
  begin("device_1", "repository_2");
  site->signers["targets"] = {"release-quality"};
  site->publish({"targets"});
  expect_refused("trust.threshold");
  EXPECT_GE(server->served("4.targets.json"), 1u);
}

// Answers: T-20, T-21
TEST_F(DeviceAttackTest, ARootSignedByOneOfThreePeopleIsRefused) {
  begin("device_1", "repository_2");
  site->role("root")["version"] = 2;
  site->files["metadata/2.root.json"] = site->sign(site->role("root"), {"root-3"});
  expect_refused("trust.threshold");
  EXPECT_GE(server->served("2.root.json"), 1u);
}

// Answers: T-21
TEST_F(DeviceAttackTest, ARootThatSkipsAVersionIsRefused) {
  begin("device_1", "repository_2");
  site->role("root")["version"] = 3;
  site->files["metadata/2.root.json"] = site->sign(site->role("root"), {"root-1", "root-2"});
  expect_refused("trust.root_chain");
  EXPECT_GE(server->served("2.root.json"), 1u);
}

// Answers: T-21
TEST_F(DeviceAttackTest, ARootThatAsksForNoSignatureAtAllIsRefused) {
  begin("device_1", "repository_2");
  site->role("root")["version"] = 2;
  site->role("root").at("roles").as_object()->at("targets").as_object()->at("threshold") = 0;
  site->files["metadata/2.root.json"] = site->sign(site->role("root"), {"root-1", "root-2"});
  expect_refused("trust.bad_threshold");
  EXPECT_GE(server->served("2.root.json"), 1u);
}

// Answers: T-05, MF-01
TEST_F(DeviceAttackTest, RollbackOfTheTimestampIsRefused) {
  begin("device_2", "repository_1");
  expect_refused("trust.rollback");
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-05, T-20, MF-01
TEST_F(DeviceAttackTest, RollbackOfTheSnapshotIsRefused) {
  begin("device_2", "repository_1");
  site->role("timestamp")["version"] = 9;
  site->publish_timestamp();
  expect_refused("trust.rollback");
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-05, T-20, MF-01
TEST_F(DeviceAttackTest, RollbackOfTheTargetsIsRefused) {
  begin("device_2", "repository_1");
  site->role("timestamp")["version"] = 9;
  site->role("snapshot")["version"] = 9;
  site->publish_snapshot();
  expect_refused("trust.rollback");
  EXPECT_GE(server->served("10.snapshot.json"), 1u);
}

// Answers: T-06, MF-01
TEST_F(DeviceAttackTest, ARootOlderThanTheConfirmedImageDemandsIsRefused) {
  begin("device_of_root_2", "repository_2");  // a wiped cache, and a repository whose newest root is the first
  expect_refused("trust.rollback", kFirstMetadata);
  EXPECT_GE(server->served("timestamp.json"), 1u);
  EXPECT_EQ(server->served("release.json"), 0u);
}

// Answers: T-08
TEST_F(DeviceAttackTest, AnExpiredTimestampIsRefused) {
  begin("device_1", "repository_2");
  site->role("timestamp")["expires"] = "2026-01-01T00:00:00Z";
  site->publish_timestamp();
  expect_refused("trust.freeze");
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-08
TEST_F(DeviceAttackTest, AnExpiredSnapshotIsRefused) {
  begin("device_1", "repository_2");
  site->role("snapshot")["expires"] = "2026-01-01T00:00:00Z";
  site->publish_snapshot();
  expect_refused("trust.freeze");
  EXPECT_GE(server->served("snapshot.json"), 1u);
}

// Answers: T-08
TEST_F(DeviceAttackTest, ExpiredTargetsAreRefused) {
  begin("device_1", "repository_2");
  site->role("targets")["expires"] = "2026-01-01T00:00:00Z";
  site->publish({"targets"});
  expect_refused("trust.freeze");
  EXPECT_GE(server->served("4.targets.json"), 1u);
}

// Answers: T-10, RC-11
TEST_F(DeviceAttackTest, FastForwardHaltsUpdatesUntilRootReplacesTheKeyAndThenTheyGoOn) {
  begin("device_1", "repository_1");
  site->role("timestamp")["version"] = kLargestVersion - 1;
  site->publish_timestamp();
  device->power_on();
  wait_for_another_look();
  device->power_cut();
  EXPECT_NE(device->read("agent/metadata/timestamp.json").find(std::to_string(kLargestVersion)), std::string::npos) << "the attack works so far";

  *site = HostileSite(world("repository_2"), world("keys"));  // the publisher's true files: older than the attacker's
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->logs("trust.rollback"));
  device->power_cut();
  expect_unchanged(before, {});

  // Root takes the stolen online keys away.
  site->set_key("timestamp", "root-3");
  site->set_key("snapshot", "builder");
  site->publish_root();
  site->publish_snapshot();
  device->power_on();
  EXPECT_TRUE(device->shows("pump-v2 starts")) << "2.0.0 arrives after the recovery";
}

// Answers: T-69, T-20, LG-09
TEST_F(DeviceAttackTest, APoisonedTimeFloorHaltsUpdatesUntilRootReplacesTheKeyAndThenTheyGoOn) {
  begin("device_1", "repository_1", authority().issue(server_plan()));  // this server's certificate lasts longer than root
  site->role("timestamp")["issued"] = "2099-01-01T00:00:00Z";
  site->role("timestamp")["expires"] = "2100-01-01T00:00:00Z";
  site->publish_timestamp();
  device->power_on();
  EXPECT_TRUE(device->logs("trust.freeze")) << "the floor is beyond everything else's expiry";
  device->power_cut();
  const std::string root_expires = *site->role("root").at("expires").as_string();
  EXPECT_NE(device->read("agent/time_floor.json").find(root_expires), std::string::npos) << "never beyond root's";

  *site = HostileSite(world("repository_2"), world("keys"));
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->logs("trust.freeze"));
  device->power_cut();
  expect_unchanged(before, {});

  site->set_key("timestamp", "root-3");
  site->set_key("snapshot", "builder");
  site->role("root")["expires"] = "2032-01-01T00:00:00Z";
  site->publish_root();
  site->publish_snapshot();
  device->power_on();
  EXPECT_TRUE(device->shows("pump-v2 starts")) << "2.0.0 arrives after the recovery";
}

// Answers: T-11
TEST_F(DeviceAttackTest, MixAndMatchOfTargetsIsRefused) {
  begin("device_1", "repository_2");
  const std::string other = site->files.at("metadata/2.targets.json");
  auto& meta = meta_of(site->role("snapshot"), "targets.json");
  meta["length"] = static_cast<std::int64_t>(other.size());
  meta["hashes"] = core::JsonObject{{"sha256", core::sha256(other).hex()}};
  site->files["metadata/3.targets.json"] = other;
  site->publish_snapshot();
  expect_refused("trust.mix_and_match");
  EXPECT_GE(server->served("3.targets.json"), 1u);
}

// Answers: T-11
TEST_F(DeviceAttackTest, ASnapshotOfAnotherMomentIsRefused) {
  begin("device_1", "repository_2");
  std::string changed = site->files.at("metadata/3.snapshot.json");
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  site->files["metadata/3.snapshot.json"] = changed;
  expect_refused("trust.hash");
  EXPECT_GE(server->served("3.snapshot.json"), 1u);
}

// Answers: T-15
TEST_F(DeviceAttackTest, AnEndlessTimestampIsRefused) {
  begin("device_1", "repository_2");
  std::atomic<std::size_t> sent{0};
  server->instead = [&](const std::string& path, Peer& peer) {
    if (path != "metadata/timestamp.json") return false;
    if (peer.send("HTTP/1.1 200 OK\r\n\r\n")) {
      while (peer.send(std::string(4096, ' '))) sent += 4096;
    }
    peer.close();
    return true;
  };
  expect_refused("platform.net_too_large");
  EXPECT_GE(sent.load(), 16384u) << "as much as a timestamp may have";
}

// Answers: T-15
TEST_F(DeviceAttackTest, AnEndlessRootIsRefused) {
  begin("device_1", "repository_2");
  server->instead = [&](const std::string& path, Peer& peer) {
    if (path != "metadata/2.root.json") return false;
    if (peer.send("HTTP/1.1 200 OK\r\n\r\n")) {
      while (peer.send(std::string(65536, '{'))) continue;
    }
    peer.close();
    return true;
  };
  expect_refused("platform.net_too_large");
}

// Answers: T-16, DL-02
TEST_F(DeviceAttackTest, AServerThatDripsIsGivenUp) {
  begin("device_1", "repository_2");
  std::atomic<int> drops{0};
  server->instead = [&](const std::string& path, Peer& peer) {
    if (path != "metadata/timestamp.json") return false;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n");
    while (peer.send(" ") && !peer.closed_within_ms(500)) ++drops;
    peer.close();
    return true;
  };
  device->patience = std::chrono::seconds(60);
  expect_refused("platform.net_stalled");
  EXPECT_GE(drops.load(), 20) << "each drop was progress";
}

// Answers: T-17
TEST_F(DeviceAttackTest, AServerThatDropsEveryConnectionChangesNothing) {
  begin("device_1", "repository_2");
  server->instead = [](const std::string&, Peer& peer) {
    peer.close();
    return true;
  };
  expect_refused("platform.net_protocol");
  EXPECT_GE(server->connections(), 1u);
}

// Answers: T-39, MF-08
TEST_F(DeviceAttackTest, ATimestampWithTheSameMemberTwiceIsRefused) {
  begin("device_1", "repository_2");
  site->publish_timestamp();
  std::string& text = site->files["metadata/timestamp.json"];
  text.insert(text.find("\"version\""), "\"version\":1,");
  expect_refused("core.json_syntax");
  EXPECT_GE(server->served("timestamp.json"), 1u);
}

// Answers: T-33, T-13
TEST_F(DeviceAttackTest, AChannelSpokenByThePayloadRoleIsNotHeard) {
  begin("device_1", "repository_1");
  const std::string channel = "channels/6f1c2a8e-52f1-4c0b-9a53-1d0f6c1e2b10/stable.json";
  const std::string hash = site->put_target("payload-index", channel, "{\"hostile\":1}");
  site->publish({"payload-index"});
  const Fingerprint before = device->fingerprint();
  device->power_on();
  wait_for_another_look();
  device->power_cut();
  EXPECT_EQ(server->served(hash), 0u) << "the hostile channel was not even asked for";
  EXPECT_GE(server->served("stable.json"), 1u);
  expect_unchanged(before, {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/payload-index.json", "agent/time_floor.json"});
  expect_no_reset();
}

}  // namespace
}  // namespace aseptic::test
