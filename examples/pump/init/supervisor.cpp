// SPDX-License-Identifier: Apache-2.0
#include "init/supervisor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "init/agent_process.h"
#include "init/confine.h"
#include "therapy/device_ports.h"
#include "therapy/therapy_process.h"
#include "version/version.h"

namespace aseptic::pump {
namespace {

constexpr int kExitNotConfined = 125;
constexpr long kRestartPauseNs = 200'000'000;  // a crashing child must not keep the processor busy

struct Child {
  const char* name;
  AllowedPaths (*paths)(const std::string& device);
  int (*body)(const std::string& device);
  pid_t pid = -1;
};

void pause_before_restart() {
  const timespec pause{0, kRestartPauseNs};
  nanosleep(&pause, nullptr);
}

[[noreturn]] void become(const Child& child, const std::string& device, pid_t init) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, child.name);
  if (getppid() != init) _exit(kExitNotConfined);
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
  child.pid = fork();
  if (child.pid == 0) become(child, device, init);
}

// Ends every process of the device but this one. As subreaper, init sees the children of dead children as its own.
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

void tell_end(const Child& child, int status) {
  if (WIFSIGNALED(status)) {
    std::printf("pump: %s was killed by signal %d; starting it again\n", child.name, WTERMSIG(status));
  } else {
    std::printf("pump: %s ended with %d; starting it again\n", child.name, WEXITSTATUS(status));
  }
  std::fflush(stdout);
}

}  // namespace

int run_init(const std::string& device) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::printf("pump: %s starts (EMULATED hardware)\n", kVersionName);
  Child therapy{"therapy", therapy_paths, run_therapy};
  Child agent{"asepticd", agent_paths, run_update_agent};
  start(therapy, device);
  start(agent, device);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) return 1;
    if (ended == therapy.pid && WIFEXITED(status)) {
      // Only the therapy process can ask for a reset or for power off; an agent that exits with 82 is just a crash.
      const int code = WEXITSTATUS(status);
      if (code == kExitCommandedReset || code == kExitPowerOff) {
        end_all();
        return code;
      }
    }
    Child* child = ended == therapy.pid ? &therapy : ended == agent.pid ? &agent : nullptr;
    if (child == nullptr) continue;
    tell_end(*child, status);
    pause_before_restart();
    start(*child, device);
  }
}

}  // namespace aseptic::pump
