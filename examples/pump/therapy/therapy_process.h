// SPDX-License-Identifier: Apache-2.0
// The therapy process of the virtual device: sockets and loop around Therapy. Called by init in its own
// process, already confined. Fails closed: without therapy key, boot report or PERMIT cell it reports the
// reason and exits with 1, so that no therapy, lease or hold exists.
#pragma once

#include <string>

namespace aseptic::pump {

/// DEVICE/run/therapy.sock (agent), DEVICE/run/panel.sock (operator). Returns the process's exit status.
int run_therapy(const std::string& device);

}  // namespace aseptic::pump
