// SPDX-License-Identifier: Apache-2.0
// The real pump images as processes, with the real sockets, files, therapy key and P-256 signatures. The test
// plays boot (it writes the mailbox report and starts "init DEVICE") and the agent.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "device_agent.h"
#include "pump/init/confine.h"

namespace aseptic::pump {
namespace {

namespace fs = std::filesystem;
using interlock::HoldKind;
using interlock::HoldStage;
using interlock::ManifestDigest;
using interlock::ResetPurpose;
using interlock::Status;

constexpr std::uint32_t kBootCount = 5;

template <class T>
T filled(std::uint8_t value) {
  T out;
  out.bytes.fill(value);
  return out;
}
const auto kDevice = filled<interlock::DeviceId>(0xd1);
const auto kRunning = filled<ManifestDigest>(0x01);
const auto kNext = filled<ManifestDigest>(0x02);

core::PublicKey make_therapy_key(const DeviceFolder& folder) {
  auto keys = platform::FileKeyStore::open_directory(folder / "therapy");
  return (*(*keys)->create("key", core::KeyAlgorithm::kEcdsaP256))->public_key();
}

class Pump {
 public:
  Pump(int version, boot::RunKind kind)
      : image_(fs::path(std::getenv("PUMP_FOLDER")) / ("pump_v" + std::to_string(version))) {
    boot::BootReport report;
    report.boot_count = kBootCount;
    report.run_kind = kind;
    report.place = boot::ImagePlace::kSlotA;
    report.device_id = kDevice.bytes;
    report.running_manifest = kRunning.bytes;
    std::array<std::uint8_t, boot::kBootReportSize> bytes{};
    boot::encode_boot_report(report, bytes);
    std::ofstream(folder / "mailbox/report.bin", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  ~Pump() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  void power_up() {
    pid_ = fork();
    if (pid_ != 0) return;
    const int log = open((folder / "console").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    char* const environment[] = {nullptr};
    std::string device = folder.path().string();
    char name[] = "init";
    char* const arguments[] = {name, device.data(), nullptr};
    execve(image_.c_str(), arguments, environment);
    _exit(127);
  }

  // Exit status of init, or -1.
  int wait_for_end() {
    int status = 0;
    const bool ended = wait_until([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    if (ended) pid_ = -1;
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  bool permit_is_on_medium() const {
    const std::string bytes = folder.text_of("permit/permit.bin");
    boot::Permit permit;
    boot::PermitCell cell{};
    if (bytes.size() != cell.size()) return false;
    std::copy(bytes.begin(), bytes.end(), cell.begin());
    return boot::ok(boot::decode_permit(cell, permit)) && permit.boot_count == kBootCount;
  }

  pid_t therapy_pid() const {
    std::ifstream list("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
    for (pid_t child = 0; list >> child;) {
      std::string name;
      std::ifstream("/proc/" + std::to_string(child) + "/comm") >> name;
      if (name == "therapy") return child;
    }
    return -1;
  }

  bool console_says(const char* text) const {
    return folder.text_of("console").find(text) != std::string::npos;
  }

  DeviceFolder folder;
  AgentDouble agent{folder, make_therapy_key(folder), kDevice};

 private:
  fs::path image_;
  pid_t pid_ = -1;
};

// Answers: SI-01, SI-03, SI-15
TEST(PumpProcess, HoldsWaitsForTherapyAndResetsOnlyWhenInhibited) {
  // 1 therapy runs: the hold is refused. 2 stopped: held, PERMIT on the medium, the start button is refused.
  // 3 last check: the pump resets the device: init ends with 82.
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  ASSERT_TRUE(pump.folder.wait_for("interlock=IDLE"));
  ASSERT_TRUE(pump.folder.press("start"));
  pump.agent.start();
  ASSERT_EQ(pump.agent.ask(HoldKind::kSwitch, kNext), Status::kSuccess);
  ASSERT_TRUE(pump.agent.run([&] { return pump.agent.client.stage() == HoldStage::kLost; }));
  EXPECT_EQ(pump.agent.client.last_reason(), Status::kTherapyBlocked);
  EXPECT_FALSE(pump.permit_is_on_medium());
  ASSERT_TRUE(pump.folder.press("stop"));
  pump.agent.hold(HoldKind::kSwitch, kNext);
  EXPECT_TRUE(pump.permit_is_on_medium());
  EXPECT_FALSE(pump.folder.press("start"));
  pump.agent.check_and_reset(ResetPurpose::kSwitch);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
  EXPECT_TRUE(pump.permit_is_on_medium()) << "boot needs it to find the arm permitted";
}

// Answers: SI-01
TEST(PumpProcess, AKilledAgentOrPumpEndsTheHold) {
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  pump.agent.start();
  pump.agent.hold(HoldKind::kSwitch, kNext);
  ASSERT_TRUE(pump.permit_is_on_medium());
  pump.agent.die();
  ASSERT_TRUE(pump.folder.wait_for("interlock=IDLE"));
  EXPECT_FALSE(pump.permit_is_on_medium());

  pump.agent.start();
  pump.agent.hold(HoldKind::kSwitch, kNext);
  ASSERT_TRUE(pump.permit_is_on_medium());
  const pid_t before = pump.therapy_pid();
  ASSERT_GT(before, 0);
  ASSERT_EQ(kill(before, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return pump.therapy_pid() > 0 && pump.therapy_pid() != before; }));
  ASSERT_TRUE(pump.folder.wait_for("interlock=IDLE"));
  EXPECT_FALSE(pump.permit_is_on_medium());
  EXPECT_TRUE(pump.folder.press("start"));
}

// Answers: SI-01, SI-03
TEST(PumpProcess, FiftyKillsAtRandomMomentsNeverLeaveAPermitBehindATherapy) {
  constexpr unsigned kSeed = 20261123;
  std::printf("seed=%u\n", kSeed);
  std::mt19937 random(kSeed);
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  int held = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(wait_until([&] { return pump.therapy_pid() > 0; }));
    pump.agent.start();
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(random() % 60);
    while (std::chrono::steady_clock::now() < end) {
      pump.agent.step();
      if (pump.agent.is_idle()) static_cast<void>(pump.agent.ask(HoldKind::kSwitch, kNext));
    }
    held += pump.agent.client.stage() == HoldStage::kHeld;
    const pid_t victim = pump.therapy_pid();
    ASSERT_GT(victim, 0);
    ASSERT_EQ(kill(victim, SIGKILL), 0) << "the kill must happen";
    ASSERT_TRUE(wait_until([&] { return pump.therapy_pid() != victim; }));
    if (i % 10 != 9) continue;
    // The start button works again, and then no permit is on the medium.
    ASSERT_TRUE(pump.folder.wait_for("interlock=IDLE"));
    ASSERT_TRUE(pump.folder.press("start"));
    EXPECT_FALSE(pump.permit_is_on_medium());
    ASSERT_TRUE(pump.folder.press("stop"));
  }
  EXPECT_GT(held, 5) << "the kills were too early to meet a hold";
}

TEST(PumpProcess, VersionTwoPassesItsSelfTestAndConfirmsByASecondReset) {
  Pump pump(2, boot::RunKind::kTrial);
  pump.power_up();
  ASSERT_TRUE(pump.folder.wait_for("interlock=IN_TRIAL"));
  EXPECT_FALSE(pump.folder.press("start"));
  pump.agent.start();
  pump.agent.hold(HoldKind::kTrial, kRunning);
  EXPECT_EQ(pump.agent.self_test(), interlock::SelfTestVerdict::kPassed);
  pump.agent.check_and_reset(ResetPurpose::kConfirm);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
}

TEST(PumpProcess, VersionThreeFailsItsSelfTest) {
  Pump pump(3, boot::RunKind::kTrial);
  pump.power_up();
  pump.agent.start();
  pump.agent.hold(HoldKind::kTrial, kRunning);
  EXPECT_EQ(pump.agent.self_test(), interlock::SelfTestVerdict::kFailed);
  pump.agent.check_and_reset(ResetPurpose::kRevert);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
}

TEST(PumpProcess, FailsClosedWithoutItsTherapyKey) {
  Pump pump(1, boot::RunKind::kConfirmed);
  fs::remove(pump.folder / "therapy/key.pem");
  pump.power_up();
  ASSERT_TRUE(wait_until([&] { return pump.console_says("no therapy: therapy key"); }));
  EXPECT_FALSE(fs::exists(pump.folder / "run/panel.sock")) << "no panel, no therapy, no lease";
}

TEST(PumpProcess, FailsClosedWhenBootsReportIsDamaged) {
  Pump pump(1, boot::RunKind::kConfirmed);
  std::fstream(pump.folder / "mailbox/report.bin", std::ios::in | std::ios::out | std::ios::binary)
      .seekp(30)
      .put('\x7f');
  pump.power_up();
  ASSERT_TRUE(wait_until([&] { return pump.console_says("is damaged; therapy stays off"); }));
  EXPECT_FALSE(fs::exists(pump.folder / "run/panel.sock"));
}

TEST(PumpProcess, SwitchesOffOnTheOperatorsCommand) {
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  ASSERT_TRUE(pump.folder.press("power-off"));
  EXPECT_EQ(pump.wait_for_end(), kExitPowerOff);
}

// Answers: SI-01, T-61
TEST(PumpSocket, BelievesOnlyPeersOfTheExpectedUser) {
  DeviceFolder folder;
  const Descriptor listener = listen_at(folder / "run/s");
  ASSERT_TRUE(listener.is_open());
  struct stat info {};
  ASSERT_EQ(stat((folder / "run/s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const Descriptor stranger = connect_to(folder / "run/s");
  EXPECT_FALSE(accept_from(listener, geteuid() + 1).has_value());
  std::vector<std::uint8_t> packet;
  EXPECT_EQ(receive_packet(stranger, packet), Received::kClosed) << "hung up on at once";
  const Descriptor friendly = connect_to(folder / "run/s");
  EXPECT_TRUE(accept_from(listener, geteuid()).has_value());
}

TEST(PumpSocket, DropsAPeerThatSendsMoreThanAPacketMayHold) {
  DeviceFolder folder;
  const Descriptor listener = listen_at(folder / "run/s");
  for (const std::size_t size : {kPacketSizeMax, kPacketSizeMax + 1}) {
    const Descriptor peer = connect_to(folder / "run/s");
    const auto accepted = accept_from(listener, geteuid());
    ASSERT_TRUE(accepted.has_value());
    ASSERT_TRUE(send_packet(peer, std::vector<std::uint8_t>(size, 7)));
    std::vector<std::uint8_t> packet;
    EXPECT_EQ(receive_packet(*accepted, packet),
              size <= kPacketSizeMax ? Received::kPacket : Received::kClosed);
  }
}

// Runs `attempts` in a confined child; each returns true when it got what it must not get. Bit i of the
// result = attempt i.
int attempts_that_succeed(const AllowedPaths& allowed, const std::vector<std::function<bool()>>& attempts) {
  const pid_t child = fork();
  if (child == 0) {
    const Confinement confinement = confine(allowed);
    if (confinement != Confinement::kEnforced) _exit(confinement == Confinement::kUnavailable ? 77 : 78);
    int succeeded = 0;
    for (std::size_t i = 0; i < attempts.size(); ++i)
      succeeded |= attempts[i]() ? 1 << i : 0;
    _exit(succeeded);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool opens(const std::string& path, int flags) {
  return open(path.c_str(), flags, 0600) >= 0;
}

// Answers: SI-04, T-61
TEST(PumpConfinement, TheAgentCanNeitherWriteThePermitNorReadTheTherapyKey) {
  // SECURITY(T-61): a compromised agent process, as root, with init's confinement. Bit 5 is what it must be
  // able to do.
  Pump pump(1, boot::RunKind::kConfirmed);
  const DeviceFolder& device = pump.folder;
  std::ofstream(device / "permit/permit.bin") << "x";
  const int succeeded = attempts_that_succeed(
      agent_paths(device.path().string()),
      {[&] { return opens(device / "permit/permit.bin", O_WRONLY); },
       [&] { return opens(device / "permit/new", O_WRONLY | O_CREAT); },
       [&] { return unlink((device / "permit/permit.bin").c_str()) == 0; },
       [&] { return opens(device / "therapy/key.pem", O_RDONLY); },
       [&] { return rename((device / "requests").c_str(), (device / "permit/x").c_str()) == 0; },
       [&] { return opens(device / "requests/requests.bin", O_RDWR | O_CREAT); }});
  if (succeeded == 77) GTEST_SKIP() << "this kernel has no Landlock";  // NOLINT(skip: the kernel decides)
  EXPECT_EQ(succeeded, 1 << 5);
}

TEST(PumpConfinement, TheTherapySideCannotTouchSlotsRequestsOrMailbox) {
  Pump pump(1, boot::RunKind::kConfirmed);
  const DeviceFolder& device = pump.folder;
  std::ofstream(device / "slots/a.img") << "x";
  const int succeeded =
      attempts_that_succeed(therapy_paths(device.path().string()),
                            {[&] { return opens(device / "slots/a.img", O_RDWR); },
                             [&] { return opens(device / "requests/requests.bin", O_RDWR | O_CREAT); },
                             [&] { return opens(device / "mailbox/report.bin", O_RDWR); },
                             [&] { return opens(device / "permit/permit.bin", O_RDWR | O_CREAT); },
                             [&] { return opens(device / "mailbox/report.bin", O_RDONLY); }});
  if (succeeded == 77) GTEST_SKIP() << "this kernel has no Landlock";  // NOLINT(skip: the kernel decides)
  EXPECT_EQ(succeeded, 1 << 3 | 1 << 4);
}

}  // namespace
}  // namespace aseptic::pump
