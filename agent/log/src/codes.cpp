// SPDX-License-Identifier: Apache-2.0
#include "aseptic/device_log/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::device_log {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 6> kTable{{
    {771, "log.format", kReject, "A line of the device log is not a record."},
    {772, "log.edited", kReject, "A record of the device log was changed: the hash chain breaks there."},
    {773, "log.reordered", kReject, "Records of the device log are missing, repeated or out of order."},
    {774, "log.truncated", kReject, "The device log is shorter than what was acknowledged or sealed."},
    {775, "log.forked", kReject, "The device log continues from another record than the acknowledged one."},
    {776, "log.checkpoint", kReject, "A checkpoint contradicts the chain or was not signed by this device."},
}};

}  // namespace

const core::ErrorInfo& describe(LogCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> log_error_table() { return kTable; }

}  // namespace aseptic::device_log
