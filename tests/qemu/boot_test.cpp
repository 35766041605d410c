// SPDX-License-Identifier: Apache-2.0
// The linked boot stage on emulated hardware (EMULATED).
#include <gtest/gtest.h>

#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/trust/mailbox_report.h"
#include "device.h"

namespace aseptic::test {
namespace {

std::uint32_t cortex_m_offset(boot::Area area) {
  return boot::cortex_m::flash_area(area).offset;
}

class Qemu : public testing::TestWithParam<Machine (*)()> {};
INSTANTIATE_TEST_SUITE_P(Emulated, Qemu, testing::Values(&an505, &ast1030),
                         [](const auto& machine) { return machine.param().board.name; });

// Answers: RB-01, MB-01
TEST_P(Qemu, BootsAConfirmedImage) {
  Device device(GetParam()());
  const Bytes image = device.firmware({.sequence = 7});
  device.flash.provision(image, device.machine.capabilities);
  device.flash.script("o");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP"), "APP kind=1 place=0 count=1 cause=1 sequence=7 manifest=" + hex(manifest_of(image)) + " EMULATED") << out;
}

// Timeline: stage and arm the other slot, commanded reset, trial; confirm, commanded reset; the new image is confirmed.
// Answers: RB-04, RC-03
TEST_P(Qemu, ATrialIsConfirmed) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 1}), device.machine.capabilities);
  const Bytes update = device.firmware({.sequence = 2});
  device.flash.put(boot::Area::kSlotB, update);
  device.flash.script("SrArCro");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP", 0).substr(0, 37), "APP kind=1 place=0 count=1 cause=1 se") << out;
  EXPECT_EQ(line_of(out, "APP", 1).substr(0, 46), "APP kind=1 place=0 count=2 cause=3 sequence=1 ") << out;
  EXPECT_EQ(line_of(out, "APP", 2).substr(0, 46), "APP kind=2 place=1 count=3 cause=3 sequence=2 ") << out;
  EXPECT_EQ(line_of(out, "APP", 3).substr(0, 46), "APP kind=1 place=1 count=4 cause=3 sequence=2 ") << out;
  EXPECT_EQ(journal_of(device.file).confirmed.manifest, manifest_of(update));
}

// Answers: RB-04, RC-04
TEST_P(Qemu, ATrialThatResetsWithoutAConfirmIsQuarantined) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 1}), device.machine.capabilities);
  const Bytes update = device.firmware({.sequence = 2});
  device.flash.put(boot::Area::kSlotB, update);
  device.flash.script("SrArxo");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP", 2).substr(0, 46), "APP kind=2 place=1 count=3 cause=3 sequence=2 ") << out;
  EXPECT_EQ(line_of(out, "APP", 3).substr(0, 46), "APP kind=1 place=0 count=4 cause=6 sequence=1 ") << out;
  EXPECT_TRUE(journal_of(device.file).is_quarantined(manifest_of(update), 1));
}

// Answers: RB-04
TEST_P(Qemu, AFaultInATrialIsALockUpAndFailsIt) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 1}), device.machine.capabilities);
  device.flash.put(boot::Area::kSlotB, device.firmware({.sequence = 2}));
  device.flash.script("SrArfo");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP", 3).substr(0, 46), "APP kind=1 place=0 count=4 cause=5 sequence=1 ") << out;
}

// The virtual clock runs ahead while the hung application waits, so the 120 seconds cost nothing.
// Answers: RB-04, RC-03
TEST_P(Qemu, AHangingTrialEndsByTheWatchdog) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 1}), device.machine.capabilities);
  device.flash.put(boot::Area::kSlotB, device.firmware({.sequence = 2}));
  device.flash.script("SrArho");
  device.flash.write(device.file);
  const std::string out = device.power_up({"-icount", "shift=0,sleep=off"});
  EXPECT_EQ(line_of(out, "APP", 3).substr(0, 46), "APP kind=1 place=0 count=4 cause=4 sequence=1 ") << out;
}

// Answers: RB-01, MB-01
TEST_P(Qemu, AnyFlippedByteOfTheImageStopsItAndTheOtherSlotRuns) {
  for (const std::uint32_t at : {std::uint32_t{300}, std::uint32_t{1030}, std::uint32_t{12288 + 77}}) {
    Device device(GetParam()());
    const Bytes image = device.firmware({.sequence = 7});
    device.flash.provision(image, device.machine.capabilities);
    device.flash.put_at(cortex_m_offset(boot::Area::kSlotA) + at, {static_cast<std::uint8_t>(image[at] ^ 1)});
    device.flash.script("o");
    device.flash.write(device.file);
    const std::string out = device.power_up();
    EXPECT_EQ(line_of(out, "APP").substr(0, 19), "APP kind=1 place=1 ") << at << out;
  }
}

// An image for another address is refused before it is copied; the other slot holds none, so recovery runs.
// Answers: RB-01
TEST_P(Qemu, AnImageForAnotherLoadAddressDoesNotRun) {
  Device device(GetParam()());
  const Bytes wrong = device.firmware({.sequence = 3, .load_address = 0x30000000});
  device.flash.provision(wrong, device.machine.capabilities);
  device.flash.put(boot::Area::kSlotB, {});
  device.flash.put(boot::Area::kRecovery, device.firmware({.sequence = 2}));
  device.flash.script("o");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(line_of(out, "APP").substr(0, 19), "APP kind=4 place=2 ") << out;
}

Bytes from_hex(const std::string& text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));  // NOLINT(stoul: our own output)
  return out;
}

Bytes hardware_state(std::uint32_t life_cycle, std::uint32_t policy, std::uint32_t closed, std::uint32_t inverted) {
  Bytes out;
  for (const std::uint32_t word : {life_cycle, policy, closed, inverted})
    for (int shift = 0; shift < 32; shift += 8)
      out.push_back(static_cast<std::uint8_t>(word >> shift));
  return out;
}

// The public half of the key that boot derives, as the factory certifies it: from the device secret, the boot stage's
// digest, debug and life-cycle state.
core::PublicKey report_key_of(const boot::BootReport& report) {
  boot::host::Sha256 hasher;
  const std::uint8_t state[] = {static_cast<std::uint8_t>(report.debug), static_cast<std::uint8_t>(report.life_cycle)};
  const boot::Digest secret = boot::derive_report_key(hasher, device_secret(), report.boot_digest, state);
  std::array<std::uint8_t, 64> point{};
  EXPECT_EQ(aseptic_p256_public(secret.data(), point.data()), 1U);
  return core::PublicKey::from_p256_point(point).value();
}

// A fresh challenge is answered by the next boot, in a report that the server's side verifies; any changed byte is noticed.
// Answers: RB-07, MB-04, T-56
TEST_P(Qemu, TheBootReportIsSignedAndAnswersTheChallenge) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 7}), device.machine.capabilities);
  device.flash.put_at(boot::cortex_m::kHardwareState.offset,
                      hardware_state(0, 0, boot::cortex_m::kDebugClosed, ~boot::cortex_m::kDebugClosed));
  device.flash.script("Hrmo");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  const std::string line = line_of(out, "APP report ");
  ASSERT_EQ(line.size(), 11 + 2 * boot::kBootReportSize) << out;
  const Bytes bytes = from_hex(line.substr(11));
  boot::BootReport report;
  ASSERT_EQ(boot::decode_boot_report(std::span(bytes).first<boot::kBootReportSize>(), report), boot::Status::kOk);
  EXPECT_EQ(report.debug, boot::DebugPort::kClosed);
  EXPECT_EQ(report.challenge[0], 0x5C);
  EXPECT_TRUE(report.emulated);
  EXPECT_FALSE(boot::is_zero(report.boot_digest));
  const core::PublicKey key = report_key_of(report);
  EXPECT_TRUE(trust::verify_mailbox_report(bytes, trust::BootKey::listed(key)));
  for (const std::size_t at : {std::size_t{0}, std::size_t{12}, std::size_t{22}, std::size_t{368}, std::size_t{951}, std::size_t{1000}}) {
    Bytes changed = bytes;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1);
    EXPECT_FALSE(trust::verify_mailbox_report(changed, trust::BootKey::listed(key))) << at;
  }
  EXPECT_FALSE(trust::verify_mailbox_report(Bytes(bytes.begin(), bytes.end() - 1), trust::BootKey::listed(key)));
}

struct Start {
  Bytes report, alias;
};

// What the application had of the `which`-th start: boot's report and the private half of its alias key.
Start start_in(const std::string& out, int which) {
  const std::string report = line_of(out, "APP report ", which), alias = line_of(out, "APP alias ", which);
  EXPECT_EQ(report.size(), 11 + 2 * boot::kBootReportSize) << out;
  EXPECT_EQ(alias.size(), 10 + 2 * boot::kDigestSize) << out;
  if (report.size() < 11 || alias.size() < 10) return {};
  return {from_hex(report.substr(11)), from_hex(alias.substr(10))};
}

Bytes alias_proof(const Start& start, const Bytes& nonce) {
  Bytes even(32), signature(64), message;
  for (const char c : std::string_view("aseptic-alias-proof-v1\0", 23)) message.push_back(static_cast<std::uint8_t>(c));
  message.insert(message.end(), nonce.begin(), nonce.end());
  message.insert(message.end(), start.report.begin() + 12, start.report.begin() + 16);
  message.insert(message.end(), start.report.begin() + 112, start.report.begin() + 144);
  const core::Digest digest = core::sha256(message);
  const Bytes k = Bytes(32, 0x11);
  EXPECT_EQ(aseptic_p256_even(start.alias.data(), even.data()), 1U);
  EXPECT_EQ(aseptic_p256_sign(even.data(), k.data(), digest.bytes.data(), signature.data()), 1U);
  return signature;
}

// Two starts of one image, then a start of another: each has its own key, whose public half stands in the signed report; OpenSSL
// verifies what the private half signs. Boot keeps no copy of it (looked for where an application can read boot's memory).
// Answers: RB-07, T-56
TEST_P(Qemu, EachStartHasItsOwnAliasKeyWhosePublicHalfIsInTheReport) {
  Device device(GetParam()());
  device.flash.provision(device.firmware({.sequence = 1}), device.machine.capabilities);
  device.flash.put(boot::Area::kSlotB, device.firmware({.sequence = 2}));
  device.flash.script("mkwrmkSArmko");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  const std::string left = line_of(out, "APP left=", 0);
  EXPECT_EQ(left.substr(0, 13), "APP left=0 of") << out;
  if (device.machine.board.name == "ast1030") { EXPECT_EQ(left, "APP left=0 of 8192"); }
  const Bytes nonce(32, 0x5A);
  std::vector<Start> starts;
  for (int i = 0; i < 3; ++i) starts.push_back(start_in(out, i));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    boot::BootReport report;
    ASSERT_EQ(boot::decode_boot_report(std::span(starts[i].report).first<boot::kBootReportSize>(), report), boot::Status::kOk);
    EXPECT_EQ(report.boot_count, i + 1);
    EXPECT_TRUE(trust::verify_mailbox_report(starts[i].report, trust::BootKey::listed(report_key_of(report))));
    Bytes point(64);
    ASSERT_EQ(aseptic_p256_public(starts[i].alias.data(), point.data()), 1U);
    const auto alias = trust::alias_key_of(starts[i].report);
    ASSERT_TRUE(alias) << out;
    EXPECT_TRUE(std::equal(point.begin(), point.begin() + 32, alias->p256_point()->begin()));
    for (std::size_t j = 0; j < starts.size(); ++j)
      EXPECT_EQ(trust::verify_alias_proof(starts[i].report, nonce, alias_proof(starts[j], nonce)).has_value(), i == j) << i << j;
  }
  EXPECT_FALSE(trust::verify_alias_proof(starts[0].report, Bytes(32, 0x5B), alias_proof(starts[0], nonce)));
}

// Closed only when both copies say so; a production part refuses or, by fuse, runs what is confirmed and nothing else.
// Answers: RB-07, T-49
TEST_P(Qemu, AnOpenDebugPortOfAProductionPartIsJudgedByFuses) {
  namespace m = boot::cortex_m;
  struct Case {
    std::uint32_t life_cycle, policy, closed, inverted;
    bool runs, event;
  };
  const Case cases[] = {
      {m::kFusedProduction, 0, m::kDebugClosed, ~m::kDebugClosed, true, false},
      {m::kFusedProduction, 0, ~0U, ~0U, false, true},
      {m::kFusedProduction, 0, m::kDebugClosed, m::kDebugClosed, false, true},
      {m::kFusedProduction, 0, m::kDebugClosed ^ 1U, ~m::kDebugClosed, false, true},
      {m::kFusedProduction, m::kFusedDegraded, ~0U, ~0U, true, true},
      {0, 0, ~0U, ~0U, true, false},
  };
  for (const Case& c : cases) {
    Device device(GetParam()());
    device.flash.provision(device.firmware({.sequence = 7}), device.machine.capabilities);
    device.flash.put_at(m::kHardwareState.offset, hardware_state(c.life_cycle, c.policy, c.closed, c.inverted));
    device.flash.script("o");
    device.flash.write(device.file);
    const ProgramResult result = run_program(device.machine.command(device.file), {}, std::chrono::seconds(c.runs ? 20 : 1));
    EXPECT_EQ(result.out.find("APP kind=1") != std::string::npos, c.runs) << result.out;
    EXPECT_EQ(result.out.find("E 00000018") != std::string::npos, c.event) << result.out;
  }
}

// The secure journal faults when the application writes it; boot sees a lock-up and the journal is untouched.
// Answers: RB-02
TEST(QemuTrustZone, TheApplicationCannotWriteTheJournal) {
  Device device(an505());
  device.flash.provision(device.firmware({.sequence = 7}), device.machine.capabilities);
  device.flash.script("jo");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_EQ(out.find("APP wrote"), std::string::npos) << out;
  EXPECT_EQ(line_of(out, "APP", 1).substr(0, 35), "APP kind=1 place=0 count=2 cause=5 ") << out;
  EXPECT_EQ(out.find("E 00000002"), std::string::npos) << "the journal was discarded\n" << out;
}

}  // namespace
}  // namespace aseptic::test
