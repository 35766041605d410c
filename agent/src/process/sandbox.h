// SPDX-License-Identifier: Apache-2.0
// Closes a process of the agent after it has opened what it needs: Landlock for files, seccomp for system calls.
//
// acquire: its own cache folder, the system's resolver files, sockets but no listening one. apply: slots, requests,
// agent folder, run folder, mailbox read-only; of all socket families only AF_UNIX. Both: no program is ever executed, no
// process is traced, nothing is mounted. Security: SECURITY(T-61); a kernel without Landlock is said in the log.
#pragma once

#include <string>
#include <vector>

#include "aseptic/core/result.h"

namespace aseptic::agent {

enum class SandboxRole : std::uint8_t { kAcquire, kApply };

struct SandboxPaths {
  std::vector<std::string> writable;
  std::vector<std::string> readable;
  std::vector<int> readable_handles;  // descriptors (O_PATH), which stay the caller's
};

enum class Landlock : std::uint8_t { kEnforced, kUnavailable };

// No way back; one call per process.
core::Result<Landlock> enter_sandbox(SandboxRole role, const SandboxPaths& paths);

}  // namespace aseptic::agent
