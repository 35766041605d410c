// SPDX-License-Identifier: Apache-2.0
// What a report is worth, over the real SQLite store.
#include "aseptic/fleet/report_desk.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "aseptic/fleet/codes.h"
#include "aseptic/fleet/limits.h"
#include "desk_rig.h"
#include "trust/tests/expect.h"
#include "trust/tests/samples.h"

namespace aseptic::fleet {
namespace {

using trust::ReportArrival;
using trust::TrustCode;
using trust::test::accepted;
using trust::test::refused;
using trust::test::TestKey;

class ReportDeskTest : public DeskRig {
 protected:
  core::Result<Receipt> submit(const std::string& file) { return desk_->submit(device_, core::as_bytes(file)); }
  void expect_alarm(std::string_view reason, std::uint64_t count = 1) {
    const auto alarms = *store_->alarms("t1", 10);
    ASSERT_FALSE(alarms.empty());
    EXPECT_EQ(alarms.front().alarm.reason, reason);
    EXPECT_EQ(alarms.front().alarm.count, count);
    EXPECT_EQ(alarms.front().name.device, "pump-1");
  }
  std::size_t stored() { return store_->reports({"t1", "pump-1"}, 100)->size(); }
};

TEST_F(ReportDeskTest, KeepsTheSignedBytesAndAcknowledges) {
  const std::string file = report(1);
  const auto receipt = submit(file);
  ASSERT_TRUE(accepted(receipt));
  EXPECT_EQ(receipt->arrival, ReportArrival::kNew);
  EXPECT_EQ(receipt->acknowledged.sequence, 1U);
  const auto reports = *store_->reports({"t1", "pump-1"}, 10);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(core::as_text(reports[0].file), file);
  EXPECT_EQ(reports[0].state, "idle");
  EXPECT_EQ(reports[0].received_at, clock_.now);
  EXPECT_FALSE(reports[0].is_fresh);
}

TEST_F(ReportDeskTest, AcknowledgesTheSameBytesAgainAndStoresThemOnce) {
  const std::string file = report(1);
  ASSERT_TRUE(accepted(submit(file)));
  reopen();
  const auto again = submit(file);
  ASSERT_TRUE(accepted(again));
  EXPECT_EQ(again->arrival, ReportArrival::kRepeated);
  EXPECT_EQ(stored(), 1U);
  EXPECT_TRUE(store_->alarms("t1", 10)->empty());
}

// Answers: LG-05, T-22
TEST_F(ReportDeskTest, RefusesAReplayedReport) {
  const std::string first = report(1);
  ASSERT_TRUE(accepted(submit(first)));
  ASSERT_TRUE(accepted(submit(report(2))));
  EXPECT_TRUE(refused(submit(first), TrustCode::kReplay));
  reopen();
  EXPECT_TRUE(refused(submit(first), TrustCode::kReplay)) << "also after a restart of the server";
  EXPECT_EQ(stored(), 2U);
  expect_alarm("trust.replay", 2);
}

// Answers: LG-05, T-78
TEST_F(ReportDeskTest, RefusesAForgedReport) {
  const TestKey other = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  const std::string forged = signed_report(plain_report("pump-1", 1), key_.public_key(), [&](const std::string& bytes) { return other.sign(bytes); });
  EXPECT_TRUE(refused(submit(forged), TrustCode::kThreshold));
  std::string changed = report(1);
  changed.replace(changed.find("idle"), 4, "done");
  EXPECT_TRUE(refused(submit(changed), TrustCode::kThreshold));
  EXPECT_FALSE(submit("{}"));
  EXPECT_FALSE(submit(""));
  EXPECT_EQ(stored(), 0U);
  EXPECT_EQ(store_->alarms("t1", 10)->size(), 4U);
}

// Answers: LG-05, T-78
TEST_F(ReportDeskTest, RefusesAReportOfAnotherDevice) {
  const std::string foreign = sign(plain_report("pump-2", 1));
  EXPECT_TRUE(submit(foreign).error().is(FleetCode::kDeviceMismatch));
  expect_alarm("fleet.device_mismatch");
  EXPECT_EQ(stored(), 0U);
}

// Answers: LG-05, T-79
TEST_F(ReportDeskTest, RaisesACloneAlarmForTheSameSequenceWithOtherContent) {
  ASSERT_TRUE(accepted(submit(report(1))));
  trust::Report other = plain_report("pump-1", 1);
  other.state = "staging";
  EXPECT_TRUE(refused(submit(sign(other)), TrustCode::kClone));
  expect_alarm("trust.clone");
  EXPECT_EQ(stored(), 1U);
}

// Answers: T-81
TEST_F(ReportDeskTest, RaisesAnAlarmWhenTheDeviceLogBecameShorter) {
  ASSERT_TRUE(accepted(submit(report(2))));
  trust::Report shorter = plain_report("pump-1", 3);
  shorter.log_count = 5;
  EXPECT_TRUE(refused(submit(sign(shorter)), TrustCode::kLogFork));
  expect_alarm("trust.log_fork");
}

// Answers: LG-05, T-22
TEST_F(ReportDeskTest, ANonceIsForOneDeviceOneReportAndAShortTime) {
  const auto first = *desk_->issue_nonce(device_);
  const auto second = *desk_->issue_nonce(device_);
  ASSERT_NE(first, second);
  EXPECT_TRUE(refused(submit(report(1, first)), TrustCode::kNonce)) << "voided by the second";
  const DeviceIdentity neighbour{"pump-2", key_.public_key()};
  const auto foreign = *desk_->issue_nonce(neighbour);
  EXPECT_TRUE(refused(submit(report(1, foreign)), TrustCode::kNonce)) << "another device's";
  ASSERT_TRUE(accepted(submit(report(1, second))));
  EXPECT_TRUE(store_->reports({"t1", "pump-1"}, 1)->front().is_fresh);
  EXPECT_TRUE(refused(submit(report(2, second)), TrustCode::kNonce)) << "used up";
  EXPECT_TRUE(refused(submit(report(2, core::Bytes(32, 0))), TrustCode::kNonce)) << "no nonce is outstanding";

  const auto late = *desk_->issue_nonce(device_);
  clock_.now += ReportDesk::kNonceLifetime;
  ASSERT_TRUE(accepted(submit(report(2, late)))) << "the last second";
  const auto too_late = *desk_->issue_nonce(device_);
  clock_.now += ReportDesk::kNonceLifetime + std::chrono::seconds(1);
  EXPECT_TRUE(refused(submit(report(3, too_late)), TrustCode::kNonce));
}

TEST_F(ReportDeskTest, KeepsTenantsApart) {
  ASSERT_TRUE(accepted(submit(report(5))));
  ReportDesk other("t2", *store_, clock_, entropy_);
  ASSERT_TRUE(accepted(other.submit(device_, core::as_bytes(report(1)))));
  EXPECT_EQ(*store_->devices("t1"), std::vector<std::string>{"pump-1"});
  EXPECT_EQ(store_->reports({"t2", "pump-1"}, 10)->size(), 1U);
  EXPECT_TRUE(store_->alarms("t2", 10)->empty());
}

TEST_F(ReportDeskTest, BoundsTheAlarmsOfOneDevice) {
  for (std::size_t i = 0; i < kAlarmsPerDeviceMax + 5; ++i)
    ASSERT_TRUE(store_->raise({"t1", "pump-1"}, {.raised_at = clock_.now, .reason = "trust.replay", .file_digest = core::sha256(std::to_string(i)), .sentence = "x"}));
  EXPECT_EQ(store_->alarms("t1", 5000)->size(), kAlarmsPerDeviceMax);
}

TEST_F(ReportDeskTest, AFailingDatabaseIsNoAlarmAndNoAcceptance) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((root_ / "fleet.sqlite").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "DROP TABLE report", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const auto receipt = submit(report(1));
  ASSERT_FALSE(receipt);
  EXPECT_TRUE(receipt.error().is(FleetCode::kStore)) << receipt.error().sentence();
  EXPECT_EQ(store_->last_report({"t1", "pump-1"})->sequence, 0U) << "half of the transaction stayed";
  EXPECT_TRUE(store_->alarms("t1", 10)->empty());
}

TEST(SqliteReportStore, RefusesAnotherSchemaVersionAndWhatIsNoDatabase) {
  const platform::TemporaryDirectory root;
  ASSERT_TRUE(open_sqlite_report_store(root / "a.sqlite"));
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((root / "a.sqlite").c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "PRAGMA user_version = 2", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_TRUE(open_sqlite_report_store(root / "a.sqlite").error().is(FleetCode::kStoreVersion));
  platform::write_file(root / "b.sqlite", std::string(5000, 'x'));
  EXPECT_TRUE(open_sqlite_report_store(root / "b.sqlite").error().is(FleetCode::kStore));
  EXPECT_TRUE(open_sqlite_report_store(root / "none/c.sqlite").error().is(FleetCode::kStore));
}

TEST(SqliteReportStore, IsReadableByItsOwnerOnly) {
  const platform::TemporaryDirectory root;
  ASSERT_TRUE(open_sqlite_report_store(root / "a.sqlite"));
  struct stat status {};
  ASSERT_EQ(::stat((root / "a.sqlite").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(FleetCodes, AreUniqueAndNamed) {
  std::uint16_t number = 800;
  for (const auto& info : fleet_error_table()) {
    EXPECT_EQ(info.number, ++number);
    EXPECT_TRUE(info.name.starts_with("fleet.")) << info.name;
  }
}

// A desk whose devices' policy names a factory, and a component's boot report as that component's boot signs it.
class BootReportDeskTest : public ReportDeskTest {
 protected:
  BootReportDeskTest() {
    statement_.device = "pump-1";
    statement_.product = plain_report("pump-1", 1).product;
    statement_.key = boot_.public_key().spki();
    policy_ = trust::AuthorityPolicy{.product = statement_.product, .provisioning_keys = {factory_.tuf_key()}};
    reopen();
  }
  core::Bytes boot_report() const {
    core::Bytes bytes(1024, 0);
    std::ranges::copy(std::string_view("ASPTMAIL"), bytes.begin());
    bytes[21] = bytes[22] = 1;
    std::ranges::copy(statement_.boot_id.bytes, bytes.begin() + 64);
    std::ranges::copy(statement_.boot_digest.bytes, bytes.begin() + 80);
    const std::string_view domain("aseptic-boot-report-v1\0", 23);
    core::Bytes message(domain.begin(), domain.end());
    message.insert(message.end(), bytes.begin(), bytes.begin() + 952);
    std::ranges::copy(boot_.sign_raw(message), bytes.begin() + 952);
    return bytes;
  }
  std::string certified_by(const TestKey& factory) const { return trust::test::signed_file(statement_.encode(), {factory}); }
  std::string forwarding(std::uint64_t sequence, const std::string& key) {
    trust::Report made = plain_report("pump-1", sequence);
    made.boot_reports = {{statement_.component, boot_report(), key}};
    return sign(made);
  }

  const TestKey factory_ = TestKey::ed25519(40);
  const TestKey boot_ = TestKey::generate(core::KeyAlgorithm::kEcdsaP256);
  trust::BootKeyStatement statement_ = trust::test::sample_boot_key();
};

// Answers: RB-07, T-56
TEST_F(BootReportDeskTest, TakesAComponentsBootReportByACertifiedKey) {
  ASSERT_TRUE(accepted(submit(forwarding(1, certified_by(factory_)))));
  EXPECT_EQ(stored(), 1u);
  EXPECT_TRUE(store_->alarms("t1", 10)->empty());
}

// Answers: T-56, T-78
TEST_F(BootReportDeskTest, RefusesAComponentsBootReportByAnUncertifiedKeyAndRaisesTheAlarm) {
  EXPECT_TRUE(refused(submit(forwarding(1, "")), TrustCode::kBootKey));
  expect_alarm("trust.boot_key");
  EXPECT_TRUE(refused(submit(forwarding(1, certified_by(TestKey::ed25519(41)))), TrustCode::kThreshold));
  const std::string before = certified_by(factory_);
  statement_.key = TestKey::generate(core::KeyAlgorithm::kEcdsaP256).public_key().spki();
  EXPECT_TRUE(refused(submit(forwarding(1, certified_by(factory_))), TrustCode::kBootKey)) << "the factory saw another key";
  statement_.component = trust::test::sample_uuid(77);
  EXPECT_TRUE(refused(submit(forwarding(1, before)), TrustCode::kBootKey)) << "the statement of another component";
  EXPECT_EQ(stored(), 0u);
}

// Answers: T-56
TEST_F(BootReportDeskTest, AnotherDevicesStatementVouchesForNothing) {
  statement_.device = "pump-2";
  EXPECT_TRUE(refused(submit(forwarding(1, certified_by(factory_))), TrustCode::kWrongDevice));
  EXPECT_EQ(stored(), 0u);
}

TEST_F(BootReportDeskTest, WithoutAFactoryInThePolicyNothingIsJudged) {
  policy_->provisioning_keys.clear();
  reopen();
  EXPECT_TRUE(accepted(submit(forwarding(1, ""))));
}

}  // namespace
}  // namespace aseptic::fleet
