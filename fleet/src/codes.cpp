// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/codes.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::fleet {
namespace {

using enum core::ActionClass;

constexpr std::array<core::ErrorInfo, 6> kTable{{
    {801, "fleet.store", kHalt, "The database failed."},
    {802, "fleet.store_version", kHalt, "The database was made by another version of the server."},
    {803, "fleet.listen", kHalt, "The address cannot be listened on."},
    {804, "fleet.configuration", kHalt, "Certificate, key or directory of the server is not usable."},
    {805, "fleet.request", kReject, "A request that the API does not have."},
    {806, "fleet.device_mismatch", kReject, "A report names another device than the certificate of its sender."},
}};

}  // namespace

const core::ErrorInfo& describe(FleetCode code) {
  const auto index = static_cast<std::size_t>(code) - kTable.front().number;
  ASEPTIC_ASSERT(index < kTable.size());
  return kTable[index];
}

std::span<const core::ErrorInfo> fleet_error_table() { return kTable; }

}  // namespace aseptic::fleet
