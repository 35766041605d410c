// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/device_api.h"

#include <filesystem>

#include "aseptic/core/json.h"
#include "aseptic/trust/codes.h"
#include "desk_rig.h"

namespace aseptic::fleet {
namespace {

TEST(ParseRange, TakesOneByteRangeAndClipsIt) {
  const auto expect = [](std::string_view header, std::uint64_t first, std::uint64_t count) {
    const auto range = parse_range(header, 10);
    ASSERT_TRUE(range) << header;
    EXPECT_EQ(range->first, first) << header;
    EXPECT_EQ(range->count, count) << header;
  };
  expect("bytes=0-0", 0, 1);
  expect("bytes=9-", 9, 1);
  expect("bytes=2-5", 2, 4);
  expect("bytes=5-99", 5, 5);
  expect("bytes=-3", 7, 3);
  expect("bytes=-99", 0, 10);
  expect("bytes=0-18446744073709551615", 0, 10);
}

TEST(ParseRange, SaysWhenNothingLiesInTheRange) {
  for (const char* header : {"bytes=10-", "bytes=10-12", "bytes=-0"}) EXPECT_EQ(parse_range(header, 10)->count, 0U) << header;
  EXPECT_EQ(parse_range("bytes=0-", 0)->count, 0U);
}

TEST(ParseRange, TreatsAnythingElseAsTheWholeFile) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "items=0-1", "bytes= 0-1", "bytes=0--1",
                             "bytes=18446744073709551616-", "bytes=-1-"})
    EXPECT_FALSE(parse_range(header, 10)) << header;
}

TEST(DecodeTarget, DecodesOnceAndDropsTheQuery) {
  EXPECT_EQ(*decode_target("/a%20b/c%252F?x=y"), "a b/c%2F");
  for (const char* target : {"", "a", "*", "http://x/", "/%", "/%4", "/%zz", "/%-1"}) EXPECT_FALSE(decode_target(target)) << target;
}

class DeviceApiTest : public DeskRig {
 protected:
  DeviceApiTest() {
    std::filesystem::create_directory(root_ / "repository");
    platform::write_file(root_ / "repository/root.json", "0123456789");
    platform::write_file(root_ / "secret", "not served");
    tree_ = *platform::PosixFileTree::open(root_ / "repository");
    api_ = std::make_unique<DeviceApi>(*tree_, *desk_);
  }
  Answer get(std::string_view target, std::string_view range = {}) { return api_->answer(device_, {"GET", target, range, {}}); }
  Answer post(std::string_view target, std::string_view body = {}) { return api_->answer(device_, {"POST", target, {}, core::as_bytes(body)}); }
  static void expect_refused(const Answer& answer, int status, std::string_view reason) {
    EXPECT_EQ(answer.status, status);
    EXPECT_FALSE(answer.file);
    const auto body = core::parse_json_value(core::as_bytes(std::string_view(answer.body).substr(0, answer.body.size() - 1)));
    ASSERT_TRUE(body) << answer.body;
    EXPECT_EQ(body->string_at("reason").value_or(""), reason);
    EXPECT_FALSE(body->string_at("sentence").value_or("").empty());
  }

  std::unique_ptr<platform::PosixFileTree> tree_;
  std::unique_ptr<DeviceApi> api_;
};

TEST_F(DeviceApiTest, GivesAFileWholeOrOneRangeOfIt) {
  const Answer whole = get("/root.json", "items=1-2");
  EXPECT_EQ(whole.status, 200);
  ASSERT_TRUE(whole.file);
  EXPECT_EQ(whole.file->size, 10U);
  EXPECT_EQ(whole.content_type, "application/json");
  const Answer part = get("/root.json", "bytes=2-5");
  EXPECT_EQ(part.status, 206);
  ASSERT_TRUE(part.file);
  EXPECT_EQ(part.file->offset, 2U);
  EXPECT_EQ(part.file->size, 4U);
  EXPECT_EQ(part.content_range, "bytes 2-5/10");
  const Answer behind = get("/root.json", "bytes=10-");
  expect_refused(behind, 416, "fleet.request");
  EXPECT_EQ(behind.content_range, "bytes */10");
}

// Answers: T-41
TEST_F(DeviceApiTest, GivesNothingOutsideTheRepository) {
  for (const char* target : {"/../secret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/.", "/", "/nothing", "root.json", "/%zz"})
    expect_refused(get(target), 404, "fleet.request");
}

TEST_F(DeviceApiTest, KnowsNoOtherMethodOrFunction) {
  expect_refused(api_->answer(device_, {"PUT", "/root.json", {}, {}}), 405, "fleet.request");
  expect_refused(post("/v1/install"), 404, "fleet.request");
}

// Answers: LG-05, T-22
TEST_F(DeviceApiTest, TakesAReportWithItsNonceOnce) {
  const auto nonce_body = core::parse_json_value(core::as_bytes(std::string_view(post("/v1/nonce").body).substr(0, 2 * ReportDesk::kNonceBytes + 12)));
  ASSERT_TRUE(nonce_body);
  const std::string file = report(1, *core::from_hex(*nonce_body->string_at("nonce")));
  const Answer first = post("/v1/reports", file);
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.body.find("\"arrival\":\"new\""), std::string::npos) << first.body;
  EXPECT_NE(post("/v1/reports", file).body.find("\"arrival\":\"repeated\""), std::string::npos);
  ASSERT_EQ(post("/v1/reports", report(2)).status, 200);
  expect_refused(post("/v1/reports", file), 409, "trust.replay");
  expect_refused(post("/v1/reports", "{}"), 400, "trust.format");
  EXPECT_NE(post("/v1/reports", "{}").log_line.find("pump-1"), std::string::npos);
}

// Answers: T-78
TEST_F(DeviceApiTest, RefusesAReportAboutAnotherDevice) {
  expect_refused(post("/v1/reports", sign(plain_report("pump-2", 1))), 403, "fleet.device_mismatch");
}

TEST_F(DeviceApiTest, AStrangersSessionEndsWithAReason) {
  const Answer answer = refuse_stranger(core::Error(trust::TrustCode::kNonce, "the certificate is not a device's"));
  expect_refused(answer, 403, "trust.nonce");
  EXPECT_TRUE(answer.ends_session);
  EXPECT_NE(answer.log_line.find("session refused"), std::string::npos);
}

}  // namespace
}  // namespace aseptic::fleet
