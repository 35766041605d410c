// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "aseptic/agent/agent.h"

namespace aseptic::agent {
namespace {

constexpr unsigned kRestartPauseUs = 200'000;  // a half that dies at once must not take the processor
constexpr int kExitLocked = 3;
constexpr int kExitUnusable = 1;         // configuration or device folder: trying again changes nothing soon
constexpr int kUnusableStartsMax = 5;

using Half = int (*)(const std::string&, int);

pid_t start_half(Half half, const std::string& device, int own, int other) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::close(other);
  ::_exit(half(device, own));
}

}  // namespace

// The supervisor keeps both ends of the pair, so that one half can be started again without the other noticing more than
// an unanswered question.
int run_agent(const std::string& device_directory) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    std::fprintf(stderr, "asepticd: socketpair: %s\n", std::strerror(errno));
    return 1;
  }
  struct Child {
    Half half;
    int own, other;
    pid_t pid;
  } children[] = {{&run_apply, ends[0], ends[1], 0}, {&run_acquire, ends[1], ends[0], 0}};
  for (Child& child : children) child.pid = start_half(child.half, device_directory, child.own, child.other);
  int unusable = 0;
  while (true) {
    int status = 0;
    const pid_t dead = ::waitpid(-1, &status, 0);
    if (dead < 0 && errno == EINTR) continue;
    if (dead < 0) return 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kExitLocked) {
      std::fprintf(stderr, "asepticd: another agent works on %s\n", device_directory.c_str());
      for (const Child& child : children) ::kill(child.pid, SIGKILL);
      return kExitLocked;
    }
    const bool is_unusable = WIFEXITED(status) && WEXITSTATUS(status) == kExitUnusable;
    unusable = is_unusable ? unusable + 1 : 0;
    if (unusable >= kUnusableStartsMax) {
      for (const Child& child : children) ::kill(child.pid, SIGKILL);
      return kExitUnusable;
    }
    ::usleep(kRestartPauseUs);
    for (Child& child : children)
      if (child.pid == dead) child.pid = start_half(child.half, device_directory, child.own, child.other);
  }
}

int ask_agent(const std::string& device_directory, const std::string& command, std::string& answer) {
  const std::string path = device_directory + "/run/asepticd.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && path.size() < sizeof address.sun_path) {
    std::memcpy(address.sun_path, path.data(), path.size());
    const std::string line = command + "\n";
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
      char buffer[4096];
      for (ssize_t size = 0; (size = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(size));
    }
  }
  if (fd >= 0) ::close(fd);
  while (!answer.empty() && answer.back() == '\n') answer.pop_back();
  if (!answer.empty()) return 0;
  answer = "the agent does not answer at " + path + "; start it with: asepticd run " + device_directory;
  return 1;
}

}  // namespace aseptic::agent
