// SPDX-License-Identifier: Apache-2.0
// Time on devices without a trustworthy clock: docs/formats/time_floor.md.
#include "aseptic/trust/time_floor.h"

#include "expect.h"
#include "hostile_repository.h"

namespace aseptic::trust::test {
namespace {

using std::chrono::hours;
constexpr hours kYear{24 * 365};

class TimeFloorTest : public testing::Test {
 protected:
  HostileRepository repository;
  TestClient client{repository.roots[1]};
  core::UtcTime build = test_time("2026-01-01T00:00:00Z");
  std::optional<TimeFloor> floor;

  // One update as the agent runs it: judged time in, raised floor out.
  core::Result<void> update(core::UtcTime rtc) {
    ASEPTIC_TRY(const TrustedMetadata trusted, client.refresh(repository, judged_time(rtc, build, floor)));
    floor = raised_floor(floor, trusted);
    return {};
  }
};

// Answers: LG-09, T-69
TEST_F(TimeFloorTest, RtcOf1970IsReplacedByTheFloor) {
  const core::UtcTime rtc = test_time("1970-01-01T00:00:00Z");
  EXPECT_EQ(judged_time(rtc, build, floor), build);
  ASSERT_TRUE(accepted(update(rtc)));
  EXPECT_EQ(floor->time, *repository.timestamp.issued);
  EXPECT_EQ(judged_time(rtc, build, floor), *repository.timestamp.issued);
  // Old metadata is recognised as frozen though the clock says 1970.
  HostileRepository old(test_time("2026-03-01T00:00:00Z"));
  TestClient victim(old.roots[1]);
  EXPECT_TRUE(refused(victim.refresh(old, judged_time(rtc, build, floor)), TrustCode::kFreeze));
}

// Answers: LG-09, T-69
TEST_F(TimeFloorTest, RtcOf2099NeverRaisesTheFloor) {
  const core::UtcTime rtc = test_time("2099-01-01T00:00:00Z");
  EXPECT_TRUE(refused(update(rtc), TrustCode::kFreeze));
  EXPECT_EQ(floor, std::nullopt);
  ASSERT_TRUE(accepted(update(repository.now)));  // the clock is set right: nothing was spoilt
  EXPECT_EQ(floor->time, *repository.timestamp.issued);
}

// Answers: LG-09, T-69
TEST_F(TimeFloorTest, PoisonedIssuedStopsAtTheRootsExpiry) {
  repository.timestamp.issued = test_time("2099-01-01T00:00:00Z");
  ASSERT_TRUE(accepted(update(repository.now)));
  EXPECT_EQ(floor->time, repository.root.expires);
}

// Answers: LG-09, T-69
TEST_F(TimeFloorTest, PoisonedIssuedIsDroppedWithItsKey) {
  repository.timestamp.issued = test_time("2099-01-01T00:00:00Z");
  ASSERT_TRUE(accepted(update(repository.now)));
  repository.set_keys("timestamp", {TestKey::ed25519(60)});
  repository.publish_root();
  repository.timestamp.issued = repository.now;
  repository.publish_timestamp();
  EXPECT_EQ(kept_floor(floor, repository.root), std::nullopt);
  // The device that applies kept_floor() after the root chain updates and heals.
  floor = kept_floor(floor, repository.root);
  ASSERT_TRUE(accepted(update(repository.now)));
  EXPECT_EQ(floor->time, repository.now);
  EXPECT_EQ(floor->key, TestKey::ed25519(60).public_key().fingerprint());
}

// Answers: KM-04, T-09
TEST_F(TimeFloorTest, FiveYearsOfflineTheDeviceCatchesUp) {
  ASSERT_TRUE(accepted(update(repository.now)));
  const core::UtcTime later = repository.now + 5 * kYear;
  for (int year = 1; year <= 5; ++year) {
    const std::vector<TestKey> old = repository.signers["root"];
    repository.set_keys("root", {TestKey::ed25519(static_cast<std::uint8_t>(150 + year))});
    repository.set_keys("timestamp", {TestKey::ed25519(static_cast<std::uint8_t>(160 + year))});
    repository.root.expires = repository.now + (year + 1) * kYear;
    repository.publish_root(old);
  }
  repository.timestamp.expires = repository.snapshot.expires = repository.targets().expires = later + hours(24);
  repository.timestamp.issued = later;
  repository.publish();
  const core::UtcTime rtc = test_time("1970-01-01T00:00:00Z");  // the battery died
  ASSERT_TRUE(accepted(update(rtc)));
  EXPECT_EQ(floor->time, later);
}

// Answers: ID-02, T-69
TEST_F(TimeFloorTest, ServerCertificateExpiredIsSeenThroughTheFloor) {
  const core::UtcTime not_after = repository.now - hours(24);
  const core::UtcTime rtc = test_time("2026-02-01T00:00:00Z");  // the clock is slow: the certificate looks valid
  EXPECT_LT(judged_time(rtc, build, std::nullopt), not_after);
  ASSERT_TRUE(accepted(update(rtc)));
  EXPECT_GT(judged_time(rtc, build, floor), not_after);
}

TEST_F(TimeFloorTest, NeverFallsWhileItsKeyIsTrusted) {
  ASSERT_TRUE(accepted(update(repository.now)));
  const auto before = floor;
  repository.timestamp.issued = repository.now - hours(1);
  repository.publish_timestamp();
  ASSERT_TRUE(accepted(update(repository.now)));
  EXPECT_EQ(floor, before);
}

TEST_F(TimeFloorTest, NoIssuedNoFloor) {
  repository.timestamp.issued.reset();
  ASSERT_TRUE(accepted(update(repository.now)));
  EXPECT_EQ(floor, std::nullopt);
  EXPECT_EQ(judged_time(repository.now, build, floor), repository.now);
}

TEST_F(TimeFloorTest, IsStoredAndReadBack) {
  const TimeFloor stored{.time = test_time(), .key = core::sha256("key")};
  const auto read = TimeFloor::parse(core::as_bytes(stored.encode()));
  ASSERT_TRUE(accepted(read));
  EXPECT_EQ(*read, stored);
  for (const char* damaged : {"", "{}", "null", R"({"format":"aseptic-time-floor-1"})"})
    EXPECT_FALSE(TimeFloor::parse(core::as_bytes(damaged)));
  EXPECT_TRUE(refused(TimeFloor::parse(core::as_bytes(" " + stored.encode())), TrustCode::kStatementFormat));
}

}  // namespace
}  // namespace aseptic::trust::test
