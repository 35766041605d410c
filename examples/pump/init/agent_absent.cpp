// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>

#include "pump/init/agent_process.h"

namespace aseptic::pump {

int run_update_agent(const std::string&) {
  std::printf("pump: this build has no update agent; the device is not updatable\n");
  std::fflush(stdout);
  for (;;)
    pause();
}

}  // namespace aseptic::pump
