// SPDX-License-Identifier: Apache-2.0
// The device's first process: starts the therapy process and the update agent, each confined, and starts
// again what was killed. Ends with 82 when the therapy process commanded a reset, with 83 when the operator
// switched off; everything else that ends it counts as a crash of the device (boot: software reset).
// Invariant: no process of the device outlives it (parent-death signal, and init takes orphans in and ends
// them).
#pragma once

#include <string>

namespace aseptic::pump {

int run_init(const std::string& device);

}  // namespace aseptic::pump
