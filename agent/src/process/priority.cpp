// SPDX-License-Identifier: Apache-2.0
#include "process/priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace aseptic::agent {
namespace {

// linux/ioprio.h is younger than the headers of this system.
constexpr int kWhoProcess = 1;
constexpr int kBestEffortLast = (2 << 13) | 7;

}  // namespace

void stand_behind_the_therapy() {
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));
  static_cast<void>(::syscall(SYS_ioprio_set, kWhoProcess, 0, kBestEffortLast));
}

}  // namespace aseptic::agent
