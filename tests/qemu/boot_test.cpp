// SPDX-License-Identifier: Apache-2.0
// The linked boot stage on emulated hardware (EMULATED).
#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

std::uint32_t cortex_m_offset(boot::Area area) {
  return boot::cortex_m::flash_area(area).offset;
}

struct Device {
  explicit Device(Machine of) : machine(std::move(of)), flash(machine.board), file(work_folder(name()) / "flash.img") {}

  static std::string name() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    std::string text = std::string(info->test_suite_name()) + "." + info->name();
    std::replace(text.begin(), text.end(), '/', '.');
    return text;
  }
  Bytes firmware(const FirmwareSpec& spec) const { return flash.firmware(machine.application(), machine.application_entry(), spec); }
  // Powers the device up and waits until the application powers it off.
  std::string power_up(const std::vector<std::string>& more = {}) {
    const ProgramResult result = run_program(machine.command(file, more), {}, std::chrono::seconds(20));
    EXPECT_FALSE(result.timed_out) << result.out.substr(0, 2000) << result.err.substr(0, 500);
    return result.out;
  }

  Machine machine;
  FlashImage flash;
  std::filesystem::path file;
};

class Qemu : public testing::TestWithParam<Machine (*)()> {};
INSTANTIATE_TEST_SUITE_P(Emulated, Qemu, testing::Values(&an505, &ast1030),
                         [](const auto& machine) { return machine.param().board.name; });

std::string line_of(const std::string& out, const std::string& start, std::size_t which = 0) {
  std::size_t at = out.find(start);
  while (which-- > 0 && at != std::string::npos)
    at = out.find(start, at + 1);
  return at == std::string::npos ? "" : out.substr(at, out.find('\n', at) - at);
}

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

// The secure journal faults when the application writes it; boot sees a lock-up and the journal is untouched.
// Answers: RB-05
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
