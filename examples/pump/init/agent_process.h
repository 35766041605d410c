// SPDX-License-Identifier: Apache-2.0
// The second half of the device: the update agent. agent_linked.cpp runs the agent library, agent_absent.cpp
// stands in where the build has no agent; CMake chooses.
#pragma once

#include <string>

namespace aseptic::pump {

/// Runs in its own, already confined process; supervises its acquire and apply halves itself. Exit status.
int run_update_agent(const std::string& device);

}  // namespace aseptic::pump
