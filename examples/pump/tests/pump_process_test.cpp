// SPDX-License-Identifier: Apache-2.0
// The real pump images as processes, with the real sockets, files, therapy key and P-256 signatures. The test
// plays boot (it writes the mailbox report and starts "init DEVICE") and the agent (a real HoldClient on the
// therapy socket).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/core/public_key.h"
#include "aseptic/interlock/hold_client.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "pump/init/confine.h"
#include "pump/therapy/device_ports.h"
#include "pump/therapy/packet_socket.h"

namespace aseptic::pump {
namespace {

namespace fs = std::filesystem;
using interlock::HoldKind;
using interlock::HoldStage;
using interlock::ResetPurpose;
using interlock::Status;

constexpr std::uint32_t kBootCount = 5;
// Real processes on a busy machine: a bound that only a defect reaches.
constexpr auto kPatience = std::chrono::seconds(20);

boot::Digest digest(std::uint8_t value) {
  boot::Digest out;
  out.fill(value);
  return out;
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "pump-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    for (const char* name : {"mailbox", "permit", "requests", "run", "slots", "agent"})
      fs::create_directory(path_ / name);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct RealPorts final : interlock::Clock, interlock::Link, interlock::LeaseVerifier, interlock::Entropy {
  explicit RealPorts(core::PublicKey key) : therapy_key(std::move(key)) {}
  std::uint64_t boottime_ms() override { return BoottimeClock().boottime_ms(); }
  Status send(interlock::Bytes frame) override {
    return socket.is_open() && send_packet(socket, frame) ? Status::kSuccess : Status::kTransport;
  }
  Status verify(interlock::Bytes region, const interlock::Signature& signature) override {
    return therapy_key.verify_raw(region, signature.bytes) ? Status::kSuccess : Status::kBadSignature;
  }
  Status fill(interlock::Nonce& out) override {
    return getrandom(out.bytes.data(), out.bytes.size(), 0) == 16 ? Status::kSuccess : Status::kNoEntropy;
  }
  interlock::HoldPorts get() { return {*this, *this, *this, *this}; }

  Descriptor socket;
  core::PublicKey therapy_key;
};

interlock::HoldClient fresh_client() {
  interlock::HoldConfig config;
  config.device_id.bytes.fill(0xd1);
  return interlock::HoldClient(config);
}

class Pump {
 public:
  Pump(int version, boot::RunKind kind) {
    auto keys = platform::FileKeyStore::open_directory((folder.path() / "therapy").string());
    auto key = (*keys)->create("key", core::KeyAlgorithm::kEcdsaP256);
    ports = std::make_unique<RealPorts>((*key)->public_key());
    boot::BootReport report;
    report.boot_count = kBootCount;
    report.run_kind = kind;
    report.place = boot::ImagePlace::kSlotA;
    report.device_id.fill(0xd1);
    report.running_manifest = digest(0x01);
    std::array<std::uint8_t, boot::kBootReportSize> bytes{};
    boot::encode_boot_report(report, bytes);
    std::ofstream(report_path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    image = fs::path(std::getenv("PUMP_FOLDER")) / ("pump_v" + std::to_string(version));
  }
  ~Pump() {
    if (pid > 0) kill(pid, SIGKILL);
    if (pid > 0) waitpid(pid, nullptr, 0);
  }

  std::string report_path() const { return (folder.path() / "mailbox/report.bin").string(); }

  Pump& power_up() {
    pid = fork();
    if (pid == 0) {
      const int log = open((folder.path() / "console").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(log, 1);
      dup2(log, 2);
      char* const environment[] = {nullptr};
      const std::string device = folder.path().string();
      char name[] = "init";
      char* const arguments[] = {name, const_cast<char*>(device.c_str()), nullptr};
      execve(image.c_str(), arguments, environment);
      _exit(127);
    }
    return *this;
  }

  // One operator command; the answer with its leading "ok " or "refused ", empty when no pump answers.
  std::string panel(const std::string& command) {
    std::string answer;
    wait_until([&] {
      const fs::path here = fs::current_path();
      fs::current_path(folder.path());
      const Descriptor panel = connect_to("run/panel.sock");
      fs::current_path(here);
      if (!panel.is_open()) return false;
      if (!send_packet(panel,
                       std::span(reinterpret_cast<const std::uint8_t*>(command.data()), command.size()))) {
        return false;
      }
      pollfd watched{panel.get(), POLLIN, 0};
      std::vector<std::uint8_t> packet;
      if (poll(&watched, 1, 2000) != 1 || receive_packet(panel, packet) != Received::kPacket) return false;
      answer.assign(packet.begin(), packet.end());
      return true;
    });
    return answer;
  }

  bool wait_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  bool wait_for_state(const std::string& state) {
    return wait_until([&] { return panel("status").find("interlock=" + state + " ") != std::string::npos; });
  }

  void connect_agent() {
    ASSERT_TRUE(wait_until([&] {
      const fs::path here = fs::current_path();
      fs::current_path(folder.path());
      ports->socket = connect_to("run/therapy.sock");
      fs::current_path(here);
      return ports->socket.is_open();
    }));
  }

  // Runs the client until `done`; false when patience ends.
  bool run_client(const std::function<bool()>& done) {
    return wait_until([&] {
      std::vector<std::uint8_t> packet;
      while (ports->socket.is_open() && receive_packet(ports->socket, packet) == Received::kPacket) {
        static_cast<void>(client.receive(ports->get(), packet));
      }
      client.poll(ports->get());
      return done();
    });
  }

  interlock::HoldTerms terms(HoldKind kind) {
    interlock::HoldTerms out;
    out.kind = kind;
    out.transaction.bytes.fill(0x77);
    out.manifest.bytes = kind == HoldKind::kTrial ? digest(0x01) : digest(0x02);
    out.boot_id = read_boot_facts(report_path())->boot_id;
    return out;
  }

  void hold(HoldKind kind) {
    ASSERT_TRUE(run_client([&] {
      const bool idle = client.stage() == HoldStage::kFree || client.stage() == HoldStage::kLost;
      if (idle) static_cast<void>(client.ask(ports->get(), terms(kind)));
      return client.stage() == HoldStage::kHeld && client.is_held(ports->get());
    }));
  }

  void check_and_reset(ResetPurpose purpose) {
    ASSERT_EQ(client.check_now(ports->get()), Status::kSuccess);
    ASSERT_TRUE(run_client([&] { return client.stage() == HoldStage::kChecked; }));
    ASSERT_EQ(client.ask_reset(ports->get(), purpose), Status::kSuccess);
  }

  // Exit status of init, or -1.
  int wait_for_end() {
    int status = 0;
    const bool ended = wait_until([&] { return waitpid(pid, &status, WNOHANG) == pid; });
    if (ended) pid = -1;
    return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  bool permit_is_on_medium() const {
    std::array<std::uint8_t, boot::kPermitCellSize> bytes{};
    std::ifstream(folder.path() / "permit/permit.bin", std::ios::binary)
        .read(reinterpret_cast<char*>(bytes.data()), bytes.size());
    boot::Permit permit;
    return boot::ok(boot::decode_permit(bytes, permit)) && permit.boot_count == kBootCount &&
           permit.hold_nonce == client.hold().bytes;
  }

  pid_t therapy_pid() const {
    std::ifstream list("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    for (pid_t child = 0; list >> child;) {
      std::string name;
      std::ifstream("/proc/" + std::to_string(child) + "/comm") >> name;
      if (name == "therapy") return child;
    }
    return -1;
  }

  Folder folder;
  std::unique_ptr<RealPorts> ports;
  interlock::HoldClient client = fresh_client();
  fs::path image;
  pid_t pid = -1;
};

// Answers: SI-01, SI-03, SI-15
TEST(PumpProcess, HoldsWaitsForTherapyAndResetsOnlyWhenInhibited) {
  // 1 therapy runs: the hold is refused. 2 stopped: held, PERMIT on the medium, the start button is refused.
  // 3 last check: the pump resets the device: init ends with 82.
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  ASSERT_TRUE(pump.wait_for_state("IDLE"));
  ASSERT_EQ(pump.panel("start").substr(0, 3), "ok ");
  pump.connect_agent();
  ASSERT_EQ(pump.client.ask(pump.ports->get(), pump.terms(HoldKind::kSwitch)), Status::kSuccess);
  ASSERT_TRUE(pump.run_client([&] { return pump.client.stage() == HoldStage::kLost; }));
  EXPECT_EQ(pump.client.last_reason(), Status::kTherapyBlocked);
  EXPECT_FALSE(pump.permit_is_on_medium());
  ASSERT_EQ(pump.panel("stop").substr(0, 3), "ok ");
  pump.hold(HoldKind::kSwitch);
  EXPECT_TRUE(pump.permit_is_on_medium());
  EXPECT_EQ(pump.panel("start").substr(0, 8), "refused ");
  pump.check_and_reset(ResetPurpose::kSwitch);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
  EXPECT_TRUE(pump.permit_is_on_medium()) << "boot needs it to find the arm permitted";
}

// Answers: SI-01
TEST(PumpProcess, AKilledAgentOrPumpEndsTheHold) {
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  pump.connect_agent();
  pump.hold(HoldKind::kSwitch);
  ASSERT_TRUE(pump.permit_is_on_medium());
  pump.ports->socket.reset();  // the kernel closes a killed agent's socket
  ASSERT_TRUE(pump.wait_for_state("IDLE"));
  EXPECT_FALSE(pump.permit_is_on_medium());

  pump.client = fresh_client();
  pump.connect_agent();
  pump.hold(HoldKind::kSwitch);
  const pid_t before = pump.therapy_pid();
  ASSERT_GT(before, 0);
  ASSERT_EQ(kill(before, SIGKILL), 0);
  ASSERT_TRUE(pump.wait_until([&] { return pump.therapy_pid() > 0 && pump.therapy_pid() != before; }));
  ASSERT_TRUE(pump.wait_for_state("IDLE"));
  EXPECT_FALSE(pump.permit_is_on_medium());
  EXPECT_EQ(pump.panel("start").substr(0, 3), "ok ");
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
    ASSERT_TRUE(pump.wait_until([&] { return pump.therapy_pid() > 0; }));
    pump.connect_agent();
    const auto lifetime = std::chrono::milliseconds(random() % 60);
    const auto end = std::chrono::steady_clock::now() + lifetime;
    pump.client = fresh_client();
    while (std::chrono::steady_clock::now() < end) {
      std::vector<std::uint8_t> packet;
      while (receive_packet(pump.ports->socket, packet) == Received::kPacket) {
        static_cast<void>(pump.client.receive(pump.ports->get(), packet));
      }
      const bool idle = pump.client.stage() == HoldStage::kFree || pump.client.stage() == HoldStage::kLost;
      if (idle) static_cast<void>(pump.client.ask(pump.ports->get(), pump.terms(HoldKind::kSwitch)));
    }
    held += pump.client.stage() == HoldStage::kHeld;
    const pid_t victim = pump.therapy_pid();
    ASSERT_GT(victim, 0);
    ASSERT_EQ(kill(victim, SIGKILL), 0) << "the kill must happen";
    ASSERT_TRUE(pump.wait_until([&] { return pump.therapy_pid() != victim; }));
    if (i % 10 != 9) continue;
    // The start button works again, and then no permit is on the medium.
    ASSERT_TRUE(pump.wait_for_state("IDLE"));
    ASSERT_EQ(pump.panel("start").substr(0, 3), "ok ");
    EXPECT_FALSE(pump.permit_is_on_medium());
    ASSERT_EQ(pump.panel("stop").substr(0, 3), "ok ");
  }
  EXPECT_GT(held, 5) << "the kills were too early to meet a hold";
}

TEST(PumpProcess, VersionTwoPassesItsSelfTestAndConfirmsByASecondReset) {
  Pump pump(2, boot::RunKind::kTrial);
  pump.power_up();
  ASSERT_TRUE(pump.wait_for_state("IN_TRIAL"));
  EXPECT_EQ(pump.panel("start").substr(0, 8), "refused ");
  pump.connect_agent();
  pump.hold(HoldKind::kTrial);
  ASSERT_EQ(pump.client.ask_self_test(pump.ports->get()), Status::kSuccess);
  ASSERT_TRUE(
      pump.run_client([&] { return pump.client.self_test() == interlock::SelfTestVerdict::kPassed; }));
  pump.check_and_reset(ResetPurpose::kConfirm);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
}

TEST(PumpProcess, VersionThreeFailsItsSelfTest) {
  Pump pump(3, boot::RunKind::kTrial);
  pump.power_up();
  pump.connect_agent();
  pump.hold(HoldKind::kTrial);
  ASSERT_EQ(pump.client.ask_self_test(pump.ports->get()), Status::kSuccess);
  ASSERT_TRUE(
      pump.run_client([&] { return pump.client.self_test() == interlock::SelfTestVerdict::kFailed; }));
  pump.check_and_reset(ResetPurpose::kRevert);
  EXPECT_EQ(pump.wait_for_end(), kExitCommandedReset);
}

TEST(PumpProcess, FailsClosedWithoutItsTherapyKey) {
  Pump pump(1, boot::RunKind::kConfirmed);
  fs::remove(pump.folder.path() / "therapy/key.pem");
  pump.power_up();
  ASSERT_TRUE(pump.wait_until([&] {
    std::ifstream console(pump.folder.path() / "console");
    const std::string text{std::istreambuf_iterator<char>(console), {}};
    return text.find("no therapy: therapy key") != std::string::npos;
  }));
  EXPECT_FALSE(fs::exists(pump.folder.path() / "run/panel.sock")) << "no panel, no therapy, no lease";
}

TEST(PumpProcess, FailsClosedWhenBootsReportIsDamaged) {
  Pump pump(1, boot::RunKind::kConfirmed);
  std::fstream(pump.report_path(), std::ios::in | std::ios::out | std::ios::binary).seekp(30).put('\x7f');
  pump.power_up();
  ASSERT_TRUE(pump.wait_until([&] {
    std::ifstream console(pump.folder.path() / "console");
    const std::string text{std::istreambuf_iterator<char>(console), {}};
    return text.find("is damaged; therapy stays off") != std::string::npos;
  }));
  EXPECT_FALSE(fs::exists(pump.folder.path() / "run/panel.sock"));
}

TEST(PumpProcess, SwitchesOffOnTheOperatorsCommand) {
  Pump pump(1, boot::RunKind::kConfirmed);
  pump.power_up();
  ASSERT_EQ(pump.panel("power-off").substr(0, 3), "ok ");
  EXPECT_EQ(pump.wait_for_end(), kExitPowerOff);
}

// Answers: SI-04
TEST(PumpConfinement, TheAgentCanNeitherWriteThePermitNorReadTheTherapyKey) {
  // SECURITY(T-61): a compromised agent process, as root, with init's confinement.
  Pump pump(1, boot::RunKind::kConfirmed);
  std::ofstream(pump.folder.path() / "permit/permit.bin") << "x";
  const std::string device = pump.folder.path().string();
  const pid_t child = fork();
  if (child == 0) {
    const Confinement confinement = confine(agent_paths(device));
    if (confinement == Confinement::kUnavailable) _exit(77);
    unsigned opened = confinement == Confinement::kEnforced ? 0 : 64;
    if (open((device + "/permit/permit.bin").c_str(), O_WRONLY) >= 0) opened |= 1;
    if (open((device + "/permit/new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0) opened |= 2;
    if (unlink((device + "/permit/permit.bin").c_str()) == 0) opened |= 4;
    if (open((device + "/therapy/key.pem").c_str(), O_RDONLY) >= 0) opened |= 8;
    if (rename((device + "/requests").c_str(), (device + "/permit/x").c_str()) == 0) opened |= 16;
    const int own = open((device + "/requests/requests.bin").c_str(), O_RDWR | O_CREAT, 0600);
    _exit(own >= 0 ? static_cast<int>(opened) : 32);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PumpConfinement, TheTherapySideCannotTouchSlotsRequestsOrMailbox) {
  Pump pump(1, boot::RunKind::kConfirmed);
  const std::string device = pump.folder.path().string();
  std::ofstream(device + "/slots/a.img") << "x";
  const pid_t child = fork();
  if (child == 0) {
    const Confinement confinement = confine(therapy_paths(device));
    if (confinement == Confinement::kUnavailable) _exit(77);
    unsigned opened = confinement == Confinement::kEnforced ? 0 : 64;
    if (open((device + "/slots/a.img").c_str(), O_RDWR) >= 0) opened |= 1;
    if (open((device + "/requests/requests.bin").c_str(), O_RDWR | O_CREAT, 0600) >= 0) opened |= 2;
    if (open((device + "/mailbox/report.bin").c_str(), O_RDWR) >= 0) opened |= 4;
    const int own = open((device + "/permit/permit.bin").c_str(), O_RDWR | O_CREAT, 0600);
    const int report = open((device + "/mailbox/report.bin").c_str(), O_RDONLY);
    _exit(own >= 0 && report >= 0 ? static_cast<int>(opened) : 32);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the kernel has no Landlock";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace aseptic::pump
