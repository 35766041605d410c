// SPDX-License-Identifier: Apache-2.0
// One power-up of an emulated machine (EMULATED): QEMU as a process, its console on a socket. Destroying it, or kill(), is
// the power cut.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace aseptic::test {

class RunningMachine {
 public:
  // What a second serial line is called on QEMU's command line: "-chardev socket,id=...,fd=<this>".
  static constexpr int kSecondLineAtChild = 9;

  explicit RunningMachine(const std::vector<std::string>& words);  // Machine::command()
  ~RunningMachine();
  RunningMachine(const RunningMachine&) = delete;
  RunningMachine& operator=(const RunningMachine&) = delete;

  [[nodiscard]] int console() const { return console_; }
  [[nodiscard]] int second_line() const { return second_line_; }
  // What was written before can still be read afterwards.
  void kill();

 private:
  pid_t pid_ = -1;
  int console_ = -1;
  int second_line_ = -1;
};

}  // namespace aseptic::test
