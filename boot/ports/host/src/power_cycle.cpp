// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/power_cycle.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/host/confine.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/host/device_storage.h"
#include "aseptic/boot/host/exec_memory.h"

namespace aseptic::boot::host {
namespace {

constexpr int kExitCannotStart = 126;
constexpr useconds_t kPauseAfterCrash = 100'000;  // a crashing image must not keep a host core busy

// The child: everything that the image must not inherit goes here, then the verified descriptor is executed.
[[noreturn]] void become_device(int image, const std::string& device_folder, pid_t boot) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != boot) _exit(kExitCannotStart);  // boot died before the line above
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  umask(077);
  if (chdir("/") != 0 || confine_to_device(device_folder) == Confinement::kFailed) _exit(kExitCannotStart);
  // Only 0, 1, 2 stay open across the exec. The image is a static ELF: it needs no path to itself.
  if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) _exit(kExitCannotStart);
  char name[] = "init";
  std::string folder = device_folder;
  char* const argv[] = {name, folder.data(), nullptr};
  char* const environment[] = {nullptr};
  fexecve(image, argv, environment);
  _exit(kExitCannotStart);
}

class RunningDevice {
 public:
  explicit RunningDevice(pid_t pid) : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U))) {
    setpgid(pid, pid);
  }
  ~RunningDevice() {
    if (pidfd_ >= 0) ::close(pidfd_);
  }
  RunningDevice(const RunningDevice&) = delete;
  RunningDevice& operator=(const RunningDevice&) = delete;

  // False when the time is over first. A negative timeout waits for ever.
  bool wait(int timeout_ms) {
    pollfd watched{pidfd_, POLLIN, 0};
    int result = 0;
    do {
      result = poll(&watched, 1, timeout_ms);
    } while (result < 0 && errno == EINTR);
    return result != 0;
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  // Takes the exit status and ends whatever the device left running: a reset ends all of it.
  int end() const {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    ::kill(-pid_, SIGKILL);
    reap_orphans();
    return status;
  }

 private:
  // Boot is the subreaper: processes that left the group are found as its children.
  static void reap_orphans() {
    for (;;) {
      siginfo_t info{};
      if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0) return;
      if (info.si_pid == 0) {
        const pid_t straggler = first_child();
        if (straggler <= 0) return;
        ::kill(straggler, SIGKILL);
        waitpid(straggler, nullptr, 0);
      }
    }
  }
  static pid_t first_child() {
    const std::string path = "/proc/self/task/" + std::to_string(static_cast<long>(getpid())) + "/children";
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return 0;
    long pid = 0;
    if (std::fscanf(file, "%ld", &pid) != 1) pid = 0;
    std::fclose(file);
    return static_cast<pid_t>(pid);
  }

  pid_t pid_;
  int pidfd_;
};

ResetCause cause_of(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitCommandedReset) return ResetCause::kCommanded;
  return ResetCause::kSoftware;
}

std::string end_text(int status) {
  if (WIFEXITED(status)) return "exit=" + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return "signal=" + std::to_string(WTERMSIG(status));
  return "unknown";
}

class DeviceLock {
 public:
  explicit DeviceLock(const std::string& device_folder)
      : fd_(::open((device_folder + "/boot").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        held_(fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0) {}
  ~DeviceLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  DeviceLock(const DeviceLock&) = delete;
  DeviceLock& operator=(const DeviceLock&) = delete;
  bool exists() const { return fd_ >= 0; }
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

struct PowerCycle {
  const RunOptions& options;
  TextEvents& events;
  ResetCause cause = ResetCause::kPowerOn;

  Status power_up_once(MemfdMemory& memory, Decision& decision) {
    DeviceStorage storage(options.device_folder);
    CellStore store(storage);
    Sha256 hasher;
    PairVerifier verifier;
    SystemEntropy entropy;
    Port port{storage, store, hasher, verifier, memory, entropy, events};
    port.cause = cause;
    port.boot_version = kBootVersion;
    P256Signer signer;
    port.report_signer = &signer;
    return power_up(port, decision);
  }

  // The exit status of the device's first process, or nothing when it could not be started.
  bool run_image(const MemfdMemory& memory, const Decision& decision, int& status) {
    const pid_t boot = getpid();
    const pid_t pid = fork();
    if (pid < 0) return false;
    if (pid == 0) become_device(memory.descriptor(), options.device_folder, boot);
    RunningDevice device(pid);
    const bool trial = decision.kind == RunKind::kTrial || decision.kind == RunKind::kForcedTrial;
    const long long timeout = std::chrono::milliseconds(options.trial_timeout).count();
    const bool timed_out =
        trial && !device.wait(static_cast<int>(timeout < std::numeric_limits<int>::max() ? timeout : -1));
    if (timed_out) device.kill();
    status = device.end();
    cause = timed_out ? ResetCause::kWatchdog : cause_of(status);
    return true;
  }
};

}  // namespace

RunEnd run_device(const RunOptions& options, TextEvents& events) {
  const DeviceLock lock(options.device_folder);
  if (!lock.exists()) return RunEnd::kFailed;
  if (!lock.held()) return RunEnd::kAlreadyRunning;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  events.hardware("EMULATED", "virtual device " + options.device_folder);
  if (!confinement_available())
    events.hardware("UNCONFINED", "the kernel has no Landlock; the journal is protected by its MAC only");
  PowerCycle cycle{options, events};
  for (std::uint32_t boots = 0; options.boots_max == 0 || boots < options.boots_max; ++boots) {
    MemfdMemory memory;
    Decision decision;
    const Status booted = cycle.power_up_once(memory, decision);
    if (!ok(booted)) {
      events.hardware("ALARM", std::string(describe(booted).name) + ": " + describe(booted).sentence);
      return RunEnd::kNothingBoots;
    }
    int status = 0;
    if (!cycle.run_image(memory, decision, status)) return RunEnd::kFailed;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kExitPowerOff) {
      events.hardware("POWER_OFF", "by the operator");
      return RunEnd::kPoweredOff;
    }
    events.hardware("RESET", std::string(reset_cause_name(cycle.cause)) + " " + end_text(status));
    if (cycle.cause == ResetCause::kSoftware) usleep(kPauseAfterCrash);
  }
  return RunEnd::kBootLimit;
}

}  // namespace aseptic::boot::host
