// SPDX-License-Identifier: Apache-2.0
// A running machine whose console is read until it has said something (EMULATED). Destroying it cuts its power.
#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "flash_image.h"
#include "running_machine.h"

namespace aseptic::test {

// The machine, and what its console has said.
class SerialMachine {
 public:
  explicit SerialMachine(const std::vector<std::string>& words) : machine_(words) {}

  void send(const Bytes& bytes) { EXPECT_EQ(::write(machine_.console(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size())); }
  // Reads until the output holds `text`; false after 8 seconds without a byte.
  bool wait_for(const std::string& text) {
    while (output.find(text) == std::string::npos) {
      pollfd ready{machine_.console(), POLLIN, 0};
      char buffer[512];
      const ssize_t count = poll(&ready, 1, 8'000) > 0 ? ::read(machine_.console(), buffer, sizeof buffer) : 0;
      if (count <= 0) return false;
      output.append(buffer, static_cast<std::size_t>(count));
    }
    return true;
  }
  std::string output;

 private:
  RunningMachine machine_;
};

}  // namespace aseptic::test
