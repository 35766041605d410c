// SPDX-License-Identifier: Apache-2.0
// The one-time state of an LMS key: no index is ever used twice, whatever is cut off or put back.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "aseptic/publish/codes.h"
#include "aseptic/publish/lms.h"

namespace aseptic::publish::test {
namespace {

// Two media in one count of writes, so that a cut can hit either. A cut write happened or did not; nothing happens after it.
struct Power {
  int writes_left = 1 << 30;
  bool last_write_happens = false;
  bool on() const { return writes_left >= 0; }
};

class Medium final : public platform::Storage {
 public:
  explicit Medium(Power& power) : power_(power) {}
  core::Result<core::Bytes> read(std::string_view name, std::uint64_t) override {
    const auto found = files.find(std::string(name));
    if (!power_.on() || found == files.end()) return off();
    return found->second;
  }
  core::Result<void> replace(std::string_view name, core::ByteView content) override {
    if (!power_.on()) return off();
    const bool cut = power_.writes_left-- == 0;
    if (!cut || power_.last_write_happens) files[std::string(name)] = core::Bytes(content.begin(), content.end());
    if (cut) return off();
    return {};
  }
  core::Result<void> append(std::string_view, core::ByteView) override { return off(); }
  core::Result<void> remove(std::string_view) override { return off(); }
  core::Result<void> make_directory(std::string_view) override { return off(); }
  core::Result<std::vector<std::string>> list(std::string_view) override {
    if (!power_.on()) return off();
    std::vector<std::string> names;
    for (const auto& [name, content] : files) names.push_back(name);
    return names;
  }
  core::Result<std::uint64_t> free_bytes() override { return 1u << 20; }
  std::map<std::string, core::Bytes> files;

 private:
  static core::Error off() { return {PublishCode::kFileIo, "no power, or no such file"}; }
  Power& power_;
};

class CountingEntropy final : public platform::Entropy {
 public:
  void fill(core::ByteSpan out) override { std::ranges::fill(out, ++next_); }

 private:
  std::uint8_t next_ = 0;
};

const core::Digest kKey = core::sha256("a key");

struct Desk {
  Power power;
  Medium state{power}, second{power};
  StorageWitness witness{second, kKey};
  Desk() { EXPECT_TRUE(witness.create()); }
  core::Result<std::uint32_t> take(std::uint64_t capacity = 1024) {
    ASEPTIC_TRY(LmsIndexes indexes, LmsIndexes::open(state, &witness, kKey, capacity));
    return indexes.take();
  }
};

// Answers: KM-08
TEST(LmsState, WithoutAWitnessSigningDoesNotStart) {
  Desk desk;
  EXPECT_TRUE(LmsIndexes::open(desk.state, nullptr, kKey, 1024).error().is(PublishCode::kOneTimeState));
  StorageWitness other(desk.second, core::sha256("another key"));
  EXPECT_FALSE(LmsIndexes::open(desk.state, &other, kKey, 1024)) << "a witness that was never made";
  EXPECT_FALSE(desk.witness.create()) << "made once";
}

// Answers: KM-08
TEST(LmsState, ACutAtAnyWriteLosesAnIndexAndNeverReusesOne) {
  int cut = 0;
  for (bool reached = true; reached; ++cut) {
    for (const bool happens : {false, true}) {
      Desk desk;
      std::set<std::uint32_t> used;
      desk.power = {cut, happens};
      for (int i = 0; i < 5; ++i) {
        const auto index = desk.take();
        if (index) used.insert(*index);
      }
      reached = !desk.power.on();
      desk.power = {};
      for (int i = 0; i < 5; ++i) {
        const auto index = desk.take();
        ASSERT_TRUE(index) << index.error().sentence();
        EXPECT_TRUE(used.insert(*index).second) << "cut at write " << cut << ": index " << *index << " was used before it";
      }
      EXPECT_LE(*used.rbegin(), used.size()) << "at most one index was lost";
    }
  }
  EXPECT_EQ(cut, 11) << "two writes for each of five signatures, and one run without a cut";
}

// Answers: KM-08, T-83
TEST(LmsState, ARestoredBackupOfTheKeyFolderReusesNothing) {
  Desk desk;
  const auto backup = desk.state.files;
  std::set<std::uint32_t> used;
  for (int i = 0; i < 3; ++i) used.insert(desk.take().value());
  desk.state.files = backup;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(used.insert(desk.take().value()).second);
}

// Answers: KM-08, T-83
TEST(LmsState, AWitnessThatWasPutBackStopsTheKeyForGood) {
  Desk desk;
  const auto backup = desk.second.files;
  EXPECT_TRUE(desk.take());
  EXPECT_TRUE(desk.take());
  desk.second.files = backup;
  const auto refused = desk.take();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().sentence().find("put back"), std::string::npos);
}

TEST(LmsState, EveryDamagedRecordIsRefused) {
  Desk desk;
  EXPECT_TRUE(desk.take());
  for (Medium* medium : {&desk.state, &desk.second}) {
    core::Bytes& content = medium->files.begin()->second;
    for (std::size_t at = 0; at < content.size(); ++at) {
      const std::uint8_t was = content[at];
      content[at] = at + 2 == content.size() ? 'x' : static_cast<std::uint8_t>(was ^ 0x40);
      EXPECT_FALSE(desk.take()) << at;
      content[at] = was;
    }
    const core::Bytes was = std::exchange(content, {});
    EXPECT_FALSE(desk.take());
    content = was;
  }
  EXPECT_TRUE(desk.take());
}

// Answers: KM-08
TEST(LmsState, WhatIsLeftIsReportedAndAUsedUpKeyStops) {
  Desk desk;
  LmsIndexes indexes = LmsIndexes::open(desk.state, &desk.witness, kKey, 3).value();
  for (std::uint64_t left = 3; left > 0; --left) {
    EXPECT_EQ(indexes.left().value(), left);
    EXPECT_TRUE(indexes.take());
  }
  EXPECT_EQ(indexes.left().value(), 0U);
  EXPECT_TRUE(indexes.take().error().is(PublishCode::kOneTimeState));
}

TEST(LmsState, ASignerTakesAnIndexForEachSignatureEvenOfTheSameMessage) {
  Power power;
  Medium state{power}, second{power};
  CountingEntropy entropy;
  const LmsKey key = LmsKey::make({.height = 10, .width = 4}, {1}, {2}).value();
  const core::Digest id = core::sha256(key.public_bytes());
  StorageWitness witness(second, id);
  ASSERT_TRUE(witness.create());
  const auto signer = LmsSigner::start(key, state, &witness, entropy).value();
  const core::Bytes message{1, 2};
  EXPECT_NE(signer->sign(message).value(), signer->sign(message).value());
  EXPECT_EQ(signer->signatures_left().value(), 1022U);
  EXPECT_EQ(signer->custody(), platform::KeyCustody::kDevelopmentFile);
}

}  // namespace
}  // namespace aseptic::publish::test
