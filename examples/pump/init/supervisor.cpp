// SPDX-License-Identifier: Apache-2.0
#include "pump/init/supervisor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "pump/init/agent_process.h"
#include "pump/init/confine.h"
#include "pump/therapy/device_ports.h"
#include "pump/therapy/therapy_process.h"
#include "pump/version/version.h"

namespace aseptic::pump {
namespace {

constexpr int kExitNotConfined = 125;
// A child that dies at once must not keep the processor busy: the pause doubles until it lives this long.
constexpr std::uint64_t kRestartPauseMsMin = 100;
constexpr std::uint64_t kRestartPauseMsMax = 6400;
constexpr std::uint64_t kLivedLongMs = 5000;

struct Child {
  const char* name;
  AllowedPaths (*paths)(const std::string& device);
  int (*body)(const std::string& device);
  pid_t pid = -1;
  std::uint64_t started_ms = 0;
  std::uint64_t pause_ms = kRestartPauseMsMin;
  std::uint64_t start_at_ms = 0;  // while pid is -1
};

std::uint64_t now_ms() {
  return BoottimeClock().boottime_ms();
}

[[noreturn]] void become(const Child& child, const std::string& device, pid_t init) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, child.name);
  if (getppid() != init) _exit(kExitNotConfined);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const Confinement confinement = confine(child.paths(device));
  if (confinement == Confinement::kFailed) _exit(kExitNotConfined);
  if (confinement == Confinement::kUnavailable) {
    std::printf("pump: UNCONFINED: %s runs without Landlock\n", child.name);
    std::fflush(stdout);
  }
  const int status = child.body(device);
  std::fflush(stdout);
  _exit(status);
}

void start(Child& child, const std::string& device) {
  const pid_t init = getpid();
  std::fflush(stdout);
  child.started_ms = now_ms();
  child.pid = fork();
  if (child.pid == 0) become(child, device, init);
}

// Ends every process of the device but this one. As subreaper, init sees the children of dead children as its
// own.
void end_all() {
  for (;;) {
    const std::string list = "/proc/self/task/" + std::to_string(getpid()) + "/children";
    std::FILE* file = std::fopen(list.c_str(), "re");
    long pid = 0;
    const bool has_child = file != nullptr && std::fscanf(file, "%ld", &pid) == 1 && pid > 0;
    if (file != nullptr) std::fclose(file);
    if (!has_child) return;
    kill(static_cast<pid_t>(pid), SIGKILL);
    while (waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

void plan_restart(Child& child, int status) {
  const std::uint64_t now = now_ms();
  child.pid = -1;
  // A child that ends by itself at once will do so again: longer pauses. One that was killed is wanted back
  // at once.
  const bool ends_by_itself = WIFEXITED(status) && now - child.started_ms < kLivedLongMs;
  child.pause_ms = ends_by_itself ? std::min(child.pause_ms * 2, kRestartPauseMsMax) : kRestartPauseMsMin;
  child.start_at_ms = now + child.pause_ms;
  const bool was_killed = WIFSIGNALED(status);
  std::printf("pump: %s %s %d; starting it again\n", child.name,
              was_killed ? "was killed by signal" : "ended with",
              was_killed ? WTERMSIG(status) : WEXITSTATUS(status));
  std::fflush(stdout);
}

// Until a child ends or is due to start.
void wait_for_work(const Child& first, const Child& second) {
  std::uint64_t wait_ms = 60'000;
  const std::uint64_t now = now_ms();
  for (const Child* child : {&first, &second}) {
    if (child->pid < 0) wait_ms = std::min(wait_ms, child->start_at_ms > now ? child->start_at_ms - now : 0);
  }
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  const timespec timeout{static_cast<time_t>(wait_ms / 1000), static_cast<long>(wait_ms % 1000) * 1'000'000};
  sigtimedwait(&child_ended, nullptr, &timeout);
}

}  // namespace

int run_init(const std::string& device) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::printf("pump: %s starts (EMULATED hardware)\n", kVersionName);
  Child therapy{"therapy", therapy_paths, run_therapy};
  Child agent{"asepticd", agent_paths, run_update_agent};
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, nullptr);
  for (;;) {
    for (Child* child : {&therapy, &agent}) {
      if (child->pid < 0 && now_ms() >= child->start_at_ms) start(*child, device);
    }
    wait_for_work(therapy, agent);
    int status = 0;
    for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      // Only the therapy process can ask for a reset or for power off; an agent that exits with 82 is just a
      // crash.
      if (ended == therapy.pid && (code == kExitCommandedReset || code == kExitPowerOff)) {
        end_all();
        return code;
      }
      if (ended == therapy.pid) plan_restart(therapy, status);
      if (ended == agent.pid) plan_restart(agent, status);
    }
  }
}

}  // namespace aseptic::pump
