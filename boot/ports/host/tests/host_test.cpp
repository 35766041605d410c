// SPDX-License-Identifier: Apache-2.0
// The host port with real processes, real files and real cryptography: aseptic-boot run on a device folder.
#include <bearssl.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/host/confine.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/host/device_storage.h"
#include "aseptic/boot/host/exec_memory.h"
#include "aseptic/boot/host/text_events.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/requests.h"
#include "tests/support/release_test_key.h"

namespace aseptic::boot::host {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const fs::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}
std::string read_text(const fs::path& path) {
  const Bytes bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

// A development key, made from a fixed secret.
struct Key {
  explicit Key(std::uint8_t seed) {
    secret.fill(seed);
    secret[0] = 1;
    private_key = {BR_EC_secp256r1, secret.data(), secret.size()};
    br_ec_public_key key{};
    unsigned char point[65];
    br_ec_compute_pub(&br_ec_p256_m31, &key, point, &private_key);
    std::copy(point + 1, point + 65, public_key.begin());
  }
  std::array<std::uint8_t, 64> sign(const Digest& message) const {
    std::array<std::uint8_t, 64> signature{};
    br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, message.data(), &private_key, signature.data());
    return signature;
  }
  std::array<unsigned char, 32> secret{};
  br_ec_private_key private_key{};
  std::array<std::uint8_t, 64> public_key{};
};

class HostDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/aseptic-boot-test-XXXXXX";
    folder = mkdtemp(name);
    for (const char* sub : {"boot", "mailbox", "slots", "requests", "permit", "agent", "therapy", "run"})
      fs::create_directory(folder / sub);
    provisioning.product[0] = 1;
    provisioning.hardware[0] = 2;
    provisioning.recovery_present = true;
    provisioning.port_capabilities = kPortNvStore | kPortDeviceSecret | kPortKnowsResetCause |
                                     kPortWriteProtects | kPortRecoveryWritable | kPortEmulated;
    provisioning.key_slots[0].provisioned = true;
    provisioning.key_slots[0].keys.p256 = key.public_key;
    provisioning.key_slots[0].keys.post_quantum = test::release_test_key();
    provisioning.key_slots[0].hash = key_slot_hash(hasher, provisioning.key_slots[0].keys);
    v1 = image(1);
    for (const char* file : {"slots/a.img", "slots/b.img", "boot/recovery.img"})
      write_file(folder / file, v1);
    const Digest secret = {9, 9, 9};
    write_file(folder / "boot/secret.bin", Bytes(secret.begin(), secret.end()));
    RecordSealer sealer{&hasher, true, derive_keys(hasher, secret).journal};
    const FactoryImage factory{ByteView(v1).first<kManifestRegionSize>()};
    Bytes journal(32768);
    ASSERT_EQ(make_factory_journal(hasher, sealer, factory, journal), Status::kOk);
    write_file(folder / "boot/journal.bin", journal);
    Bytes store(kMonotonicAreaSize);
    ASSERT_EQ(make_factory_store(hasher, provisioning, factory, store), Status::kOk);
    write_file(folder / "boot/monotonic.bin", store);
    Bytes record(kProvisioningSize);
    encode_provisioning(provisioning, MutableBytes(record).first<kProvisioningSize>());
    write_file(folder / "boot/provisioning.bin", record);
    write_file(folder / "requests/requests.bin", Bytes(kRequestAreaSize));
    write_file(folder / "permit/permit.bin", Bytes(kPermitCellSize));
  }
  void TearDown() override { fs::remove_all(folder); }

  Bytes image(std::uint64_t sequence) {
    Bytes elf = read_file(ASEPTIC_TEST_IMAGE);
    elf.push_back(
        static_cast<std::uint8_t>(sequence));  // trailing bytes of an ELF do no harm, and make images differ
    const std::size_t slot_size =
        (kFirstRegionOffset + elf.size() + 3 * kImageBlockSize) / kImageBlockSize * kImageBlockSize;
    Bytes slot(slot_size, 0);
    std::copy(elf.begin(), elf.end(), slot.begin() + static_cast<std::ptrdiff_t>(kFirstRegionOffset));
    Manifest m;
    m.product = provisioning.product;
    m.hardware = provisioning.hardware;
    m.version[0] = static_cast<char>('0' + sequence);
    m.sequence = sequence;
    m.epoch = 1;
    m.region_count = 1;
    m.regions[0] = {RegionKind::kExecCopied, kFirstRegionOffset, elf.size(), hash_of(hasher, elf)};
    m.image_size =
        (kFirstRegionOffset + elf.size() + kImageBlockSize - 1) / kImageBlockSize * kImageBlockSize;
    m.classic_key_id = hash_of(hasher, key.public_key);
    m.post_quantum_key_id = hash_of(hasher, provisioning.key_slots[0].keys.post_quantum.view());
    const auto region = MutableBytes(slot).first<kManifestRegionSize>();
    EXPECT_EQ(encode_manifest(m, region), Status::kOk);
    const auto signature = key.sign(p256_message_digest(hasher, region));
    std::copy(signature.begin(), signature.end(), slot.begin() + kManifestRegionSize);
    test::put_release_signature(slot);
    return slot;
  }

  void script(const std::string& text) { std::ofstream(folder / "agent/script") << text; }
  std::string found() { return read_text(folder / "agent/found"); }
  BootReport report() {
    BootReport r;
    const Bytes bytes = read_file(folder / "mailbox/report.bin");
    EXPECT_EQ(decode_boot_report(ByteView(bytes).first<kBootReportSize>(), r), Status::kOk);
    return r;
  }
  // Stages v2 in slot B and arms its trial for the boot after the running one.
  void stage_and_arm(const Bytes& slot) {
    write_file(folder / "slots/b.img", slot);
    Bytes area(kRequestAreaSize);
    Request stage;
    stage.boot_count = report().boot_count;
    stage.slot = SlotId::kB;
    stage.attempt = 1;
    stage.manifest = manifest_digest(hasher, ByteView(slot).first<kManifestRegionSize>());
    put(area, stage);
    Request arm;
    arm.kind = RequestKind::kArm;
    arm.boot_count = stage.boot_count;
    put(area, arm);
    write_file(folder / "requests/requests.bin", area);
    const PermitCell permit = encode_permit({stage.boot_count, {}});
    write_file(folder / "permit/permit.bin", Bytes(permit.begin(), permit.end()));
  }
  static void put(Bytes& area, const Request& r) {
    const RequestCell cell = encode_request(r);
    std::copy(cell.begin(), cell.end(), area.begin() + static_cast<std::ptrdiff_t>(request_offset(r.kind)));
  }

  pid_t start_boot(const std::vector<std::string>& options) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int log = open((folder / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    std::vector<std::string> arguments = {"aseptic-boot", "run", folder.string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (auto& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(ASEPTIC_BOOT_PROGRAM, argv.data());
    _exit(125);
  }
  int boot(const std::vector<std::string>& options) {
    int status = 0;
    waitpid(start_boot(options), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string log() { return read_text(folder / "log"); }
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  Sha256 hasher;
  Key key{7};
  Provisioning provisioning;
  fs::path folder;
  Bytes v1;
};

// Answers: RB-01, RB-03, T-50
TEST_F(HostDevice, RunsTheVerifiedCopyWithEmptyEnvironmentAndThreeDescriptors) {
  script("o");
  EXPECT_EQ(boot({}), 0) << log();
  EXPECT_NE(found().find("args=2 name=init environment=0 descriptors="), std::string::npos) << found();
  EXPECT_NE(log().find("boot: EMULATED"), std::string::npos);
  EXPECT_NE(log().find("boot: RUN place=a"), std::string::npos) << log();
  EXPECT_EQ(report().run_kind, RunKind::kConfirmed);
  EXPECT_TRUE(report().emulated);
}

// Answers: T-56
TEST_F(HostDevice, SignsItsReportWithTheKeyDerivedForThisBootAndState) {
  script("o");
  ASSERT_EQ(boot({"--once"}), 0) << log();
  const Bytes bytes = read_file(folder / "mailbox/report.bin");
  const auto& wire = *reinterpret_cast<const BootReportWire*>(bytes.data());
  const Digest secret = {9, 9, 9};
  const std::uint8_t state[] = {wire.debug.get(), wire.life_cycle.get()};
  Digest scalar = derive_report_key(hasher, secret, wire.boot_digest, state);
  const br_ec_private_key private_key{BR_EC_secp256r1, scalar.data(), scalar.size()};
  std::array<unsigned char, BR_EC_KBUF_PUB_MAX_SIZE> buffer{};
  br_ec_public_key public_key{};
  ASSERT_EQ(br_ec_compute_pub(&br_ec_p256_m31, &public_key, buffer.data(), &private_key), 65U);
  std::array<std::uint8_t, kP256PublicKeySize> point{};
  std::copy_n(buffer.begin() + 1, point.size(), point.begin());
  PairVerifier verifier;
  EXPECT_EQ(verifier.verify_p256(point, report_message_digest(hasher, wire), std::span(wire.signature)), Status::kOk);
}

TEST_F(HostDevice, NoDescriptorOfBootReachesTheImage) {
  script("o");
  ASSERT_EQ(boot({}), 0);
  // 0, 1, 2; the image's own result file is not counted.
  EXPECT_NE(found().find("descriptors=3\n"), std::string::npos) << found();
}

// Answers: RB-02, MB-01
TEST_F(HostDevice, T58_TheImageCannotReachWhatOnlyBootMayWrite) {
  if (!confinement_available())
    GTEST_SKIP() << "this kernel has no Landlock";  // NOLINT(skip: the kernel decides)
  script("o");
  ASSERT_EQ(boot({}), 0);
  EXPECT_NE(found().find(
                "journal_write=0 journal_read=0 secret_read=0 store_write=0 recovery_write=0 boot_create=0"),
            std::string::npos)
      << found();
  EXPECT_NE(found().find("mailbox_read=1 mailbox_write=0 slot_write=1 requests_write=1 permit_write=1"),
            std::string::npos)
      << found();
  EXPECT_NE(found().find("rename_boot=0 link_journal=0"), std::string::npos) << found();
  EXPECT_NE(found().find("ran_other_program=0"), std::string::npos) << found();
}

TEST_F(HostDevice, MapsEveryEndToAResetCause) {
  script("rko");
  EXPECT_EQ(boot({}), 0);
  const std::string text = log();
  EXPECT_NE(text.find("boot: RESET commanded exit=82"), std::string::npos) << text;
  EXPECT_NE(text.find("boot: RESET software signal=6"), std::string::npos) << text;
  EXPECT_NE(text.find("boot: POWER_OFF"), std::string::npos) << text;
  EXPECT_EQ(report().boot_count, 3U);
}

TEST_F(HostDevice, OnceIsOnePowerUp) {
  script("rrr");
  EXPECT_EQ(boot({"--once"}), 0);
  EXPECT_EQ(report().boot_count, 1U);
  EXPECT_EQ(report().reset_cause, ResetCause::kPowerOn);
}

// Answers: AP-10, RC-01
TEST_F(HostDevice, ACommandedResetStartsTheArmedTrialAndItsWatchdogEndsIt) {
  script("who");
  const pid_t pid = start_boot({"--trial-timeout", "1"});
  ASSERT_TRUE(eventually([&] { return read_text(folder / "agent/script") == "ho"; }));
  stage_and_arm(image(2));
  std::ofstream(folder / "agent/go") << "go";
  int status = 0;
  waitpid(pid, &status, 0);
  const std::string text = log();
  EXPECT_NE(text.find("boot: STAGED place=b"), std::string::npos) << text;
  EXPECT_NE(text.find("boot: RUN place=b"), std::string::npos) << text;
  EXPECT_NE(text.find("boot: RESET watchdog signal=9"), std::string::npos) << text;
  EXPECT_NE(text.find("reset_without_confirm"), std::string::npos) << text;
  EXPECT_NE(text.find("boot: POWER_OFF"), std::string::npos) << text;
  EXPECT_EQ(report().quarantine_count, 1U);
}

TEST_F(HostDevice, APowerCutVoidsTheArm) {
  script("ho");
  const pid_t pid = start_boot({});
  ASSERT_TRUE(eventually([&] { return read_text(folder / "agent/script") == "o"; }));
  stage_and_arm(image(2));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(boot({}), 0);
  EXPECT_NE(log().find("boot: ARM_VOID reset_not_commanded"), std::string::npos) << log();
  EXPECT_EQ(report().run_kind, RunKind::kConfirmed);
}

TEST_F(HostDevice, KilledBootTakesTheDeviceWithIt) {
  script("h");
  const pid_t pid = start_boot({});
  ASSERT_TRUE(eventually(
      [&] { return read_text(folder / "agent/script").empty() && fs::exists(folder / "agent/found"); }));
  const std::string children = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  const pid_t device = static_cast<pid_t>(std::atol(read_text(children).c_str()));
  ASSERT_GT(device, 0);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(eventually([&] {
    return kill(device, 0) != 0 ||
           read_text("/proc/" + std::to_string(device) + "/stat").find(") Z") != std::string::npos;
  }));
}

TEST_F(HostDevice, AResetEndsEveryProcessOfTheDevice) {
  script("co");
  ASSERT_EQ(boot({}), 0) << log();
  const pid_t straggler = static_cast<pid_t>(std::atol(read_text(folder / "agent/straggler").c_str()));
  ASSERT_GT(straggler, 0);
  EXPECT_NE(kill(straggler, 0), 0);
}

TEST_F(HostDevice, ASecondBootOfOneDeviceIsRefused) {
  script("h");
  const pid_t pid = start_boot({});
  ASSERT_TRUE(eventually([&] { return fs::exists(folder / "agent/found"); }));
  EXPECT_EQ(boot({"--once"}), 1);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_NE(log().find("already running"), std::string::npos);
}

// Answers: RB-01, MB-02
TEST_F(HostDevice, T46_ChangedSlotIsRefusedAndTheOtherRuns) {
  script("o");
  Bytes slot = v1;
  slot[kFirstRegionOffset + 4000] ^= 1;
  write_file(folder / "slots/a.img", slot);
  EXPECT_EQ(boot({}), 0);
  EXPECT_NE(log().find("boot: IMAGE_REFUSED place=a status=kRegionDigest"), std::string::npos) << log();
  EXPECT_NE(log().find("boot: RUN place=b"), std::string::npos) << log();
}

TEST_F(HostDevice, StopsWithExitStatusThreeWhenNothingVerifies) {
  for (const char* file : {"slots/a.img", "slots/b.img", "boot/recovery.img"})
    write_file(folder / file, Bytes(65536));
  EXPECT_EQ(boot({}), 3);
  EXPECT_NE(log().find("boot: ALARM kNothingBoots"), std::string::npos) << log();
}

TEST_F(HostDevice, WrongArgumentsExitWithTwoAndAnUnprovisionedFolderWithOne) {
  EXPECT_EQ(boot({"--trial-timeout", "x"}), 2);
  fs::remove_all(folder / "boot");
  EXPECT_EQ(boot({}), 1);
}

TEST_F(HostDevice, JsonEventsAreOneObjectPerLine) {
  script("o");
  EXPECT_EQ(boot({"--json"}), 0);
  EXPECT_NE(log().find("{\"boot\":\"RUN\",\"place\":\"a\",\"status\":\"kOk\""), std::string::npos) << log();
}

// ---- the pieces in process

TEST_F(HostDevice, RequestAreaThatIsALinkIsNotFollowed) {
  fs::remove(folder / "requests/requests.bin");
  fs::create_symlink(folder / "boot/journal.bin", folder / "requests/requests.bin");
  EXPECT_EQ(DeviceStorage(folder.string()).size(Area::kRequests), 0U);
  fs::remove(folder / "requests/requests.bin");
  fs::create_hard_link(folder / "boot/journal.bin", folder / "requests/requests.bin");
  EXPECT_EQ(DeviceStorage(folder.string()).size(Area::kRequests), 0U);
  fs::remove(folder / "requests/requests.bin");
  mkfifo((folder / "requests/requests.bin").c_str(), 0600);
  EXPECT_EQ(DeviceStorage(folder.string()).size(Area::kRequests), 0U);
  fs::remove(folder / "requests/requests.bin");
  write_file(folder / "requests/requests.bin", Bytes(1 << 20));
  EXPECT_EQ(DeviceStorage(folder.string()).size(Area::kRequests), kRequestAreaSize)
      << "only its fixed length counts";
}

// Answers: MF-09
TEST(HostMemory, T30_TheSealedCopyCannotBeChanged) {
  MemfdMemory memory;
  const Bytes content(10000, 0x42);
  ASSERT_EQ(memory.begin(content.size()), Status::kOk);
  ASSERT_EQ(memory.write(0, content), Status::kOk);
  ByteView sealed;
  ASSERT_EQ(memory.seal(sealed), Status::kOk);
  EXPECT_EQ(Bytes(sealed.begin(), sealed.end()), content);
  EXPECT_LT(pwrite(memory.descriptor(), "x", 1, 0), 0);
  EXPECT_NE(ftruncate(memory.descriptor(), 1), 0);
  EXPECT_NE(ftruncate(memory.descriptor(), 20000), 0);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory.descriptor(), 0), MAP_FAILED);
}

TEST(HostCrypto, Sha256GivesTheStandardVectors) {
  Sha256 hasher;
  const std::uint8_t abc[] = {'a', 'b', 'c'};
  const Digest expected = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                           0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                           0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
  EXPECT_EQ(hash_of(hasher, abc), expected);
}

TEST(HostCrypto, HmacMatchesRfc4231AndBearSsl) {
  Sha256 hasher;
  Digest key{};
  for (std::size_t i = 0; i < 20; ++i)
    key[i] = 0x0b;  // zero padded to the block, as the RFC's 20-byte key is
  const std::uint8_t data[] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
  const Digest expected = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
                           0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
                           0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
  EXPECT_EQ(hmac(hasher, key, data), expected);
  br_hmac_key_context context;
  br_hmac_key_init(&context, &br_sha256_vtable, key.data(), key.size());
  br_hmac_context mac;
  br_hmac_init(&mac, &context, 0);
  br_hmac_update(&mac, data, sizeof data);
  Digest other{};
  br_hmac_out(&mac, other.data());
  EXPECT_EQ(hmac(hasher, key, ByteView(data).first(3), ByteView(data).subspan(3)), other);
}

TEST(HostCrypto, T45_EveryBitOfASignatureCounts) {
  const Key key(3);
  PairVerifier verifier;
  Digest message{};
  message.fill(0x31);
  const auto good = key.sign(message);
  ASSERT_EQ(verifier.verify_p256(key.public_key, message, good), Status::kOk);
  for (std::size_t bit = 0; bit < 512; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ASSERT_EQ(verifier.verify_p256(key.public_key, message, changed), Status::kBadSignature) << bit;
  }
  std::array<std::uint8_t, 64> zero{};
  EXPECT_EQ(verifier.verify_p256(key.public_key, message, zero), Status::kBadSignature);
  EXPECT_EQ(verifier.verify_p256(zero, message, good), Status::kBadSignature) << "not a point of the curve";
  message[0] ^= 1;
  EXPECT_EQ(verifier.verify_p256(key.public_key, message, good), Status::kBadSignature);
}

}  // namespace
}  // namespace aseptic::boot::host
