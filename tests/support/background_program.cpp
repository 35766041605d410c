// SPDX-License-Identifier: Apache-2.0
#include "tests/support/background_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace aseptic::test {

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves nothing behind
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    std::vector<std::string> kept = words;
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
  ::close(ends[1]);
  pipe_ = ends[0];
}

BackgroundProgram::~BackgroundProgram() {
  kill();
  if (pipe_ >= 0) ::close(pipe_);
}

bool BackgroundProgram::read_more(std::chrono::milliseconds time_max) {
  pollfd watched{.fd = pipe_, .events = POLLIN, .revents = 0};
  if (::poll(&watched, 1, static_cast<int>(time_max.count())) <= 0) return false;
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(pipe_, buffer.data(), buffer.size());
  if (count <= 0) return false;
  output_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::string BackgroundProgram::wait_for_line(std::string_view text, std::chrono::seconds time_max) {
  const auto deadline = std::chrono::steady_clock::now() + time_max;
  while (true) {
    const auto at = output_.find(text);
    const auto end = at == std::string::npos ? at : output_.find('\n', at);
    if (end != std::string::npos) {
      const auto begin = output_.rfind('\n', at) == std::string::npos ? 0 : output_.rfind('\n', at) + 1;
      return output_.substr(begin, end - begin);
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !read_more(left)) return {};
  }
}

const std::string& BackgroundProgram::take_in() {
  while (read_more(std::chrono::milliseconds(0))) {
  }
  return output_;
}

int BackgroundProgram::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  take_in();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void BackgroundProgram::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

int BackgroundProgram::terminate() {
  if (pid_ < 0) return -1;
  ::kill(pid_, SIGTERM);
  return wait();
}

}  // namespace aseptic::test
