// SPDX-License-Identifier: Apache-2.0
// The parent of a virtual device: power-up, run the verified copy, map its end to a reset cause, again.
// Exit of the device's first process: 82 = commanded reset, 83 = power off wanted by the operator, anything
// else = software reset; a trial that does not end in time = watchdog. Boot killed = power cut: the children
// die with it. EMULATED: every run says so in its first event line.
#pragma once
#include <chrono>
#include <string>

#include "aseptic/boot/host/text_events.h"

namespace aseptic::boot::host {

inline constexpr int kExitCommandedReset = 82;
inline constexpr int kExitPowerOff = 83;
inline constexpr std::uint32_t kBootVersion = 1;

struct RunOptions {
  std::string device_folder;
  std::uint32_t boots_max = 0;              // 0 = no limit
  std::chrono::seconds trial_timeout{120};  // watchdog of a trial
};

enum class RunEnd { kPoweredOff, kBootLimit, kNothingBoots, kAlreadyRunning, kFailed };

RunEnd run_device(const RunOptions& options, TextEvents& events);

}  // namespace aseptic::boot::host
