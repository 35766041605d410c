// SPDX-License-Identifier: Apache-2.0
// Runs a real binary and collects what it printed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace aseptic::test {

struct ProgramResult {
  int exit_status = -1;      // -1 when a signal ended it or the time was over
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
};

// The first word is looked up in PATH. `environment` entries ("NAME=value") are added to ours.
ProgramResult run_program(const std::vector<std::string>& words, const std::vector<std::string>& environment = {},
                          std::chrono::seconds time_max = std::chrono::seconds(60));

}  // namespace aseptic::test
