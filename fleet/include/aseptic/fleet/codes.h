// SPDX-License-Identifier: Apache-2.0
// Error codes of fleet (8xx). What a report is worth, trust says (2xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::fleet {

enum class FleetCode : std::uint16_t {
  kStore = 801,           // the database failed
  kStoreVersion = 802,    // the database was made by another version
  kListen = 803,          // the address cannot be listened on
  kConfiguration = 804,   // certificate, key or directory of the server is not usable
  kRequest = 805,         // a request that the API does not have
  kDeviceMismatch = 806,  // a report names another device than the certificate of its sender
};

const core::ErrorInfo& describe(FleetCode code);
std::span<const core::ErrorInfo> fleet_error_table();

}  // namespace aseptic::fleet
