// SPDX-License-Identifier: Apache-2.0
// The device log: what it says, and every way to falsify it.
#include <gtest/gtest.h>

#include <algorithm>

#include "aseptic/agent/log_book.h"
#include "memory_storage.h"
#include "trust/tests/hostile_repository.h"

namespace aseptic::agent::test {
namespace {

using device_log::LogCode;
using device_log::LogHead;
using device_log::Segment;

class FakeClock final : public platform::Clock {
 public:
  core::UtcTime time = trust::test::test_time();
  std::chrono::milliseconds monotonic{1000};
  core::UtcTime wall() override { return time; }
  std::chrono::milliseconds since_boot() override { return monotonic; }
  void sleep_for(std::chrono::milliseconds pause) override { monotonic += pause; }
};

class DeviceKey final : public platform::Signer {
 public:
  explicit DeviceKey(std::uint8_t seed) : key_(trust::test::TestKey::ed25519(seed)) {}
  [[nodiscard]] const core::PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] platform::KeyCustody custody() const override { return platform::KeyCustody::kDevelopmentFile; }
  core::Result<core::Bytes> sign(core::ByteView message) override { return key_.sign(message); }
  core::Result<core::Bytes> sign_raw(core::ByteView) override {
    return core::Error(platform::PlatformCode::kSignerUnavailable, "");
  }

 private:
  trust::test::TestKey key_;
};

class DeviceLog : public ::testing::Test {
 protected:
  MemoryStorage storage;
  FakeClock clock;
  DeviceKey key{1}, other_key{2};

  std::unique_ptr<LogBook> open(std::optional<LogHead> acknowledged = {}, LogLimits limits = {}) {
    auto book = LogBook::open(storage, clock, key, {"pump-1", 7}, acknowledged, limits);
    EXPECT_TRUE(book.has_value());
    return *std::move(book);
  }
  static void write(LogBook& book, int records, const std::string& text = "text") {
    for (int i = 0; i < records; ++i) book.note({.reason = "agent.test", .text = text + std::to_string(i)});
  }
  core::Result<device_log::LogSummary> verify(std::optional<LogHead> acknowledged = {}) {
    const auto segments = read_log_segments(storage);
    return device_log::verify_log(*segments, {.device_key = &key.public_key(), .device_id = "pump-1",
                                              .acknowledged = acknowledged});
  }
  // Three records and a checkpoint, as text; a test changes it and puts it back.
  std::string written() {
    auto book = open();
    write(*book, 3);
    book->checkpoint();
    return std::string(core::as_text(storage.files.at("log/000000000001.log")));
  }
  void put(const std::string& text) {
    storage.files["log/000000000001.log"] = core::Bytes(text.begin(), text.end());
  }
  static std::string line(const std::string& text, std::size_t index) {
    std::size_t begin = 0;
    while (index-- > 0) begin = text.find('\n', begin) + 1;
    return text.substr(begin, text.find('\n', begin) - begin + 1);
  }
  void expect_refused(LogCode code, std::optional<LogHead> acknowledged = {}) {
    const auto result = verify(acknowledged);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().name(), describe(code).name) << result.error().sentence();
  }
};

// Answers: LG-01, LG-02
TEST_F(DeviceLog, VerifiesWhatItWroteAndCountsRecordsUpToTheHead) {
  auto book = open();
  write(*book, 3);
  book->checkpoint();
  write(*book, 2);
  const auto summary = verify();
  ASSERT_TRUE(summary.has_value()) << summary.error().sentence();
  EXPECT_EQ(summary->head, book->head());
  EXPECT_EQ(summary->head.count, 6u);
  EXPECT_EQ(summary->checkpoints, 1u);
  EXPECT_EQ(summary->unsigned_tail, 2u);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesAnEditedRecord) {
  std::string text = written();
  text.replace(text.find("text1"), 5, "text9");
  put(text);
  expect_refused(LogCode::kEdited);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesARemovedRecord) {
  const std::string text = written();
  put(line(text, 0) + line(text, 2) + line(text, 3));
  expect_refused(LogCode::kReordered);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesReorderedRecords) {
  const std::string text = written();
  put(line(text, 0) + line(text, 2) + line(text, 1) + line(text, 3));
  expect_refused(LogCode::kReordered);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesAnInsertedRecord) {
  const std::string text = written();
  put(line(text, 0) + line(text, 1) + line(text, 1) + line(text, 2) + line(text, 3));
  expect_refused(LogCode::kReordered);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesALogShorterThanWhatWasAcknowledged) {
  auto book = open();
  write(*book, 3);
  book->checkpoint();
  const LogHead acknowledged = book->head();
  const std::string text(core::as_text(storage.files.at("log/000000000001.log")));
  put(line(text, 0) + line(text, 1));
  ASSERT_TRUE(verify().has_value());  // without the acknowledged head a shorter log is whole
  expect_refused(LogCode::kTruncated, acknowledged);
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, RefusesAForkAfterTheAcknowledgedRecord) {
  auto book = open();
  write(*book, 3);
  const LogHead acknowledged = book->head();
  storage.files.clear();
  auto forged = open();
  write(*forged, 5, "other");
  expect_refused(LogCode::kForked, acknowledged);
}

// Answers: LG-02
TEST_F(DeviceLog, RefusesACheckpointOfAnotherKeyAndOfAnotherDevice) {
  auto book = LogBook::open(storage, clock, other_key, {"pump-1", 7}, {});
  write(**book, 1);
  (*book)->checkpoint();
  expect_refused(LogCode::kCheckpoint);
  storage.files.clear();
  book = LogBook::open(storage, clock, key, {"pump-2", 7}, {});
  (*book)->checkpoint();
  expect_refused(LogCode::kCheckpoint);
}

TEST_F(DeviceLog, RefusesALineThatIsNotInItsCanonicalForm) {
  std::string text = written();
  text.insert(1, " ");
  put(text);
  expect_refused(LogCode::kFormat);
}

TEST_F(DeviceLog, CutsOffATornTailAndGoesOn) {
  const std::string text = written();
  put(text + R"({"actor":"agent","boot":7,"mo)");
  auto book = open();
  EXPECT_FALSE(book->tampered());
  EXPECT_EQ(book->head().count, 4u);
  write(*book, 1);
  EXPECT_TRUE(verify().has_value());
}

// Answers: LG-02, T-81
TEST_F(DeviceLog, SetsATamperedLogAsideAndSaysSoInTheNewOne) {
  std::string text = written();
  text.replace(text.find("text1"), 5, "text9");
  put(text);
  auto book = open();
  ASSERT_TRUE(book->tampered());
  EXPECT_EQ(book->tampered()->name(), "log.edited");
  EXPECT_TRUE(storage.files.contains("log/rejected.bin"));
  std::string reason;
  const auto segments = read_log_segments(storage);
  ASSERT_TRUE(device_log::verify_log(*segments, {}, [&](const device_log::Record& r) { reason = r.reason; }).has_value());
  EXPECT_EQ(reason, "log.edited");
}

TEST_F(DeviceLog, DropsOldSegmentsOnlyBehindASealThatVerifies) {
  const LogLimits small{.segment_bytes = 2048, .segments_max = 3};
  auto book = open({}, small);
  write(*book, 100);
  const auto summary = verify();
  ASSERT_TRUE(summary.has_value()) << summary.error().sentence();
  EXPECT_GT(summary->first, 1u);
  EXPECT_EQ(summary->head, book->head());
  // One segment more is gone than the seal says.
  storage.files.erase(storage.files.lower_bound("log/0"));
  expect_refused(LogCode::kTruncated);
}

TEST_F(DeviceLog, OpensAgainAfterSegmentsWereDropped) {
  const LogLimits small{.segment_bytes = 2048, .segments_max = 3};
  {
    auto book = open({}, small);
    write(*book, 60);
  }
  auto book = open({}, small);
  EXPECT_FALSE(book->tampered()) << book->tampered()->sentence();
  write(*book, 60);
  EXPECT_TRUE(verify().has_value());
  EXPECT_LE(read_log_segments(storage)->size(), 3u);
}

TEST_F(DeviceLog, NeverBlocksWhenTheMediumIsFullAndSpendsItsReserve) {
  auto book = open();
  write(*book, 2);
  storage.capacity = storage.used() + 10;
  write(*book, 3);  // the reserve makes room
  EXPECT_EQ(book->lost(), 0u);
  EXPECT_FALSE(storage.files.contains("log/reserve.bin"));
  storage.capacity = storage.used();
  write(*book, 4);
  EXPECT_EQ(book->lost(), 4u);
  storage.capacity = ~0ULL;
  write(*book, 1);
  EXPECT_EQ(book->lost(), 0u);
  std::uint64_t lost = 0;
  const auto segments = read_log_segments(storage);
  ASSERT_TRUE(device_log::verify_log(*segments, {}, [&](const device_log::Record& r) { lost += r.lost; }).has_value());
  EXPECT_EQ(lost, 4u);
}

// Answers: LG-09, T-69
TEST_F(DeviceLog, MarksTimeBeforeTheFloorAndAfterAJumpAsUntrusted) {
  auto book = open();
  book->set_time_floor(clock.time);
  write(*book, 1);                                 // trusted
  clock.time -= std::chrono::hours(24 * 365 * 50);
  write(*book, 1);                                 // before the floor
  clock.time += std::chrono::hours(24 * 365 * 80);
  write(*book, 1);                                 // jumped forward
  std::vector<device_log::WallTrust> trusts;
  std::vector<std::int64_t> monotonic;
  const auto segments = read_log_segments(storage);
  ASSERT_TRUE(device_log::verify_log(*segments, {}, [&](const device_log::Record& r) {
                trusts.push_back(r.wall_trust);
                monotonic.push_back(r.since_boot.count());
              }).has_value());
  using enum device_log::WallTrust;
  EXPECT_EQ(trusts, (std::vector{kAboveFloor, kUntrusted, kUntrusted}));
  EXPECT_TRUE(std::ranges::is_sorted(monotonic));
}

TEST_F(DeviceLog, ASentenceCannotBecomeTwoLines) {
  auto book = open();
  book->note({.reason = "agent.test", .text = "evil\n{\"n\":1}\x1b[2J"});
  EXPECT_TRUE(verify().has_value());
  EXPECT_EQ(verify()->head.count, 1u);
}

TEST_F(DeviceLog, EveryRecordReadsBackAsItWasWritten) {
  device_log::Record record;
  record.number = 9;
  record.reason = "agent.staged";
  record.actor = "local:1000";
  record.text = "quotes \" and \\";
  record.from = device_log::ImageName{"1.0.0", core::sha256("a")};
  record.to = device_log::ImageName{"2.0.0", core::sha256("b")};
  record.lost = 3;
  const auto back = device_log::parse_record(core::as_bytes(device_log::encode_record(record)));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, record);
}

}  // namespace
}  // namespace aseptic::agent::test
