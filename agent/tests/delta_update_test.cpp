// SPDX-License-Identifier: Apache-2.0
// Which payload the agent takes, and what it does when one fails: delta from the installed image, then what neither slot
// holds of the full one, never depending on either or on ranges.
#include "update_fixture.h"

namespace aseptic::agent::test {
namespace {

class DeltaUpdate : public UpdateFixture {
 protected:
  BuiltDelta delta = build_delta(v1, next);

  void offer(std::vector<BuiltDelta> deltas) { publish(next, {.deltas = std::move(deltas)}); }
  std::string& file_of(const std::string& payload) {
    for (auto& [name, content] : *site.files)
      if (name.ends_with(".payload") && content == payload) return content;
    ADD_FAILURE() << "no such payload";
    return site.files->begin()->second;
  }
  static void flip(std::string& bytes, std::size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 1); }
  void expect_updated(std::string_view way) {
    ASSERT_TRUE(run_until(idle_on(next))) << failure << "\n" << log_text();
    EXPECT_NE(log_text().find("agent.fetched: " + std::string(way)), std::string::npos) << log_text();
    core::Bytes slot = next.slot_bytes;
    slot.resize(kSlotSize, 0);
    EXPECT_EQ(world.content("slots/a.img"), slot);
    EXPECT_EQ(world.content("slots/b.img"), slot);
  }
  // Nothing of the file was asked for.
  void expect_unread(const std::string& payload) {
    for (const auto& [name, count] : *site.reads)
      if (site.files->contains(name) && site.files->at(name) == payload) ADD_FAILURE() << name << " was fetched " << count << " times";
  }
};

// Answers: AP-03, VF-06
TEST_F(DeltaUpdate, ADeltaFromTheInstalledImageIsTakenBeforeTheFullPayload) {
  offer({delta});
  expect_updated("delta payload");
  EXPECT_LT(delta.payload.size() * 2, next.payload.size());
  expect_unread(next.payload);
}

// Answers: VF-06, T-31
TEST_F(DeltaUpdate, ADeltaFromAnotherImageIsNotFetched) {
  const BuiltDelta other = build_delta(v3, next);
  offer({other});
  expect_updated("full payload");
  expect_unread(other.payload);
}

// Answers: VF-06, T-31
TEST_F(DeltaUpdate, ADeltaWhoseIndexEntryLiesAboutItsBaseIsRefusedAndTheFullPayloadTaken) {
  BuiltDelta other = build_delta(v3, next);
  other.base = v1.image;
  offer({other});
  expect_updated("full payload");
  EXPECT_TRUE(has_reason("payload.base")) << log_text();
}

// Answers: T-43, T-29
TEST_F(DeltaUpdate, EveryDamageToADeltaFallsBackToTheFullPayload) {
  const sim::World clean = world.snapshot();
  offer({delta});
  // docs/formats/payload.md: header, copy map, page of four entries, its chunks.
  const std::size_t page = 512 + static_cast<std::uint8_t>(delta.payload[272]) + 256 * static_cast<std::uint8_t>(delta.payload[273]);
  const std::map<std::size_t, std::string> damages{{30, "payload.header_digest"},
                                                   {512, "payload.auxiliary_digest"},
                                                   {page + 70, "payload.page_digest"},
                                                   {page + 64 + 4 * 96 + 100, "payload.chunk_digest"}};
  for (const auto& [at, reason] : damages) {
    world = clean.snapshot();
    std::string& file = file_of(delta.payload);
    flip(file, at);
    expect_updated("full payload");
    EXPECT_TRUE(has_reason(reason)) << reason << "\n" << log_text();
    flip(file, at);
    cause = boot::ResetCause::kPowerOn;
  }
}

// Answers: T-17
TEST_F(DeltaUpdate, AMissingDeltaFallsBackToTheFullPayload) {
  offer({delta});
  std::erase_if(*site.files, [&](const auto& file) { return file.second == delta.payload; });
  expect_updated("full payload");
  EXPECT_TRUE(has_reason("platform.net_status")) << log_text();
}

// Answers: DL-03
TEST_F(DeltaUpdate, NothingDependsOnRanges) {
  site.has_ranges = false;
  offer({delta});
  expect_updated("delta payload");
}

// Answers: DL-03
TEST_F(DeltaUpdate, AFullPayloadIsInstalledWithoutRanges) {
  site.has_ranges = false;
  offer({});
  expect_updated("full payload");
}

// Answers: AP-03
TEST_F(DeltaUpdate, ChunksThatADeviceHoldsAreNotFetchedAgain) {
  offer({});
  expect_updated("full payload");
  const std::string text = log_text();
  const auto at = text.find("agent.fetched: full payload: ");
  ASSERT_NE(at, std::string::npos);
  // The other slot held v1 as well: in their place are all chunks but the manifest's three and the one that changed.
  EXPECT_NE(text.find("14 in their place", at), std::string::npos) << text;
}

// Answers: AP-03, VF-06
TEST_F(DeltaUpdate, AShortDeltaIsInstalledWithAndWithoutRanges) {
  const sim::World clean = world.snapshot();
  const BuiltDelta brief = build_delta(v1, next, true);
  ASSERT_EQ(brief.payload.substr(0, 4), "ASPS");
  EXPECT_LT(brief.payload.size() + 1000, delta.payload.size());
  offer({brief});
  expect_updated("delta payload");
  expect_unread(next.payload);
  world = clean.snapshot();
  site.has_ranges = false;
  cause = boot::ResetCause::kPowerOn;
  expect_updated("delta payload");
}

// Answers: T-43, T-29, T-42
TEST_F(DeltaUpdate, EveryDamageToAShortDeltaFallsBackToTheFullPayload) {
  const sim::World clean = world.snapshot();
  const BuiltDelta brief = build_delta(v1, next, true);
  offer({brief});
  // Magic: then it is read as a long payload. Everything else: the digest of the file.
  for (const std::size_t at : {std::size_t{1}, std::size_t{6}, brief.payload.size() - 1}) {
    world = clean.snapshot();
    std::string& file = file_of(brief.payload);
    flip(file, at);
    expect_updated("full payload");
    EXPECT_TRUE(has_reason("payload.header_digest")) << at << "\n" << log_text();
    flip(file, at);
    cause = boot::ResetCause::kPowerOn;
  }
}

// Answers: VF-06, T-31
TEST_F(DeltaUpdate, AShortDeltaWhoseIndexEntryLiesAboutItsBaseIsRefused) {
  BuiltDelta other = build_delta(v3, next, true);
  other.base = v1.image;
  offer({other});
  expect_updated("full payload");
  EXPECT_TRUE(has_reason("payload.base")) << log_text();
}

}  // namespace
}  // namespace aseptic::agent::test
