// SPDX-License-Identifier: Apache-2.0
// What the Unix socket answers: status, log, check, install, return-to-service. Answers are canonical JSON.
#pragma once

#include <string>

#include "apply/command_socket.h"
#include "aseptic/agent/engine.h"

namespace aseptic::agent {

enum class Readiness : std::uint8_t { kReady, kBusy };

std::string answer_command(Engine& engine, platform::Storage& storage, const std::string& command,
                           const LocalCaller& caller, Readiness readiness);

}  // namespace aseptic::agent
