// SPDX-License-Identifier: Apache-2.0
// Compares what agent.toml says about this device with its signed provisioning attributes.
//
// The engine asks at each look for a release and before the first write of an install; the file is read each time. Without
// provisioning keys in the authority policy there is nothing to compare with. An error means: no release is for this device.
#pragma once

#include "aseptic/agent/config.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

struct ProvisionedTrust {
  core::Bytes policy;  // authority policy; empty: none
  core::Bytes root;    // the root file that signed it
};

inline constexpr std::string_view kAttributesFile = "provisioning_attributes.json";

core::Result<void> check_device_attributes(platform::Storage& state, const DeviceConfig& device, const ProvisionedTrust& trust);

}  // namespace aseptic::agent
