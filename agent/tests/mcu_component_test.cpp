// SPDX-License-Identifier: Apache-2.0
// The pump's microcontroller, EMULATED: real boot stage, real firmware (examples/pump-mcu), on QEMU; the agent's component
// driver at the other end of its serial line. Killing the emulator is the power cut.
#include "component/mcu_component.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "aseptic/agent/codes.h"
#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/record.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "component/mcu_link.h"
#include "machine.h"
#include "running_machine.h"
#include "filled_store.h"

namespace aseptic::agent {
namespace {

using std::chrono::milliseconds;
using test::Bytes;

Bytes read_all(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One power-up of the machine: its first serial line and its panel.
class PoweredMcu {
 public:
  explicit PoweredMcu(const test::Machine& machine, const std::filesystem::path& flash)
      : machine_(machine.command(flash, {"-chardev", "socket,id=panel,fd=" + std::to_string(test::RunningMachine::kSecondLineAtChild),
                                         "-serial", "chardev:panel"})) {}

  [[nodiscard]] int line() const { return machine_.console(); }
  // What the panel answers to a button, one line.
  std::string press(char button) const {
    EXPECT_EQ(::write(machine_.second_line(), &button, 1), 1);
    return read_panel();
  }
  std::string read_panel() const {
    std::string text;
    char c = 0;
    const int panel = machine_.second_line();
    for (pollfd ready{panel, POLLIN, 0}; poll(&ready, 1, 10'000) > 0 && ::read(panel, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

 private:
  test::RunningMachine machine_;
};

// The agent's end. Counts what it sends, and pulls the plug at a frame.
class CountingLine final : public ComponentLine {
 public:
  bool send(core::ByteView bytes) override {
    if (!mcu) return false;
    ++frames;
    if (bytes[2] == static_cast<std::uint8_t>(component::FrameType::kData)) ++data_frames;
    const bool sent = ::send(mcu->line(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    if (frames == cut_at) {
      std::this_thread::sleep_for(cut_after);
      mcu.reset();
    }
    return sent;
  }
  std::size_t receive(core::ByteSpan out, milliseconds patience) override {
    if (!mcu) return 0;
    pollfd ready{mcu->line(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return 0;
    const ssize_t count = ::read(mcu->line(), out.data(), out.size());
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  std::unique_ptr<PoweredMcu> mcu;
  int frames = 0;
  int data_frames = 0;
  int cut_at = -1;
  std::chrono::microseconds cut_after{0};
};

core::PublicKey public_key_of(const boot::Digest& secret) {
  std::array<std::uint8_t, 64> point{};
  EXPECT_EQ(aseptic_p256_public(secret.data(), point.data()), 1U);
  return core::PublicKey::from_p256_point(point).value();
}

// As the factory certifies it: from the device secret, the boot stage's digest, debug and life-cycle state.
core::PublicKey boot_key_of(const test::Machine& machine) {
  const Bytes elf = read_all(machine.folder / "boot.elf");
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint32_t>(elf[at] | elf[at + 1] << 8 | elf[at + 2] << 16 | elf[at + 3] << 24);
  };
  const std::size_t header = word(28);  // the first program header: its one loadable segment
  const auto code = core::ByteView(elf).subspan(word(header + 4), word(header + 16));
  boot::host::Sha256 hasher;
  const std::uint8_t state[] = {static_cast<std::uint8_t>(boot::DebugPort::kClosed), static_cast<std::uint8_t>(boot::LifeCycle::kDevelopment)};
  return public_key_of(boot::derive_report_key(hasher, test::device_secret(), boot::hash_of(hasher, code), state));
}

class McuComponentTest : public testing::Test {
 protected:
  McuComponentTest() : machine(test::an505()), flash(machine.board) {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    file = test::work_folder(std::string("mcu.") + info->name()) / "flash.img";
    lease_secret.fill(0x31);
    const Bytes hardware = {0, 0, 0, 0, 0, 0, 0, 0, 0xB6, 0xED, 0x05, 0xC1, 0x49, 0x12, 0xFA, 0x3E};  // the debug port is closed
    v1 = image(1), v2 = image(2), v3 = image(3);
    flash.provision(v1, machine.capabilities);
    flash.put_at(boot::cortex_m::kHardwareState.offset, hardware);
    flash.put_at(boot::cortex_m::kApplicationData.offset, Bytes(lease_secret.begin(), lease_secret.end()));
    flash.write(file);
    part.emplace(ComponentPart{core::Uuid{}, "mcu", line, store, trust::BootKey::listed(boot_key_of(machine)), public_key_of(lease_secret)});
    restart_agent();
    transaction.bytes.fill(7);
  }
  Bytes image(int version) {
    const std::string name = "pump_mcu_v" + std::to_string(version);
    const Bytes elf = read_all(machine.folder / (name + ".elf"));
    EXPECT_GT(elf.size(), 28U) << "build preset boot-an505 first";
    std::uint32_t entry = 0;
    for (std::size_t i = 0; i < 4; ++i) entry |= static_cast<std::uint32_t>(elf[24 + i]) << (8 * i);
    return flash.firmware(read_all(machine.folder / (name + ".bin")), entry & ~1U, {.sequence = static_cast<std::uint64_t>(version)});
  }
  void power_on() { line.mcu = std::make_unique<PoweredMcu>(machine, file); }
  void restart_agent() { mcu = std::make_unique<McuComponent>(*part, clock, entropy, nullptr); }
  ComponentTarget offer(const Bytes& bytes) {
    store.content = bytes;
    return {core::Uuid{}, core::Digest{test::manifest_of(bytes)}, core::Digest{}, bytes.size(), 1};
  }
  // Until the goal is reached or out of reach, or the device is off, or half a minute.
  Verdict bring_to(Goal goal, const ComponentTarget& target) {
    const milliseconds until = clock.since_boot() + milliseconds(30'000);
    while (clock.since_boot() < until && line.mcu) {
      mcu->poll();
      const auto verdict = mcu->pursue(goal, target, transaction);
      last_error = verdict ? "" : std::string(verdict.error().name()) + ": " + verdict.error().sentence();
      if (verdict && *verdict != Verdict::kNone) return *verdict;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return Verdict::kNone;
  }
  boot::BootReport report() {
    const auto view = mcu->look();
    EXPECT_TRUE(view) << view.error().sentence();
    return view ? view->report : boot::BootReport{};
  }

  test::Machine machine;
  test::FlashImage flash;
  std::filesystem::path file;
  boot::Digest lease_secret{};
  Bytes v1, v2, v3;
  CountingLine line;
  FilledStore store;
  platform::PosixClock clock;
  platform::PosixEntropy entropy;
  std::optional<ComponentPart> part;
  std::unique_ptr<McuComponent> mcu;
  interlock::TransactionId transaction;
  std::string last_error;
};

// Answers: AP-09, RC-02
TEST_F(McuComponentTest, IsUpdatedOverItsLineTriedTestedAndConfirmed) {
  power_on();
  const ComponentTarget target = offer(v2);
  ASSERT_EQ(bring_to(Goal::kStaged, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(report().boot_count, 1U) << "staging starts nothing";
  EXPECT_TRUE(report().emulated);
  ASSERT_EQ(bring_to(Goal::kPrepared, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(report().run_kind, boot::RunKind::kTrial);
  EXPECT_NE(report().confirmed_manifest, target.manifest.bytes) << "prepared is not confirmed";
  ASSERT_EQ(bring_to(Goal::kConfirmed, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(report().run_kind, boot::RunKind::kConfirmed);
  EXPECT_EQ(report().running_manifest, target.manifest.bytes);
  ASSERT_EQ(bring_to(Goal::kSynced, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(test::journal_of(file).confirmed.manifest, test::manifest_of(v2));
  line.mcu.reset();
  power_on();
  EXPECT_EQ(line.mcu->read_panel(), "EMULATED pump-mcu v2 started idle");
  restart_agent();
  EXPECT_TRUE(report().synced) << "boot found the image in both slots";
}

// Answers: SI-01, SI-02, T-66
TEST_F(McuComponentTest, AnInfusionBlocksTransferAndSwitch) {
  power_on();
  const ComponentTarget target = offer(v2);
  line.mcu->read_panel();
  ASSERT_EQ(line.mcu->press('s'), "EMULATED pump-mcu v1 done infusing");
  EXPECT_FALSE(mcu->pursue(Goal::kStaged, target, transaction));
  ASSERT_EQ(line.mcu->press('x'), "EMULATED pump-mcu v1 done idle");
  ASSERT_EQ(bring_to(Goal::kStaged, target), Verdict::kPassed) << last_error;
  ASSERT_EQ(line.mcu->press('s'), "EMULATED pump-mcu v1 done infusing");
  const milliseconds until = clock.since_boot() + milliseconds(2500);
  while (clock.since_boot() < until) {
    mcu->poll();
    const auto verdict = mcu->pursue(Goal::kPrepared, target, transaction);
    EXPECT_FALSE(verdict && *verdict == Verdict::kPassed);
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(line.mcu->press('?'), "EMULATED pump-mcu v1 is infusing") << "the infusion was not disturbed";
  EXPECT_EQ(report().boot_count, 1U);
  ASSERT_EQ(line.mcu->press('x'), "EMULATED pump-mcu v1 done idle");
  EXPECT_EQ(bring_to(Goal::kPrepared, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(line.mcu->press('s').substr(0, 28), "EMULATED pump-mcu v2 started") << "the new start's own line";
  EXPECT_EQ(line.mcu->read_panel(), "EMULATED pump-mcu v2 refused idle") << "no therapy in a trial";
}

// Answers: SI-01, AP-09
TEST_F(McuComponentTest, WhileItInfusesNoOtherSetIsNamedToIt) {
  power_on();
  line.mcu->read_panel();
  McuLink link(line, clock, entropy);
  boot::Digest set{}, other{};
  set.fill(1);
  other.fill(2);
  const auto name_peer = [&](const boot::Digest& digest) {
    const auto answer = link.ask(component::FrameType::kPeer, 0, digest);
    EXPECT_TRUE(answer);
    return answer ? answer->value : 0;
  };
  ASSERT_EQ(name_peer(set), component::kDone);
  ASSERT_EQ(line.mcu->press('s'), "EMULATED pump-mcu v1 done infusing");
  EXPECT_EQ(name_peer(other), static_cast<std::uint32_t>(interlock::Status::kTherapyBlocked));
  EXPECT_EQ(name_peer(set), component::kDone) << "what it knows may be said again";
  ASSERT_EQ(line.mcu->press('x'), "EMULATED pump-mcu v1 done idle");
  EXPECT_EQ(name_peer(other), component::kDone);
}

// Answers: RC-01, RC-02, AP-09
TEST_F(McuComponentTest, AVersionThatFailsItsSelfTestIsRevertedAndQuarantined) {
  power_on();
  const ComponentTarget target = offer(v3);
  ASSERT_EQ(bring_to(Goal::kPrepared, target), Verdict::kFailed) << last_error;
  ASSERT_EQ(bring_to(Goal::kSettled, target), Verdict::kPassed) << last_error;
  EXPECT_EQ(report().running_manifest, test::manifest_of(v1));
  EXPECT_EQ(bring_to(Goal::kPrepared, target), Verdict::kFailed) << "in quarantine: not tried again with this attempt";
  EXPECT_TRUE(test::journal_of(file).is_quarantined(test::manifest_of(v3), 1));
}

// Answers: RB-01, T-46
TEST_F(McuComponentTest, AReportThatThisBootDidNotSignIsNotBelieved) {
  power_on();
  boot::Digest other{};
  other.fill(0x32);
  part->boot_key = trust::BootKey::listed(public_key_of(other));
  restart_agent();
  const auto view = mcu->look();
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().action(), core::ActionClass::kReject) << view.error().sentence();
}

// Cuts at frames of transfer, arm, trial, confirm and copy; a new agent goes on from what the device holds.
// Answers: AP-09, RC-03, T-51, T-52
TEST_F(McuComponentTest, APowerCutAtAnyPointIsTakenUpAgain) {
  const ComponentTarget target = offer(v2);
  const int whole = static_cast<int>(v2.size() / 1024);
  int cuts = 0;
  for (const int cut_at : {3, 20, whole + 5, whole + 7, whole + 9, whole + 12, whole + 16}) {
    flash.write(file);
    line.frames = line.data_frames = 0;
    line.cut_at = cut_at;
    line.cut_after = std::chrono::microseconds(cut_at * 37 % 1500);
    power_on();
    restart_agent();
    const Verdict before = bring_to(Goal::kConfirmed, target);
    const bool was_cut = line.mcu == nullptr;
    cuts += was_cut ? 1 : 0;
    EXPECT_EQ(was_cut, before == Verdict::kNone) << cut_at << " " << last_error;
    const int sent = line.data_frames;
    line.cut_at = -1;
    line.data_frames = 0;
    line.mcu.reset();
    power_on();
    restart_agent();
    ASSERT_EQ(bring_to(Goal::kConfirmed, target), Verdict::kPassed) << cut_at << " " << last_error;
    ASSERT_EQ(bring_to(Goal::kSynced, target), Verdict::kPassed) << cut_at << " " << last_error;
    EXPECT_LE(sent + line.data_frames, whole + 6) << "taken up at what it holds, cut at " << cut_at;
    EXPECT_EQ(report().confirmed_manifest, target.manifest.bytes) << cut_at;
  }
  std::printf("EMULATED an505: power cuts of the microcontroller's update=%d\n", cuts);
  EXPECT_GE(cuts, 6) << "a cut that does not happen proves nothing";
}

}  // namespace
}  // namespace aseptic::agent
