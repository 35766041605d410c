// SPDX-License-Identifier: Apache-2.0
#include "running_machine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace aseptic::test {

RunningMachine::RunningMachine(const std::vector<std::string>& words) {
  int console[2], second[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console), 0);
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, console[1], 0);
  posix_spawn_file_actions_adddup2(&actions, console[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, second[1], kSecondLineAtChild);
  std::vector<char*> arguments;
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT(const_cast: posix_spawn's old interface)
  arguments.push_back(nullptr);
  EXPECT_EQ(posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(console[1]);
  ::close(second[1]);
  console_ = console[0];
  second_line_ = second[0];
}

RunningMachine::~RunningMachine() {
  kill();
  ::close(console_);
  ::close(second_line_);
}

void RunningMachine::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace aseptic::test
