// SPDX-License-Identifier: Apache-2.0
#include "slots/boot_event_names.h"

#include <array>
#include <string_view>

namespace aseptic::agent {

std::string boot_event_reason(std::uint32_t code) {
  // By number, from 1.
  constexpr std::array<std::string_view, 24> kNames{
      "boot",           "journal_discarded", "default_state",   "journal_damaged",   "degraded",      "confirmed",
      "trial_failed",   "trial_interrupted", "staged",          "request_refused",   "arm_void",      "attempt",
      "auto_revert",    "synced",            "floor_raised",    "keys_revoked",      "generation_burnt", "recovery_written",
      "image_refused",  "boothash",          "last_resort",     "run",               "nothing_boots",
      "debug_open"};
  if (code == 0 || code > kNames.size()) return "boot.event_" + std::to_string(code);
  return "boot." + std::string(kNames[code - 1]);
}

}  // namespace aseptic::agent
