// SPDX-License-Identifier: Apache-2.0
// Releases and payloads that must not go onto this device, although who signed them had (or stole) the right to sign something.
#include <bit>
#include <cstring>

#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

using core::JsonArray;
using core::JsonObject;

const std::string kOther = "99999999-9999-4999-8999-999999999999";
// The site's new metadata is genuine and is kept; what it says about this device is refused.
const Names kMetadata = {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/targets.json",
                         "agent/metadata/payload-index.json", "agent/time_floor.json"};
// Besides: the transaction that began with the release, and what the agent remembers about the refusal.
const Names kMetadataAndTransaction = [] {
  Names names = kMetadata;
  names.insert({"agent/transaction.json", "agent/memory.json", "requests/requests.bin"});  // REQ_SYNCED: a hint for boot
  return names;
}();

class DeviceReleaseAttackTest : public DeviceAttackTest {
 protected:
  void expect_release_refused(const std::string& reason, const std::function<void(JsonObject&)>& edit) {
    begin("device_1", "repository_2");
    site->edit_release(edit);
    expect_refused(reason, kMetadata);
    EXPECT_GE(server->served("release.json"), 1u);
  }
  static JsonObject& component(JsonObject& release) { return *release.at("components").as_array()->front().as_object(); }

  std::string& payload() { return site->files[payload_name()]; }
  std::string payload_name() const {
    const std::string index = site->target("payload-index/" + *channel().at("release").as_string() + ".json");
    const auto at = index.find("\"payload_digest\":\"") + 18;
    return site->target_file(index.substr(at, 64));
  }
  // Where chunk 0 begins (docs/formats/payload.md). It holds the manifest, so every device has to fetch it; others it may hold.
  static std::size_t first_chunk(const std::string& bytes) {
    std::uint32_t entries = 0;
    std::memcpy(&entries, &bytes[512 + 16], 4);
    return 512 + 64 + std::size_t{96} * entries;
  }
  JsonObject channel() const {
    auto value = *core::parse_json_value(core::as_bytes(site->target("channels/6f1c2a8e-52f1-4c0b-9a53-1d0f6c1e2b10/stable.json")));
    return *value.as_object();
  }
  // A payload that is refused while it streams: the slot was being written, and is brought back to the confirmed image.
  void expect_payload_refused(const std::string& reason) {
    const Fingerprint before = device->fingerprint();
    device->power_on();
    EXPECT_TRUE(device->logs(reason)) << "expected " << reason;
    EXPECT_TRUE(device->logs("agent.refused"));
    EXPECT_TRUE(device->logs("agent.other_slot_current"));
    device->power_cut();
    expect_unchanged(before, kMetadataAndTransaction);
    EXPECT_EQ(device->new_log().find("agent.staged\""), std::string::npos);
    expect_no_reset();
    EXPECT_GE(server->served(".payload"), 1u);
  }
};

// --- for somebody else ---------------------------------------------------------------------------------------------

// Answers: T-24, MF-03
TEST_F(DeviceReleaseAttackTest, AReleaseOfAnotherProductIsRefused) {
  expect_release_refused("trust.statement_mismatch", [](JsonObject& release) { release["product"] = kOther; });
}

// Answers: T-24
TEST_F(DeviceReleaseAttackTest, AReleaseOfAnotherVendorIsRefused) {
  expect_release_refused("trust.wrong_vendor", [](JsonObject& release) { release["vendor"] = kOther; });
}

// Answers: T-24
TEST_F(DeviceReleaseAttackTest, AReleaseOfAnotherClassIsRefused) {
  expect_release_refused("trust.wrong_class", [](JsonObject& release) { release["class"] = kOther; });
}

// Answers: T-24, MF-03
TEST_F(DeviceReleaseAttackTest, AReleaseForOtherHardwareIsRefused) {
  expect_release_refused("trust.wrong_hardware", [](JsonObject& release) { release.at("hardware").as_array()->front().as_object()->at("id") = kOther; });
}

// Answers: T-24
TEST_F(DeviceReleaseAttackTest, AReleaseForALaterHardwareRevisionIsRefused) {
  expect_release_refused("trust.wrong_revision", [](JsonObject& release) { release.at("hardware").as_array()->front().as_object()->at("revision_min") = 2; });
}

// Answers: T-24
TEST_F(DeviceReleaseAttackTest, AReleaseNotApprovedInThisJurisdictionIsRefused) {
  expect_release_refused("trust.jurisdiction", [](JsonObject& release) { release.at("safety").as_object()->at("jurisdictions").as_array()->erase(release.at("safety").as_object()->at("jurisdictions").as_array()->begin()); });
}

// Answers: T-26, MF-05
TEST_F(DeviceReleaseAttackTest, AReleaseForAnotherPlaceOnTheDeviceIsRefused) {
  expect_release_refused("trust.location", [](JsonObject& release) { component(release)["location"] = "recovery"; });
}

// Answers: T-13, T-14
TEST_F(DeviceReleaseAttackTest, AReleaseOfAComponentThatTheDeviceDoesNotHaveIsRefused) {
  expect_release_refused("trust.component_unknown", [](JsonObject& release) { component(release)["id"] = kOther; });
}

// Answers: T-25, MF-04
TEST_F(DeviceReleaseAttackTest, AReleaseOfAnotherTypeOfComponentIsRefused) {
  expect_release_refused("trust.component_unknown", [](JsonObject& release) { component(release)["type"] = "data"; });
}

// Answers: T-13
TEST_F(DeviceReleaseAttackTest, AChannelOfAnotherProductIsRefused) {
  begin("device_1", "repository_2");
  site->edit_channel([](JsonObject& channel) { channel["product"] = kOther; });
  expect_refused("trust.statement_mismatch", kMetadata);
  EXPECT_GE(server->served("stable.json"), 1u);
}

// Answers: T-13, T-41
TEST_F(DeviceReleaseAttackTest, AChannelThatNamesAPathOutsideTheReleasesIsRefused) {
  begin("device_1", "repository_2");
  site->edit_channel([](JsonObject& channel) { channel["release_id"] = "../../metadata/timestamp"; });
  expect_refused("trust.statement_format", kMetadata);
  EXPECT_GE(server->served("stable.json"), 1u);
}

// --- not now, or not any more --------------------------------------------------------------------------------------

// Answers: T-05, MF-01
TEST_F(DeviceReleaseAttackTest, AReleaseBelowTheConfirmedSequenceIsRefused) {
  begin("device_2", "repository_2");
  const std::string old = core::sha256(site->target("releases/pump-1.0.0/release.json")).hex();
  site->edit_channel([&](JsonObject& channel) {
    channel["release"] = old;
    channel["release_id"] = "pump-1.0.0";
    channel["sequence"] = 1;
  });
  expect_refused("trust.sequence", kMetadata);
  EXPECT_GE(server->served("release.json"), 1u);
}

// Answers: T-05, T-47, RC-04
TEST_F(DeviceReleaseAttackTest, AReleaseBelowTheSecurityFloorIsRefused) {
  begin("device_2", "repository_3");
  site->edit_release([](JsonObject& release) { component(release)["epoch"] = 1; });
  expect_refused("trust.epoch_floor", kMetadata);
  EXPECT_GE(server->served("release.json"), 1u);
}

// Answers: T-09, RC-12
TEST_F(DeviceReleaseAttackTest, AReleaseThatMayNotFollowTheConfirmedOneIsRefused) {
  expect_release_refused("trust.source_range", [](JsonObject& release) { release.at("sources").as_object()->at("sequence_min") = 2; });
}

// Answers: T-32
TEST_F(DeviceReleaseAttackTest, AWithdrawnReleaseIsRefused) {
  begin("device_1", "repository_2");
  site->edit_channel([](JsonObject& channel) {
    channel["withdrawn"] = JsonArray{JsonObject{{"release", channel.at("release")}, {"sequence", 2}, {"reason", "a fault"}}};
  });
  expect_refused("trust.withdrawn", kMetadata);
  EXPECT_GE(server->served("stable.json"), 1u);
}

// Answers: T-65
TEST_F(DeviceReleaseAttackTest, AQuarantinedReleaseWithTheSameAttemptIsRefused) {
  begin("device_2_failed_3", "repository_3");
  expect_refused("trust.attempt", kMetadata);
  EXPECT_GE(server->served("release.json"), 1u);
}

// Answers: T-33, MF-11
TEST_F(DeviceReleaseAttackTest, AReleaseWithAnUnknownCriticalFieldIsRefused) {
  expect_release_refused("trust.critical_unknown", [](JsonObject& release) {
    release["critical"] = JsonArray{"dose_limits"};
    release["dose_limits"] = "all";
  });
}

// Answers: T-08
TEST_F(DeviceReleaseAttackTest, AReleaseAfterItsLastDayIsRefused) {
  expect_release_refused("trust.release_expired", [](JsonObject& release) { release["not_after"] = "2026-01-01T00:00:00Z"; });
}

// Answers: T-68, AP-04
TEST_F(DeviceReleaseAttackTest, AReleaseThatNeedsMoreEnergyThanTheDeviceHoldsWaits) {
  begin("device_1", "repository_2");
  site->edit_release([](JsonObject& release) { release.at("safety").as_object()->at("energy_mwh_min") = 5000; });
  expect_refused("agent.energy", kMetadataAndTransaction);
}

// --- statements that the authority policy demands ------------------------------------------------------------------

// Answers: T-19, T-32, KM-03
TEST_F(DeviceReleaseAttackTest, WithoutTheDirectorThatThePolicyDemandsNothingIsInstalled) {
  begin("device_1", "repository_2");
  device->write("agent/authority_policy.json", platform::read_file(world("policy_requires_director.json")));
  expect_refused("trust.statement_missing", kMetadata);
}

// Answers: T-72
TEST_F(DeviceReleaseAttackTest, WithoutTheLogProofThatThePolicyDemandsNothingIsInstalled) {
  begin("device_1", "repository_2");
  device->write("agent/authority_policy.json", platform::read_file(world("policy_requires_log.json")));
  expect_refused("trust.statement_missing", kMetadata);
}

// Answers: T-32, MF-12
TEST_F(DeviceReleaseAttackTest, WithoutTheSiteThatThePolicyDemandsNothingIsInstalled) {
  begin("device_1", "repository_2");
  device->write("agent/authority_policy.json", platform::read_file(world("policy_requires_site.json")));
  expect_refused("trust.statement_missing", kMetadata);
}

// Answers: T-19
TEST_F(DeviceReleaseAttackTest, AnAuthorityPolicyThatRootDidNotSignIsRefused) {
  begin("device_1", "repository_2");
  std::string policy = platform::read_file(world("policy_requires_log.json"));
  const auto at = policy.find("\"required\"", policy.find("\"log\""));
  device->write("agent/authority_policy.json", policy.replace(at, 10, "\"not-used\""));
  expect_refused("trust.threshold", kMetadata);
}

// --- wrong content -------------------------------------------------------------------------------------------------

// Answers: T-01, VF-01
TEST_F(DeviceReleaseAttackTest, AReleaseManifestWithOneChangedByteIsRefused) {
  begin("device_1", "repository_2");
  std::string& bytes = site->files[site->target_file("pump-2.0.0/" + core::sha256(site->target("releases/pump-2.0.0/release.json")).hex())];
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  expect_refused("trust.hash", kMetadata);
  EXPECT_GE(server->served("release.json"), 1u);
}

// Answers: T-13
TEST_F(DeviceReleaseAttackTest, AnotherReleasesManifestInItsPlaceIsRefused) {
  begin("device_1", "repository_2");
  site->put_target("targets", "releases/pump-2.0.0/release.json", site->target("releases/pump-1.0.0/release.json"));
  site->publish({"targets"});
  expect_refused("trust.statement_mismatch", kMetadata);
  EXPECT_GE(server->served("release.json"), 1u);
}

// Answers: T-29, VF-05
TEST_F(DeviceReleaseAttackTest, APayloadWithOneChangedByteIsRefusedAndTheSlotRestored) {
  begin("device_1", "repository_2");
  const std::size_t at = first_chunk(payload()) + 1000;
  payload()[at] = static_cast<char>(payload()[at] ^ 1);
  expect_payload_refused("payload.chunk_digest");
}

// Answers: T-29
TEST_F(DeviceReleaseAttackTest, APayloadWithAChangedTableIsRefused) {
  begin("device_1", "repository_2");
  payload()[700] = static_cast<char>(payload()[700] ^ 1);
  expect_payload_refused("payload.page_digest");
}

// Answers: T-29, T-34
TEST_F(DeviceReleaseAttackTest, APayloadWithTwoChunksExchangedIsRefusedAndTheSlotRestored) {
  begin("device_1", "repository_2");
  std::string& bytes = payload();
  std::uint32_t first = 0, second = 0;  // stored sizes of chunks 0 and 1: docs/formats/payload.md
  std::memcpy(&first, &bytes[512 + 64 + 4], 4);
  std::memcpy(&second, &bytes[512 + 64 + 96 + 4], 4);
  const std::size_t chunks = first_chunk(bytes);
  ASSERT_LT(chunks + first + second, bytes.size());
  std::rotate(bytes.begin() + static_cast<std::ptrdiff_t>(chunks), bytes.begin() + static_cast<std::ptrdiff_t>(chunks + first),
              bytes.begin() + static_cast<std::ptrdiff_t>(chunks + first + second));
  expect_payload_refused("payload.chunk_digest");
}

// Answers: T-13
TEST_F(DeviceReleaseAttackTest, AnotherReleasesPayloadInItsPlaceIsRefused) {
  begin("device_1", "repository_2");
  const std::string name = payload_name();
  for (const auto& [other, bytes] : site->files)
    if (other.ends_with(".payload") && other != name) site->files[name] = std::string(bytes).append(65536, '\0').substr(0, site->files[name].size());
  expect_payload_refused("payload.header_digest");
}

// Answers: T-31, T-20
TEST_F(DeviceReleaseAttackTest, APayloadIndexThatLeadsToAnotherReleasesImageIsRefused) {
  begin("device_1", "repository_2");
  const std::string old_release = core::sha256(site->target("releases/pump-1.0.0/release.json")).hex();
  const auto old = *core::parse_json_value(core::as_bytes(site->target("payload-index/" + old_release + ".json")));
  const JsonObject stolen = *old.as_object()->at("images").as_array()->front().as_object()->at("payloads").as_array()->front().as_object();
  site->edit_index([&](JsonObject& payload) { payload = stolen; });
  expect_payload_refused("payload.identity");
}

// Answers: T-31, T-20
TEST_F(DeviceReleaseAttackTest, APayloadIndexForAnImageThatTheReleaseDoesNotHaveIsRefused) {
  begin("device_1", "repository_2");
  const std::string release = core::sha256(site->target("releases/pump-2.0.0/release.json")).hex();
  const std::string old_release = core::sha256(site->target("releases/pump-1.0.0/release.json")).hex();
  auto index = *core::parse_json_value(core::as_bytes(site->target("payload-index/" + old_release + ".json")));
  (*index.as_object())["release"] = release;
  site->put_target("payload-index", "payload-index/" + release + ".json", core::canonical_json(index));
  site->publish({"payload-index"});
  expect_refused("trust.index_mismatch", kMetadata);
  EXPECT_GE(server->served("/payload-index/"), 1u);
}

// Answers: T-34
TEST_F(DeviceReleaseAttackTest, APayloadThatEndsEarlyIsRefusedAndTheSlotRestored) {
  begin("device_1", "repository_2");
  payload().resize(first_chunk(payload()) + 5000);
  expect_payload_refused("trust.length");
}

// Answers: T-15, T-42
TEST_F(DeviceReleaseAttackTest, AnEndlessPayloadIsRefused) {
  begin("device_1", "repository_2");
  std::atomic<std::size_t> sent{0};
  server->instead = [&](const std::string& path, Peer& peer) {
    if (!path.ends_with(".payload")) return false;
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send(std::string(65536, 'x'))) sent += 65536;
    peer.close();
    return true;
  };
  expect_payload_refused("payload.header_digest");
  EXPECT_GT(sent.load(), 0u);
}

}  // namespace
}  // namespace aseptic::test
