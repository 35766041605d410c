// SPDX-License-Identifier: Apache-2.0
// The whole interlock on the virtual device: real aseptic-boot, real signed pump images, real therapy
// process; the test plays the agent (requests and HoldClient) and the operator. EMULATED hardware.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "device_agent.h"
#include "tests/support/release_test_key.h"

namespace aseptic::pump {
namespace {

namespace fs = std::filesystem;
using interlock::HoldKind;
using interlock::HoldStage;
using interlock::ManifestDigest;
using interlock::ResetPurpose;
using Buffer = std::vector<std::uint8_t>;

Buffer read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const Buffer& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

class PumpUnderBoot : public ::testing::Test {
 protected:
  void SetUp() override {
    builder_ = *(*platform::FileKeyStore::open_directory(folder / "builder"))
                    ->create("builder", core::KeyAlgorithm::kEcdsaP256);
    const auto therapy = *(*platform::FileKeyStore::open_directory(folder / "therapy"))
                              ->create("key", core::KeyAlgorithm::kEcdsaP256);
    provision();
    interlock::DeviceId device;
    device.bytes = provisioning_.device_id;
    agent_ = std::make_unique<AgentDouble>(folder, therapy->public_key(), device);
  }
  void TearDown() override {
    cut_power();
    if (HasFailure()) std::printf("%s\n", folder.text_of("console").c_str());
  }

  void provision() {
    provisioning_.device_id.fill(0xd1);
    provisioning_.product[0] = 1;
    provisioning_.hardware[0] = 2;
    provisioning_.recovery_present = true;
    provisioning_.port_capabilities = boot::kPortNvStore | boot::kPortDeviceSecret |
                                      boot::kPortKnowsResetCause | boot::kPortWriteProtects |
                                      boot::kPortRecoveryWritable | boot::kPortEmulated;
    provisioning_.key_slots[0].provisioned = true;
    const core::Bytes point = *builder_->public_key().p256_point();
    std::copy(point.begin(), point.end(), provisioning_.key_slots[0].keys.p256.begin());
    provisioning_.key_slots[0].keys.post_quantum = aseptic::test::release_test_key();
    provisioning_.key_slots[0].hash = boot::key_slot_hash(hasher_, provisioning_.key_slots[0].keys);
    const Buffer v1 = image(1);
    for (const char* file : {"slots/a.img", "slots/b.img", "boot/recovery.img"})
      write_file(folder / file, v1);
    const boot::Digest secret = {9, 9, 9};
    write_file(folder / "boot/secret.bin", Buffer(secret.begin(), secret.end()));
    const boot::RecordSealer sealer{&hasher_, true, boot::derive_keys(hasher_, secret).journal};
    const boot::FactoryImage factory{boot::ByteView(v1).first<boot::kManifestRegionSize>()};
    Buffer journal(32768);
    ASSERT_EQ(boot::make_factory_journal(hasher_, sealer, factory, journal), boot::Status::kOk);
    write_file(folder / "boot/journal.bin", journal);
    Buffer store(boot::kMonotonicAreaSize);
    ASSERT_EQ(boot::make_factory_store(hasher_, provisioning_, factory, store), boot::Status::kOk);
    write_file(folder / "boot/monotonic.bin", store);
    Buffer record(boot::kProvisioningSize);
    boot::encode_provisioning(provisioning_, boot::MutableBytes(record).first<boot::kProvisioningSize>());
    write_file(folder / "boot/provisioning.bin", record);
    write_file(folder / "requests/requests.bin", Buffer(boot::kRequestAreaSize));
    write_file(folder / "permit/permit.bin", Buffer(boot::kPermitCellSize));
  }

  // A signed slot image around the pump's executable.
  Buffer image(unsigned version) {
    const Buffer elf = read_file(fs::path(std::getenv("PUMP_FOLDER")) / ("pump_v" + std::to_string(version)));
    EXPECT_GT(elf.size(), 1'000'000u);
    const std::size_t image_size = (boot::kFirstRegionOffset + elf.size() + 4095) / 4096 * 4096;
    Buffer slot(image_size + 8192, 0);
    std::copy(elf.begin(), elf.end(), slot.begin() + static_cast<std::ptrdiff_t>(boot::kFirstRegionOffset));
    boot::Manifest m;
    m.product = provisioning_.product;
    m.hardware = provisioning_.hardware;
    m.version[0] = static_cast<char>('0' + version);
    m.sequence = version;
    m.epoch = 1;
    m.region_count = 1;
    m.regions[0] = {boot::RegionKind::kExecCopied, boot::kFirstRegionOffset, elf.size(),
                    boot::hash_of(hasher_, elf)};
    m.image_size = image_size;
    m.classic_key_id = boot::hash_of(hasher_, provisioning_.key_slots[0].keys.p256);
    m.post_quantum_key_id = boot::hash_of(hasher_, provisioning_.key_slots[0].keys.post_quantum.view());
    const auto region = boot::MutableBytes(slot).first<boot::kManifestRegionSize>();
    EXPECT_EQ(boot::encode_manifest(m, region), boot::Status::kOk);
    constexpr std::string_view kDomain{"aseptic-boot-p256-v1\0", 21};
    core::Bytes message(kDomain.begin(), kDomain.end());
    message.insert(message.end(), region.begin(), region.end());
    const core::Bytes signature = *builder_->sign_raw(message);
    std::copy(signature.begin(), signature.end(), slot.begin() + boot::kManifestRegionSize);
    aseptic::test::put_release_signature(slot);
    return slot;
  }

  ManifestDigest digest_of(const Buffer& slot) {
    ManifestDigest digest;
    digest.bytes = boot::manifest_digest(hasher_, boot::ByteView(slot).first<boot::kManifestRegionSize>());
    return digest;
  }

  void power_on() {
    boot_ = fork();
    if (boot_ != 0) return;
    const int log = open((folder / "console").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    const std::string device = folder.path().string();
    const fs::path program = fs::path(std::getenv("PUMP_FOLDER")) / "aseptic-boot";
    execl(program.c_str(), "aseptic-boot", "run", device.c_str(), nullptr);
    _exit(125);
  }
  void cut_power() {
    if (boot_ <= 0) return;
    kill(boot_, SIGKILL);
    waitpid(boot_, nullptr, 0);
    boot_ = -1;
  }

  boot::BootReport report() {
    boot::BootReport r;
    const Buffer bytes = read_file(folder / "mailbox/report.bin");
    if (bytes.size() != boot::kBootReportSize) return r;
    static_cast<void>(boot::decode_boot_report(boot::ByteView(bytes).first<boot::kBootReportSize>(), r));
    return r;
  }
  bool wait_for_boot(std::uint32_t count) {
    return wait_until([&] { return report().boot_count == count; }) &&
           folder.wait_for("boot_count=" + std::to_string(count) + " ");
  }

  void request(boot::Request request) {
    request.boot_count = report().boot_count;
    const boot::RequestCell cell = boot::encode_request(request);
    Buffer area = read_file(folder / "requests/requests.bin");
    std::copy(cell.begin(), cell.end(),
              area.begin() + static_cast<std::ptrdiff_t>(boot::request_offset(request.kind)));
    write_file(folder / "requests/requests.bin", area);
  }
  void stage_and_arm(const Buffer& slot) {
    write_file(folder / "slots/b.img", slot);
    boot::Request stage;
    stage.slot = boot::SlotId::kB;
    stage.attempt = 1;
    stage.manifest = digest_of(slot).bytes;
    request(stage);
    boot::Request arm;
    arm.kind = boot::RequestKind::kArm;
    request(arm);
  }

  // Holds, stages, arms, has it checked and reset: the device is in the trial of `slot` afterwards.
  void switch_to(const Buffer& slot) {
    const std::uint32_t before = report().boot_count;
    agent_->start();
    agent_->hold(HoldKind::kSwitch, digest_of(slot));
    stage_and_arm(slot);
    agent_->check_and_reset(ResetPurpose::kSwitch);
    ASSERT_TRUE(wait_for_boot(before + 1));
    ASSERT_EQ(report().run_kind, boot::RunKind::kTrial);
    ASSERT_EQ(report().running_manifest, digest_of(slot).bytes);
  }

  DeviceFolder folder;
  boot::host::Sha256 hasher_;
  boot::Provisioning provisioning_;
  std::unique_ptr<platform::Signer> builder_;
  std::unique_ptr<AgentDouble> agent_;
  pid_t boot_ = -1;
};

// Answers: SI-01, SI-03, SI-15
TEST_F(PumpUnderBoot, UpdatesWhenTheTherapyIsOverAndTreatsAgainOnlyAfterConfirmed) {
  // 1 infusion runs: hold refused. 2 stopped: switch, trial of v2, start button refused. 3 self-test passes,
  // REQ_CONFIRM, second commanded reset: CONFIRMED. 4 the start button works, on v2.
  power_on();
  ASSERT_TRUE(wait_for_boot(1));
  ASSERT_TRUE(folder.wait_for("interlock=IDLE"));
  ASSERT_TRUE(folder.press("start"));
  const Buffer v2 = image(2);
  agent_->start();
  ASSERT_EQ(agent_->ask(HoldKind::kSwitch, digest_of(v2)), interlock::Status::kSuccess);
  ASSERT_TRUE(agent_->run([&] { return agent_->client.stage() == HoldStage::kLost; }));
  EXPECT_EQ(agent_->client.last_reason(), interlock::Status::kTherapyBlocked);
  ASSERT_TRUE(folder.press("stop"));

  switch_to(v2);
  ASSERT_TRUE(folder.wait_for("version=pump-v2"));
  EXPECT_FALSE(folder.press("start")) << "a trial treats nobody";
  agent_->start();
  agent_->hold(HoldKind::kTrial, digest_of(v2));
  ASSERT_EQ(agent_->self_test(), interlock::SelfTestVerdict::kPassed);
  boot::Request confirm;
  confirm.kind = boot::RequestKind::kConfirm;
  confirm.token = report().token;
  request(confirm);
  agent_->check_and_reset(ResetPurpose::kConfirm);
  ASSERT_TRUE(wait_for_boot(3));
  EXPECT_EQ(report().run_kind, boot::RunKind::kConfirmed);
  EXPECT_EQ(report().confirmed_manifest, digest_of(v2).bytes);
  ASSERT_TRUE(folder.wait_for("interlock=IDLE"));
  EXPECT_TRUE(folder.press("start"));
}

// Answers: SI-01, SI-08
TEST_F(PumpUnderBoot, GoesBackWhenTheSelfTestFails) {
  power_on();
  ASSERT_TRUE(wait_for_boot(1));
  const Buffer v1 = read_file(folder / "slots/a.img");
  const Buffer v3 = image(3);
  switch_to(v3);
  agent_->start();
  agent_->hold(HoldKind::kTrial, digest_of(v3));
  ASSERT_EQ(agent_->self_test(), interlock::SelfTestVerdict::kFailed);
  boot::Request revert;
  revert.kind = boot::RequestKind::kRevert;
  request(revert);
  agent_->check_and_reset(ResetPurpose::kRevert);
  ASSERT_TRUE(wait_for_boot(3));
  EXPECT_EQ(report().run_kind, boot::RunKind::kConfirmed);
  EXPECT_EQ(report().running_manifest, digest_of(v1).bytes);
  EXPECT_EQ(report().quarantine_count, 1);
  ASSERT_TRUE(folder.wait_for("interlock=IDLE"));
  EXPECT_TRUE(folder.press("start"));
}

// Answers: SI-01, SI-04, T-66
TEST_F(PumpUnderBoot, AForgedArmWithoutTheTherapySideStartsNoTrial) {
  power_on();
  ASSERT_TRUE(wait_for_boot(1));
  ASSERT_TRUE(folder.wait_for("interlock=IDLE"));
  ASSERT_TRUE(folder.press("start"));
  const Buffer v2 = image(2);
  stage_and_arm(v2);  // a compromised agent can write this much
  cut_power();        // and wait for the next power-up
  power_on();
  ASSERT_TRUE(wait_for_boot(2));
  EXPECT_EQ(report().run_kind, boot::RunKind::kConfirmed);
  EXPECT_TRUE(folder.wait_for("alarm=\"infusion interrupted\"")) << "the cut infusion is not forgotten";
}

// Answers: SI-01, SI-03
TEST_F(PumpUnderBoot, PowerCutsAroundTheHoldStartNoTrialAndLeaveTheTherapyPossible) {
  constexpr unsigned kSeed = 7;
  std::printf("seed=%u\n", kSeed);
  std::mt19937 random(kSeed);
  const Buffer v2 = image(2);
  std::uint32_t boots = 0;
  int cut_while_held = 0;
  for (int i = 0; i < 12; ++i) {
    power_on();
    ASSERT_TRUE(wait_for_boot(++boots));
    agent_->start();
    agent_->hold(HoldKind::kSwitch, digest_of(v2));
    stage_and_arm(v2);
    ASSERT_TRUE(agent_->client.is_held(agent_->ports()));
    if (i % 2 == 0) {
      ASSERT_EQ(agent_->client.check_now(agent_->ports()), interlock::Status::kSuccess);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    ++cut_while_held;
    cut_power();
    agent_->die();
    power_on();
    ASSERT_TRUE(wait_for_boot(++boots));
    EXPECT_EQ(report().run_kind, boot::RunKind::kConfirmed) << "power-on voids the arm";
    ASSERT_TRUE(folder.wait_for("interlock=IDLE"));
    EXPECT_TRUE(folder.press("start"));
    EXPECT_TRUE(folder.press("stop"));
    cut_power();
  }
  EXPECT_EQ(cut_while_held, 12);
}

}  // namespace
}  // namespace aseptic::pump
