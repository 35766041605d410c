// SPDX-License-Identifier: Apache-2.0
// Points in time as signed data writes them: "2026-11-23T05:00:00Z", seconds, UTC, nothing else.
#pragma once

#include <chrono>

#include "aseptic/core/result.h"

namespace aseptic::core {

using UtcTime = std::chrono::sys_seconds;

Result<UtcTime> parse_utc(std::string_view text);
std::string format_utc(UtcTime time);

}  // namespace aseptic::core
