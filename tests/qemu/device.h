// SPDX-License-Identifier: Apache-2.0
// An emulated board with its flash image file in the running test's own folder (EMULATED): power up, read the console.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>

#include "machine.h"
#include "tests/support/run_program.h"

namespace aseptic::test {

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
    const ProgramResult result = run_program(machine.command(file, more, stage), {}, std::chrono::seconds(20));
    EXPECT_FALSE(result.timed_out) << result.out.substr(0, 2000) << result.err.substr(0, 500);
    return result.out;
  }

  Machine machine;
  FlashImage flash;
  std::filesystem::path file;
  std::string stage = "boot";
};

// The which-th line that begins so.
inline std::string line_of(const std::string& out, const std::string& start, std::size_t which = 0) {
  std::size_t at = out.find(start);
  while (which-- > 0 && at != std::string::npos)
    at = out.find(start, at + 1);
  return at == std::string::npos ? "" : out.substr(at, out.find('\n', at) - at);
}

}  // namespace aseptic::test
