// SPDX-License-Identifier: Apache-2.0
// An attacker with the device's disk in hand, or with the rights of its update agent, against boot and agent.
#include <filesystem>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/journal/requests.h"
#include "tests/e2e/device_attack.h"

namespace aseptic::test {
namespace {

constexpr std::size_t kSignature = 1024, kGap = 9216, kRegion = 12288;  // offsets in a slot; image and slot sizes as in the world
constexpr std::size_t kSlotSize = 12u << 20;  // as device_world.sh provisions
const std::string kRequests = "requests/requests.bin";

class DeviceDiskAttackTest : public DeviceAttackTest {
 protected:
  [[nodiscard]] boot::BootReport report() const {
    const std::string bytes = device->read("mailbox/report.bin");
    boot::BootReport out;
    const auto status = boot::decode_boot_report(std::span<const std::uint8_t, boot::kBootReportSize>(reinterpret_cast<const std::uint8_t*>(bytes.data()), boot::kBootReportSize), out);
    EXPECT_TRUE(ok(status));
    return out;
  }
  void put_request(const boot::Request& request) const {
    const auto cell = boot::encode_request(request);
    std::string area = device->read(kRequests);
    std::copy(cell.begin(), cell.end(), area.begin() + static_cast<std::ptrdiff_t>(boot::request_offset(request.kind)));
    device->write(kRequests, area);
  }
  void put_permit(std::uint32_t boot_count) const {
    const auto cell = boot::encode_permit({.boot_count = boot_count, .hold_nonce = {1, 2, 3}});
    device->write("permit/permit.bin", std::string(cell.begin(), cell.end()));
  }
  // A staged device of the world, its update armed by the attacker's own hand.
  void stage_and_arm(std::uint32_t arm_boot_count) {
    const std::string slot = device->read("slots/b.img");
    const auto manifest = core::sha256(slot.substr(0, 1024));
    put_request({.kind = boot::RequestKind::kStage, .boot_count = report().boot_count, .slot = boot::SlotId::kB, .attempt = 1, .manifest = manifest.bytes});
    put_request({.kind = boot::RequestKind::kArm, .boot_count = arm_boot_count});
  }
  // The device starts; boot says so; the same image as before runs, nothing was tried.
  void expect_boot_says(const std::string& text, const Names& may_change = {}) {
    const Fingerprint before = device->fingerprint();
    device->power_on();
    EXPECT_TRUE(device->shows(text)) << "expected " << text;
    EXPECT_TRUE(device->shows("boot: RUN "));
    EXPECT_TRUE(device->logs("boot.report"));
    device->power_cut();
    expect_unchanged(before, may_change);
    EXPECT_EQ(count(device->console(), "boot: ATTEMPT"), 0u);
  }
  void expect_runs(const std::string& text) { EXPECT_NE(device->console().find("boot: RUN " + text), std::string::npos); }
  // In whichever slot: where both hold it, the order is boot's own affair.
  void expect_runs_confirmed(const std::string& image) {
    EXPECT_NE(device->console().find(" digest=" + digest_of(image) + " confirmed\n"), std::string::npos) << device->console();
  }
  std::string digest_of(const std::string& image) const { return core::sha256(image.substr(0, 1024)).hex().substr(0, 16); }
};

// --- the journal ---------------------------------------------------------------------------------------------------

// Answers: T-58, MB-01
TEST_F(DeviceDiskAttackTest, AChangedJournalRecordIsNotBelieved) {
  begin("device_2", "repository_2");
  std::string journal = device->read("boot/journal.bin");
  for (std::size_t at = 0; at < journal.size(); at += 64) journal[at + 20] = static_cast<char>(journal[at + 20] ^ 1);
  device->write("boot/journal.bin", journal);
  expect_boot_says("boot: JOURNAL_DISCARDED unreadable", {"boot/monotonic.bin"});
  expect_runs_confirmed(device->read("slots/a.img"));
}

// Answers: T-58, MB-01, RC-04
TEST_F(DeviceDiskAttackTest, AnOldJournalPutBackWholeIsDiscarded) {
  begin("device_2", "repository_2");
  device->write("boot/journal.bin", platform::read_file(world("device_1/boot/journal.bin")));
  expect_boot_says("boot: JOURNAL_DISCARDED generation_behind_store", {"boot/monotonic.bin"});
  EXPECT_EQ(report().floor, 2u);
  EXPECT_EQ(report().confirmed_sequence, 2u);
}

// Answers: T-58
TEST_F(DeviceDiskAttackTest, JournalHalvesInExchangedPlacesChangeNothing) {
  begin("device_2", "repository_2");
  const std::string journal = device->read("boot/journal.bin");
  device->write("boot/journal.bin", journal.substr(journal.size() / 2) + journal.substr(0, journal.size() / 2));
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->logs("boot.report"));
  device->power_cut();
  expect_unchanged(before, {"boot/monotonic.bin"});
  EXPECT_EQ(report().floor, 2u);
  EXPECT_EQ(report().confirmed_sequence, 2u);
  expect_runs_confirmed(device->read("slots/a.img"));
}

// Answers: T-58, T-51
TEST_F(DeviceDiskAttackTest, AJournalOfRandomBytesIsDiscarded) {
  begin("device_2", "repository_2");
  std::string noise = device->read("boot/journal.bin");
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>((i * 2654435761u) >> 13);
  device->write("boot/journal.bin", noise);
  expect_boot_says("boot: JOURNAL_DISCARDED unreadable", {"boot/monotonic.bin"});
  EXPECT_EQ(report().confirmed_sequence, 2u);
}

// --- the whole disk, and the monotonic store -------------------------------------------------------------------------

// The monotonic store stands for NV memory: it does not come back with the disk.
// Answers: T-58, RC-04
TEST_F(DeviceDiskAttackTest, ADiskFromBeforeTheConfirmUndoesNoConfirm) {
  begin("device_staged", "repository_2");
  device->write("boot/monotonic.bin", platform::read_file(world("device_2_confirmed/boot/monotonic.bin")));
  expect_boot_says("boot: JOURNAL_DISCARDED generation_behind_store", {"boot/monotonic.bin", "requests/requests.bin", "agent/transaction.json", "agent/memory.json", "permit/permit.bin"});
  EXPECT_EQ(report().confirmed_manifest, boot::Digest(core::sha256(device->read("slots/b.img").substr(0, 1024)).bytes));
  expect_runs("place=b");
}

// Answers: T-58, T-47, RC-04
TEST_F(DeviceDiskAttackTest, AWholeDiskFromBeforeTheFloorRoseBootsNothing) {
  begin("device_1", "repository_1");
  device->write("boot/monotonic.bin", platform::read_file(world("device_2/boot/monotonic.bin")));
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->shows("boot: NOTHING_BOOTS"));
  EXPECT_TRUE(device->shows("boot: ALARM"));
  device->power_cut();
  const std::string console = device->console();
  EXPECT_EQ(count(console, "boot: RUN "), 0u) << console;
  expect_unchanged(before, {"boot/monotonic.bin", "permit/permit.bin"});
}

// Answers: T-58
TEST_F(DeviceDiskAttackTest, AnOlderMonotonicStoreIsNoticedByTheJournalsGeneration) {
  begin("device_2", "repository_2");
  device->write("boot/monotonic.bin", platform::read_file(world("device_1/boot/monotonic.bin")));
  // Such a store names an image that is not here any more: recovery runs, and therapy stays inhibited.
  expect_boot_says("boot: JOURNAL_DISCARDED generation_ahead_of_store", {"boot/monotonic.bin", "requests/requests.bin", "agent/transaction.json"});
  expect_runs("place=recovery digest=" + digest_of(device->read("boot/recovery.img")) + " recovery");
}

// Answers: T-58, RB-08
TEST_F(DeviceDiskAttackTest, AChangedProvisioningRecordBootsNothing) {
  begin("device_2", "repository_2");
  device->flip("boot/provisioning.bin", 64);
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->shows("boot: ALARM"));
  device->power_cut();
  EXPECT_NE(device->console().find("provisioning"), std::string::npos);
  EXPECT_EQ(count(device->console(), "boot: RUN "), 0u);
  expect_unchanged(before, {});
}

// --- slots -----------------------------------------------------------------------------------------------------------

class DeviceSlotAttackTest : public DeviceDiskAttackTest {
 protected:
  // The running slot is changed there: boot runs the other one.
  void expect_slot_refused(std::size_t offset, const std::string& status) {
    begin("device_2", "repository_2");
    const bool a_runs = report().place == boot::ImagePlace::kSlotA;
    const std::string running = a_runs ? "a" : "b", other = a_runs ? "b" : "a";
    device->flip("slots/" + running + ".img", offset);
    expect_boot_says("boot: IMAGE_REFUSED place=" + running, {"slots/" + running + ".img", "agent/memory.json", kRequests});
    EXPECT_NE(device->console().find("status=" + status), std::string::npos) << device->console();
    expect_runs("place=" + other + " digest=" + digest_of(device->read("slots/" + other + ".img")) + " confirmed");
  }
};

// Answers: T-46, RB-01, MB-02
TEST_F(DeviceSlotAttackTest, AChangedBootManifestDoesNotRun) {
  const std::string sbom(core::as_text(core::sha256(platform::read_file(world("releases/sbom_2.json"))).bytes));
  const std::string manifest = platform::read_file(world("device_2/slots/a.img")).substr(0, kSignature);
  ASSERT_NE(manifest.find(sbom), std::string::npos);
  expect_slot_refused(manifest.find(sbom), "kBadSignature");
}

// Answers: T-46, RB-01
TEST_F(DeviceSlotAttackTest, AChangedSignatureDoesNotRun) { expect_slot_refused(kSignature + 5, "kBadSignature"); }

// Answers: T-44, T-84
TEST_F(DeviceSlotAttackTest, AByteInThePostQuantumBlockDoesNotRun) { expect_slot_refused(kSignature + 100, "kBadPostQuantumSignature"); }

// Answers: T-46, RB-01, MB-02
TEST_F(DeviceSlotAttackTest, AChangedByteOfTheProgramDoesNotRun) { expect_slot_refused(kRegion + 123'456, "kRegionDigest"); }

// Answers: T-34
TEST_F(DeviceSlotAttackTest, AByteBetweenTheRegionsDoesNotRun) { expect_slot_refused(kGap + 1, "kDirtySlot"); }

// Answers: T-34, MF-06
TEST_F(DeviceSlotAttackTest, AStagedSlotWithAByteBehindTheImageIsNotTried) {
  begin("device_staged", "repository_2");
  device->flip("slots/b.img", kSlotSize - 10);
  stage_and_arm(report().boot_count);
  expect_boot_says("status=kDirtySlot", {kRequests, "agent/memory.json", "agent/transaction.json", "slots/b.img"});
  expect_runs("place=a");
}

// Answers: T-46
TEST_F(DeviceSlotAttackTest, AStagedSlotThatWasChangedIsNotTried) {
  begin("device_staged", "repository_2");
  device->flip("slots/b.img", kRegion + 5000);
  stage_and_arm(report().boot_count);
  expect_boot_says("status=kRegionDigest", {kRequests, "agent/memory.json", "agent/transaction.json", "slots/b.img"});
  expect_runs("place=a");
}

// Answers: T-26, T-40
TEST_F(DeviceSlotAttackTest, SlotsInExchangedPlacesStillRunTheConfirmedImage) {
  begin("device_staged", "repository_1");
  const std::string a = device->read("slots/a.img");
  const std::string confirmed = digest_of(a);
  device->write("slots/a.img", device->read("slots/b.img"));
  device->write("slots/b.img", a);
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->shows("boot: RUN place=b digest=" + confirmed + " confirmed"));
  EXPECT_TRUE(device->logs("boot.report"));
  device->power_cut();
  expect_unchanged(before, {kRequests, "agent/memory.json", "agent/transaction.json", "slots/a.img"});
  EXPECT_EQ(count(device->console(), "boot: ATTEMPT"), 0u);
}

// Answers: T-54, RC-06
TEST_F(DeviceSlotAttackTest, WithRecoveryAndOneSlotChangedTheOtherSlotRunsAndRecoveryIsRepaired) {
  begin("device_2", "repository_2");
  const Fingerprint whole = device->fingerprint();
  device->flip("slots/a.img", kRegion + 1);
  device->flip("boot/recovery.img", kRegion + 1);
  const Fingerprint before = device->fingerprint();
  ASSERT_EQ(differences(whole, before), (Names{"slots/a.img", "boot/recovery.img"}));
  expect_boot_says("boot: IMAGE_REFUSED place=recovery status=kRegionDigest", {"slots/a.img", "boot/recovery.img", "agent/memory.json", kRequests});
  expect_runs("place=b digest=" + digest_of(device->read("slots/b.img")) + " confirmed");
  EXPECT_NE(device->console().find("boot: RECOVERY_WRITTEN place=b"), std::string::npos);
  EXPECT_EQ(device->fingerprint().at("boot/recovery.img"), whole.at("boot/recovery.img"));
}

// --- requests that nobody had the right to make ------------------------------------------------------------------------

class DeviceRequestAttackTest : public DeviceDiskAttackTest {
 protected:
  static inline const Names kMayChange = {kRequests, "permit/permit.bin", "agent/memory.json", "agent/transaction.json"};
};

// Answers: T-61, T-66, SI-01
TEST_F(DeviceRequestAttackTest, AnArmWithoutAPermitIsVoid) {
  begin("device_staged", "repository_1");
  stage_and_arm(report().boot_count);
  device->write("permit/permit.bin", std::string(64, '\0'));
  expect_boot_says("boot: ARM_VOID no_permit", kMayChange);
  expect_runs("place=a");
}

// Answers: T-61, T-66
TEST_F(DeviceRequestAttackTest, AnArmWithAPermitOfAnEarlierBootIsVoid) {
  begin("device_staged", "repository_1");
  stage_and_arm(report().boot_count);
  put_permit(report().boot_count - 1);
  expect_boot_says("boot: ARM_VOID permit_of_another_boot", kMayChange);
  expect_runs("place=a");
}

// Answers: T-61
TEST_F(DeviceRequestAttackTest, AnArmOfAnEarlierBootIsVoid) {
  begin("device_staged", "repository_1");
  stage_and_arm(report().boot_count - 1);
  put_permit(report().boot_count);
  expect_boot_says("boot: ARM_VOID arm_of_another_boot", kMayChange);
  expect_runs("place=a");
}

// Answers: T-61, T-66
TEST_F(DeviceRequestAttackTest, AnArmIsVoidAfterAPowerOnEvenWithThePermit) {
  begin("device_staged", "repository_1");
  stage_and_arm(report().boot_count);
  put_permit(report().boot_count);
  expect_boot_says("boot: ARM_VOID reset_not_commanded", kMayChange);
  expect_runs("place=a");
}

// Answers: T-61, RC-01
TEST_F(DeviceRequestAttackTest, AConfirmWithoutATrialConfirmsNothing) {
  begin("device_staged", "repository_1");
  const auto confirmed = report().confirmed_manifest;
  boot::Request confirm{.kind = boot::RequestKind::kConfirm, .boot_count = report().boot_count};
  confirm.token.fill(0x5A);
  put_request(confirm);
  expect_boot_says("boot: RUN place=a", kMayChange);
  EXPECT_EQ(report().confirmed_manifest, confirmed);
  EXPECT_EQ(count(device->console(), "boot: CONFIRMED"), 0u);
}

// Answers: T-61, RC-01
TEST_F(DeviceRequestAttackTest, AConfirmWithTheTokenOfAnEarlierTrialDoesNotConfirm) {
  begin("device_staged", "repository_2");
  device->set("return_to_service", "\"local\"");  // the trial waits for a person
  device->power_on();
  ASSERT_TRUE(device->shows("IDLE") || device->shows("ALARM"));
  device->panel("stop");
  ASSERT_TRUE(device->logs("agent.self_test_passed"));
  const auto first_token = report().token;
  const auto first_boot = report().boot_count;
  device->power_cut();
  device->power_on();
  ASSERT_TRUE(device->shows("boot: TRIAL_INTERRUPTED"));
  device->panel("stop");
  for (int i = 0; i < 1000 && (report().run_kind != boot::RunKind::kTrial || report().boot_count == first_boot); ++i) usleep(20'000);
  ASSERT_EQ(report().run_kind, boot::RunKind::kTrial);
  ASSERT_NE(report().token, first_token) << "each trial has a token of its own";
  for (int i = 0; i < 1000 && count(device->console(), "pump-v2 IN_TRIAL") < 2; ++i) usleep(20'000);
  boot::Request confirm{.kind = boot::RequestKind::kConfirm, .boot_count = report().boot_count};
  confirm.token = first_token;
  put_request(confirm);
  device->kill_image();
  EXPECT_TRUE(device->shows("boot: TRIAL_FAILED"));
  EXPECT_TRUE(device->shows("reset_without_confirm"));
  EXPECT_TRUE(device->shows("boot: RUN place=a"));
  device->power_cut();
  EXPECT_EQ(count(device->console(), "boot: CONFIRMED"), 0u);
}

// Answers: T-53, RC-05
TEST_F(DeviceRequestAttackTest, AQuarantinedImageIsNotStagedAgainWithTheSameAttempt) {
  begin("device_2_failed_3", "repository_2");
  const std::string image = platform::read_file(world("releases/3.img"));
  std::string slot = device->read("slots/b.img");
  slot.assign(kSlotSize, '\0');
  device->write("slots/b.img", slot.replace(0, image.size(), image));
  stage_and_arm(report().boot_count);
  put_permit(report().boot_count);
  expect_boot_says("status=kQuarantined", {kRequests, "permit/permit.bin", "slots/b.img", "agent/memory.json"});
  EXPECT_NE(device->console().find("boot: REQUEST_REFUSED"), std::string::npos);
  expect_runs("place=a");
}

// Answers: T-05, T-47, RC-04
TEST_F(DeviceRequestAttackTest, AnImageBelowTheFloorIsNotStaged) {
  begin("device_2", "repository_2");
  const std::string image = platform::read_file(world("releases/1.img"));
  std::string slot(kSlotSize, '\0');
  device->write("slots/b.img", slot.replace(0, image.size(), image));
  stage_and_arm(report().boot_count);
  put_permit(report().boot_count);
  expect_boot_says("status=kBelowFloor", {kRequests, "permit/permit.bin", "slots/b.img", "agent/memory.json"});
  EXPECT_NE(device->console().find("boot: REQUEST_REFUSED"), std::string::npos);
  expect_runs("place=a");
}

// Answers: T-61
TEST_F(DeviceRequestAttackTest, TheConfirmedImageCannotBeStagedIntoQuarantine) {
  begin("device_2", "repository_2");
  stage_and_arm(report().boot_count);  // slot b holds the confirmed image, too
  put_permit(report().boot_count);
  expect_boot_says("boot: REQUEST_REFUSED", kMayChange);
  expect_runs_confirmed(device->read("slots/b.img"));
}

// Answers: T-31
TEST_F(DeviceRequestAttackTest, ARequestAreaOfRandomBytesChangesNothing) {
  begin("device_2", "repository_2");
  std::string noise = device->read(kRequests);
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>((i * 2654435761u) >> 11);
  device->write(kRequests, noise);
  expect_boot_says("boot: RUN place=", {kRequests});
  expect_runs_confirmed(device->read("slots/a.img"));
  EXPECT_EQ(report().floor, 2u);
}

// --- the agent's own files -----------------------------------------------------------------------------------------------

class DeviceStateAttackTest : public DeviceDiskAttackTest {};

// Answers: T-06, MF-01, RC-04
TEST_F(DeviceStateAttackTest, AWipedAgentIsNoWayBack) {
  begin("device_2", "repository_1");
  for (const char* name : {"metadata", "acquire", "time_floor.json", "memory.json", "transaction.json"}) std::filesystem::remove_all(device->path("agent/") + name);
  expect_refused("trust.sequence", {"agent/metadata/timestamp.json", "agent/metadata/snapshot.json", "agent/metadata/targets.json", "agent/metadata/payload-index.json",
                                    "agent/time_floor.json", "agent/memory.json", kRequests});
  EXPECT_GE(server->served("stable.json"), 1u) << "the old repository was heard";
}

// Answers: T-58, T-78
TEST_F(DeviceStateAttackTest, AnEditedTransactionCannotClaimAnUpdate) {
  begin("device_staged", "repository_1");
  std::string state = device->read("agent/transaction.json");
  const auto at = state.find("\"state\":\"") + 9;
  state.replace(at, state.find('"', at) - at, "CONFIRMED");
  device->write("agent/transaction.json", state);
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->logs("agent.reverted_by_boot"));
  device->power_cut();
  EXPECT_EQ(report().confirmed_sequence, 1u);
  expect_unchanged(before, {kRequests, "agent/transaction.json", "agent/memory.json", "slots/b.img", "permit/permit.bin"});
  EXPECT_EQ(count(device->console(), "boot: BOOT "), 1u);
}

// Answers: T-81, LG-02
TEST_F(DeviceStateAttackTest, AnEditedDeviceLogIsNoticed) {
  begin("device_2", "repository_2");
  std::string log = device->read("agent/log/000000000001.log");
  log.replace(log.find("cause 1"), 7, "cause 3");
  device->write("agent/log/000000000001.log", log);
  expect_refused("log.edited", {kRequests});
}

// Answers: T-81, LG-02
TEST_F(DeviceStateAttackTest, ACutDeviceLogIsNoticed) {
  begin("device_2", "repository_2");
  const std::string log = device->read("agent/log/000000000001.log");
  device->write("agent/log/000000000001.log", log.substr(0, log.find('\n', log.size() / 3) + 1));
  expect_refused("log.truncated", {kRequests});
}

// Answers: T-81, LG-02
TEST_F(DeviceStateAttackTest, AnEarlierDeviceLogPutBackIsNoticed) {
  begin("device_2", "repository_2");
  device->write("agent/log/000000000001.log", platform::read_file(world("device_1/agent/log/000000000001.log")));
  expect_refused("log.truncated", {kRequests});
}

// Answers: T-81, LG-02
TEST_F(DeviceStateAttackTest, ADeletedDeviceLogIsNoticed) {
  begin("device_2", "repository_2");
  std::filesystem::remove(device->path("agent/log/000000000001.log"));
  expect_refused("log.truncated", {kRequests});
}

// --- what the device is --------------------------------------------------------------------------------------------------

// Answers: T-24, MF-03
TEST_F(DeviceStateAttackTest, WithoutItsProvisioningAttributesNothingIsInstalled) {
  begin("device_1", "repository_2");
  std::filesystem::remove(device->path("agent/provisioning_attributes.json"));
  expect_refused("trust.statement_missing");
  EXPECT_EQ(server->served("metadata/"), 0u);
}

// Answers: T-24, MF-03
TEST_F(DeviceStateAttackTest, ForgedProvisioningAttributesAreRefused) {
  begin("device_1", "repository_2");
  std::string forged = device->read("agent/provisioning_attributes.json");
  const auto at = forged.find("\"EU\"");
  ASSERT_NE(at, std::string::npos);
  device->write("agent/provisioning_attributes.json", forged.replace(at, 4, "\"US\""));
  device->set("jurisdiction", "\"US\"");
  expect_refused("trust.threshold");
  EXPECT_EQ(server->served("metadata/"), 0u);
}

// Answers: T-24, T-79
TEST_F(DeviceStateAttackTest, ProvisioningAttributesOfAnotherDeviceAreRefused) {
  begin("device_1", "repository_2");
  device->write("agent/provisioning_attributes.json", platform::read_file(world("attributes_of_pump-0002.json")));
  device->set("jurisdiction", "\"US\"");
  expect_refused("trust.wrong_device");
  EXPECT_EQ(server->served("metadata/"), 0u);
}

// Answers: T-24
TEST_F(DeviceStateAttackTest, AgentTomlCannotMoveTheDeviceToAnotherJurisdiction) {
  begin("device_1", "repository_2");
  device->set("jurisdiction", "\"US\"");  // a release for the US alone would now apply
  expect_refused("agent.config");
  EXPECT_EQ(server->served("metadata/"), 0u);
}

// Answers: T-24
TEST_F(DeviceStateAttackTest, AgentTomlCannotMakeTheDeviceOtherHardware) {
  begin("device_1", "repository_2");
  device->set("hardware_revision", "2");
  expect_refused("agent.config");
}

// Answers: T-19, T-61
TEST_F(DeviceStateAttackTest, ARootThatItsOwnKeysDidNotSignStopsTheAgent) {
  begin("device_1", "repository_2");
  site->role("root")["expires"] = "2040-01-01T00:00:00Z";
  device->write("agent/root.json", site->sign(site->role("root"), {"builder"}));
  const Fingerprint before = device->fingerprint();
  device->power_on();
  EXPECT_TRUE(device->shows("fetch.no_trusted_root"));
  EXPECT_TRUE(device->shows("IDLE")) << "therapy goes on";
  device->power_cut();
  EXPECT_EQ(server->connections(), 0u);
  expect_unchanged(before, {});
  expect_no_reset();
}

}  // namespace
}  // namespace aseptic::test
