// SPDX-License-Identifier: Apache-2.0
// DL-04: both halves of the agent stand behind the therapy for the processor and the disk. Called at the start of each.
#pragma once

namespace aseptic::agent {

inline constexpr int kNice = 5;

// Works as well as the system allows; nothing depends on it.
void stand_behind_the_therapy();

}  // namespace aseptic::agent
