// SPDX-License-Identifier: Apache-2.0
// The linked boot stage on emulated hardware (EMULATED).
#include <gtest/gtest.h>

#include "machine.h"
#include "tests/support/run_program.h"

namespace aseptic::test {
namespace {

struct Device {
  explicit Device(Machine of) : machine(std::move(of)), flash(machine.board), file(work_folder(name()) / "flash.img") {}

  static std::string name() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    return std::string(info->test_suite_name()) + "." + info->name();
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

TEST(Qemu, An505BootsAConfirmedImage) {
  Device device(an505());
  const Bytes image = device.firmware({.sequence = 7});
  device.flash.provision(image, device.machine.capabilities);
  device.flash.script("o");
  device.flash.write(device.file);
  const std::string out = device.power_up();
  EXPECT_NE(out.find("APP kind=1 place=0 count=1 cause=1 sequence=7 manifest=" + hex(manifest_of(image)) + " EMULATED"), std::string::npos)
      << out;
}

}  // namespace
}  // namespace aseptic::test
