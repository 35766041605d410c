// SPDX-License-Identifier: Apache-2.0
// Boot's event codes as reason words of the device log: "boot.journal_discarded". The agent may not use boot/core, so
// the table stands here; boot_event_names_test.cpp compares it with boot's own list.
#pragma once

#include <cstdint>
#include <string>

namespace aseptic::agent {

std::string boot_event_reason(std::uint32_t code);  // unknown: "boot.event_<n>"

}  // namespace aseptic::agent
