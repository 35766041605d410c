// SPDX-License-Identifier: Apache-2.0
#include "tests/support/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace aseptic::test {
namespace {

[[noreturn]] void become(const std::vector<std::string>& words, const std::vector<std::string>& environment, int out, int err) {
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  // Copies: exec and putenv take pointers to characters that may change.
  static std::vector<std::string> kept;
  kept = words;
  kept.insert(kept.end(), environment.begin(), environment.end());
  std::vector<char*> arguments;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i < words.size()) arguments.push_back(kept[i].data());
    else ::putenv(kept[i].data());
  }
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& words, const std::vector<std::string>& environment, std::chrono::seconds time_max) {
  ProgramResult result;
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) return result;
  const pid_t child = ::fork();
  if (child == 0) become(words, environment, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  std::array<pollfd, 2> watched{pollfd{.fd = out[0], .events = POLLIN, .revents = 0}, pollfd{.fd = err[0], .events = POLLIN, .revents = 0}};
  const auto deadline = std::chrono::steady_clock::now() + time_max;
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || ::poll(watched.data(), watched.size(), static_cast<int>(left)) == 0) {
      result.timed_out = true;
      ::kill(child, SIGKILL);
      break;
    }
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t count = ::read(watched[i].fd, buffer.data(), buffer.size());
      if (count <= 0) watched[i].fd = -1;
      else (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace aseptic::test
