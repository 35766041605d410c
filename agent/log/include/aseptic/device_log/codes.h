// SPDX-License-Identifier: Apache-2.0
// Error codes of the device log's verification (77x, a part of agent's 7xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::device_log {

enum class LogCode : std::uint16_t {
  kFormat = 771,      // a line is not a record
  kEdited = 772,      // a record does not fit the hash chain
  kReordered = 773,   // record numbers do not follow each other
  kTruncated = 774,   // the log is shorter than what was acknowledged or sealed
  kForked = 775,      // another record stands where an acknowledged one stood
  kCheckpoint = 776,  // a checkpoint or seal contradicts the chain or is not signed by this device
};

const core::ErrorInfo& describe(LogCode code);
std::span<const core::ErrorInfo> log_error_table();

}  // namespace aseptic::device_log
