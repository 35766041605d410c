// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/agent.h"
#include "pump/init/agent_process.h"

namespace aseptic::pump {

int run_update_agent(const std::string& device) {
  return agent::run_agent(device);
}

}  // namespace aseptic::pump
