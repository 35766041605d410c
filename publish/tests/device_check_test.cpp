// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/device_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

struct State {
  boot::LifeCycle life_cycle = boot::LifeCycle::kProduction;
  boot::DebugPort debug = boot::DebugPort::kClosed;
  boot::BootHashVerdict boothash = boot::BootHashVerdict::kMatches;
};

core::Bytes report(const State& state) {
  boot::BootReport r;
  r.boot_count = 41;
  r.life_cycle = state.life_cycle;
  r.debug = state.debug;
  r.emulated = true;
  r.run_kind = boot::RunKind::kConfirmed;
  r.place = boot::ImagePlace::kSlotB;
  r.boothash_verdict = state.boothash;
  r.recovery = boot::RecoveryState::kVerifies;
  r.floor = 3;
  r.generation = 9;
  r.running_sequence = r.confirmed_sequence = 7;
  r.running_manifest.fill(0xAA);
  r.confirmed_manifest = r.running_manifest;
  core::Bytes bytes(boot::kBootReportSize);
  boot::encode_boot_report(r, std::span<std::uint8_t, boot::kBootReportSize>(bytes));
  return bytes;
}

bool finds(const DeviceCheck& check, std::string_view name, Severity severity) {
  return std::ranges::any_of(check.findings, [&](const Finding& f) { return f.name == name && f.severity == severity; });
}

// Answers: RB-07, T-49
TEST(DeviceCheckTest, AnOpenDebugPortInProductionFailsLoudly) {
  const auto check = check_device(report({.debug = boot::DebugPort::kOpen}));
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->has_failed());
  EXPECT_TRUE(finds(*check, "debug_open_in_production", Severity::kFailure));
  EXPECT_NE(check->text().find("THE DEBUG PORT OF A PRODUCTION DEVICE IS OPEN"), std::string::npos);
}

// Answers: RB-07, T-49
TEST(DeviceCheckTest, ADebugPortThatNobodyKnowsToBeClosedFailsInProductionOnly) {
  const auto production = check_device(report({.debug = boot::DebugPort::kUnknown}));
  ASSERT_TRUE(production);
  EXPECT_TRUE(production->has_failed());
  const auto development = check_device(report({.life_cycle = boot::LifeCycle::kDevelopment, .debug = boot::DebugPort::kOpen}));
  ASSERT_TRUE(development);
  EXPECT_FALSE(development->has_failed());
  EXPECT_TRUE(finds(*development, "debug_not_closed", Severity::kNote));
}

// Answers: T-22, T-56
TEST(DeviceCheckTest, AReportOfAnotherChallengeDoesNotPass) {
  core::Bytes bytes = report({});
  boot::BootReport r;
  ASSERT_TRUE(boot::ok(boot::decode_boot_report(core::ByteView(bytes).first<boot::kBootReportSize>(), r)));
  r.challenge.fill(0x5C);
  boot::encode_boot_report(r, std::span<std::uint8_t, boot::kBootReportSize>(bytes));
  const auto answered = check_device(bytes, {.challenge = core::Bytes(32, 0x5C)});
  ASSERT_TRUE(answered);
  EXPECT_FALSE(answered->has_failed());
  EXPECT_TRUE(*answered->facts.at("challenge_answered").as_bool());
  const auto old = check_device(bytes, {.challenge = core::Bytes(32, 0x5D)});
  ASSERT_TRUE(old);
  EXPECT_TRUE(finds(*old, "challenge_not_answered", Severity::kFailure));
  // No challenge at all is none that a report could answer.
  EXPECT_FALSE(check_device(report({}), {.challenge = core::Bytes(32, 0)}));
  EXPECT_FALSE(check_device(bytes, {.challenge = core::Bytes(31, 0x5C)}));
}

// Answers: RB-07
TEST(DeviceCheckTest, ReadsOutLifeCycleSlotsFloorAndCounters) {
  const auto check = check_device(report({}));
  ASSERT_TRUE(check);
  EXPECT_FALSE(check->has_failed());
  const core::JsonValue facts(check->facts);
  EXPECT_EQ(facts.string_at("life_cycle").value(), "production");
  EXPECT_EQ(facts.string_at("debug_port").value(), "closed");
  EXPECT_EQ(facts.string_at("runs_from").value(), "slot b");
  EXPECT_EQ(facts.count_at("security_floor").value(), 3U);
  EXPECT_EQ(facts.count_at("boot_count").value(), 41U);
  EXPECT_EQ(facts.count_at("generation").value(), 9U);
  EXPECT_TRUE(finds(*check, "emulated", Severity::kNote));
  EXPECT_TRUE(finds(*check, "signature_not_checked", Severity::kWarning));
}

TEST(DeviceCheckTest, AnImageThatBootDidNotRecordFails) {
  const auto check = check_device(report({.boothash = boot::BootHashVerdict::kDiffers}));
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->has_failed());
}

TEST(DeviceCheckTest, RefusesWhatIsNoBootReport) {
  core::Bytes bytes = report({});
  EXPECT_FALSE(check_device(core::ByteView(bytes).first(1023)));
  bytes[22] ^= 1;  // the checksum notices
  EXPECT_FALSE(check_device(bytes));
}

}  // namespace
}  // namespace aseptic::publish
