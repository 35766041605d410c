// SPDX-License-Identifier: Apache-2.0
// Deltas on the whole device: taken where they fit, refused where they do not, and never needed.
#include <charconv>

#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

using core::JsonArray;
using core::JsonObject;

class DeviceDeltaTest : public DeviceAttackTest {
 protected:
  DeviceDeltaTest() { patience_ = std::chrono::seconds(60); }

  // What the index says of the selected release's payloads: full first, then the delta.
  JsonObject listed(std::size_t number) const {
    JsonObject found;
    HostileSite copy = *site;
    copy.edit_payloads([&](JsonArray& payloads) { found = *payloads.at(number).as_object(); });
    return found;
  }
  static std::string digest_of(const JsonObject& payload) { return *payload.at("payload_digest").as_string(); }
  static std::uint64_t size_of(const JsonObject& payload) { return static_cast<std::uint64_t>(*payload.at("payload_size").as_integer()); }
  std::string& file_of(const JsonObject& payload) { return site->files[site->target_file(digest_of(payload))]; }

  // The device takes 2.0.0 by itself and brings the other slot up to date.
  void expect_installed() {
    device->patience = patience_;
    device->power_on();
    EXPECT_TRUE(device->logs("agent.fetched")) << device->new_log();
    EXPECT_TRUE(device->logs("agent.other_slot_current")) << device->new_log();
    EXPECT_NE(device->console().find("boot: CONFIRMED"), std::string::npos) << device->console();
    device->power_cut();
    EXPECT_EQ(device->read("slots/a.img"), device->read("slots/b.img"));
    EXPECT_NE(device->read("slots/a.img").find("2.0.0"), std::string::npos);
  }

  // "delta payload: 1234 bytes fetched of 5678": the two numbers of the last such record.
  struct Fetched {
    std::string way;
    std::uint64_t bytes = 0, of = 0;
  };
  Fetched fetched() const {
    const std::string log = device->new_log();
    const std::string mark = " bytes fetched of ";
    const auto at = log.rfind(mark);
    if (at == std::string::npos) return {};
    Fetched found;
    const auto begin = log.rfind(' ', at - 1) + 1;
    std::from_chars(log.data() + begin, log.data() + at, found.bytes);
    std::from_chars(log.data() + at + mark.size(), log.data() + log.size(), found.of);
    const auto text = log.rfind('"', at) + 1;
    found.way = log.substr(text, log.find(':', text) - text);
    return found;
  }

  std::chrono::seconds patience_;
};

// Answers: AP-03, VF-06
TEST_F(DeviceDeltaTest, ADeltaFromTheInstalledImageIsInstalledAndConfirmed) {
  begin("device_1", "repository_2_delta");
  const JsonObject full = listed(0), delta = listed(1);
  expect_installed();
  EXPECT_EQ(server->served(digest_of(full)), 0u) << server->all_requests();
  EXPECT_EQ(fetched().way, "delta payload");
  EXPECT_EQ(fetched().of, size_of(delta));
  EXPECT_LE(fetched().bytes, size_of(delta));
  EXPECT_LT(size_of(delta) * 4, size_of(full)) << "a delta between two builds of the same program";
  std::cout << "delta " << size_of(delta) << " bytes, full payload " << size_of(full) << " bytes, fetched " << fetched().bytes << "\n";
}

// Answers: T-43, VF-06, T-31
TEST_F(DeviceDeltaTest, ADamagedDeltaFallsBackToTheFullPayload) {
  begin("device_1", "repository_2_delta");
  std::string& bytes = file_of(listed(1));
  bytes[bytes.size() - 10] = static_cast<char>(bytes[bytes.size() - 10] ^ 1);
  expect_installed();
  EXPECT_TRUE(device->logs("trust.hash")) << "a payload this small is fetched and checked as a whole";
  EXPECT_EQ(fetched().way, "full payload");
}

// Answers: T-17, DL-06
TEST_F(DeviceDeltaTest, AMissingDeltaFallsBackToTheFullPayload) {
  begin("device_1", "repository_2_delta");
  const std::string delta = digest_of(listed(1));
  server->instead = [&](const std::string& path, Peer& peer) {
    if (path.find(delta) == std::string::npos) return false;
    peer.reply(404, "gone");
    return true;
  };
  expect_installed();
  EXPECT_TRUE(device->logs("platform.net_status"));
  EXPECT_EQ(fetched().way, "full payload");
  EXPECT_GE(server->served(delta), 1u);
}

// Answers: DL-03
TEST_F(DeviceDeltaTest, AServerWithoutRangesServesADelta) {
  begin("device_1", "repository_2_delta");
  server->has_ranges = false;
  expect_installed();
  EXPECT_EQ(fetched().way, "delta payload");
}

// Answers: DL-03
TEST_F(DeviceDeltaTest, AServerWithoutRangesServesAFullPayload) {
  begin("device_1", "repository_2");
  server->has_ranges = false;
  expect_installed();
  EXPECT_EQ(fetched().way, "full payload");
  EXPECT_GT(fetched().bytes, fetched().of / 2) << "from the start, to the last chunk that the device does not hold";
}

// Answers: AP-03
TEST_F(DeviceDeltaTest, OfAFullPayloadOnlyThoseChunksAreFetchedThatAreInNeitherSlot) {
  begin("device_1", "repository_2");
  expect_installed();
  EXPECT_EQ(fetched().way, "full payload");
  EXPECT_NE(device->new_log().find("chunks found on the device"), std::string::npos);
  std::cout << "fetched " << fetched().bytes << " of " << fetched().of << " bytes\n";
}

// Answers: T-31, VF-06
TEST_F(DeviceDeltaTest, ADeltaFromAnotherImageIsNotAskedFor) {
  begin("device_1", "repository_2_other");
  const std::string delta = digest_of(listed(1));
  expect_installed();
  EXPECT_EQ(server->served(delta), 0u) << server->all_requests();
  EXPECT_EQ(fetched().way, "full payload");
}

// An index that lies about where a delta starts: the delta's own header, which the index's digest fixes, says otherwise.
// Answers: T-31, VF-06
TEST_F(DeviceDeltaTest, ADeltaFromAnotherImageIsRefusedWhateverTheIndexSays) {
  begin("device_1", "repository_2_other");
  const std::string delta = digest_of(listed(1));
  const std::string old_release = core::sha256(site->target("releases/pump-1.0.0/release.json")).hex();
  const auto old = *core::parse_json_value(core::as_bytes(site->target("payload-index/" + old_release + ".json")));
  const core::JsonValue installed = old.as_object()->at("images").as_array()->front().as_object()->at("image_digest");
  site->edit_payloads([&](JsonArray& payloads) { payloads.at(1).as_object()->at("base") = installed; });
  expect_installed();
  EXPECT_TRUE(device->logs("payload.base"));
  EXPECT_GE(server->served(delta), 1u);
  EXPECT_EQ(fetched().way, "full payload");
}

}  // namespace
}  // namespace aseptic::test
