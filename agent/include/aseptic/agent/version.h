// SPDX-License-Identifier: Apache-2.0
// The agent's own version, compared with a release's minimum agent version.
#pragma once

#include "aseptic/core/version.h"

namespace aseptic::agent {

inline constexpr core::Version kAgentVersion{.major_number = 0, .minor_number = 1, .patch_number = 0};

}  // namespace aseptic::agent
