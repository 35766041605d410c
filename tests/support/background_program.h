// SPDX-License-Identifier: Apache-2.0
// A real binary that runs beside the test: its output is collected, and it ends with its object at the latest.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace aseptic::test {

class BackgroundProgram {
 public:
  explicit BackgroundProgram(const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  ~BackgroundProgram();
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

  // The first line of output that contains `text`; empty when the program ended or the time was over before.
  std::string wait_for_line(std::string_view text, std::chrono::seconds time_max = std::chrono::seconds(20));
  const std::string& take_in();  // reads what is there now, without waiting
  [[nodiscard]] const std::string& output() const { return output_; }  // standard output and error, as read so far
  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill();            // SIGKILL, and waits
  int terminate();        // SIGTERM, and waits; the exit status, -1 when a signal ended it

 private:
  bool read_more(std::chrono::milliseconds time_max);
  int wait();

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
};

}  // namespace aseptic::test
