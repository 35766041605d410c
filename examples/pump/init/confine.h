// SPDX-License-Identifier: Apache-2.0
// Landlock for the pump's processes, on top of what boot already took away. Called by init in each child,
// before the child opens anything. Rights that are not listed are gone for the process and all that it
// starts.
#pragma once

#include <string>
#include <vector>

namespace aseptic::pump {

enum class Confinement { kEnforced, kUnavailable, kFailed };

struct AllowedPaths {
  std::vector<std::string> read;
  std::vector<std::string> write;  // read as well
};

/// kUnavailable: the kernel has no Landlock (the caller says so). Paths that do not exist are skipped.
Confinement confine(const AllowedPaths& allowed);

/// Writes permit/, run/, therapy/; reads mailbox/.
AllowedPaths therapy_paths(const std::string& device);
/// SECURITY(T-61): everything the agent needs, and neither permit/ nor therapy/: it can neither arm alone nor
/// sign a lease.
AllowedPaths agent_paths(const std::string& device);

}  // namespace aseptic::pump
