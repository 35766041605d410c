// SPDX-License-Identifier: Apache-2.0
// Entry points of the agent's processes, for asepticd and for a multi-call image such as examples/pump.
//
// run_agent() is what a supervisor starts: it makes the socket pair, forks acquire and apply, starts both again when
// one dies, and returns when told to stop (SIGTERM) or when its parent dies. run_acquire() and run_apply() are the two
// halves; each confines itself with Landlock and seccomp after it has opened what it needs, and never returns to code
// that expects more rights.
// Return value: process exit status. Threads: none; each half is one loop.
#pragma once

#include <string>

namespace aseptic::agent {

// DEVICE with agent/agent.toml in it. 0: stopped; 1: configuration or start failed (a sentence on stderr);
// 3: another agent already works on this device.
int run_agent(const std::string& device_directory);

// `peer` is this half's end of a SOCK_SEQPACKET pair; it is closed on return.
int run_acquire(const std::string& device_directory, int peer);
int run_apply(const std::string& device_directory, int peer);

// Sends one command ("status", "check", "install", "log", "return-to-service") to the running agent's Unix socket.
// Returns 0 and the answer (canonical JSON) or 1 and a sentence.
int ask_agent(const std::string& device_directory, const std::string& command, std::string& answer);

}  // namespace aseptic::agent
