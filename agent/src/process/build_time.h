// SPDX-License-Identifier: Apache-2.0
// The earliest time that it can be: set when the format of this agent was fixed, raised with each release of it. A
// constant and not __DATE__, so that the build stays reproducible.
#pragma once

#include "aseptic/core/utc_time.h"

namespace aseptic::agent {

inline constexpr core::UtcTime kBuildTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 1}};

}  // namespace aseptic::agent
