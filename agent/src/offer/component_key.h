// SPDX-License-Identifier: Apache-2.0
// By which key a component's boot reports are judged: the one that the factory certified for this device and component, when the
// authority policy names factories; else the key that was listed at provisioning (development).
//
// The apply process asks once, at its start. An error means that no report of the component is believed: it is then as if the
// component did not answer, and main and therapy are not touched.
#pragma once

#include "aseptic/agent/config.h"
#include "aseptic/platform/storage.h"
#include "aseptic/trust/boot_key.h"
#include "offer/device_attributes.h"

namespace aseptic::agent {

inline constexpr std::string_view kBootKeyFile = "component_boot_key.json";

// `listed_pem`: the content of component.boot_key, which only a policy without factories lets count.
core::Result<trust::BootKey> component_boot_key(platform::Storage& state, const Config& config, const ProvisionedTrust& trust,
                                                const core::Result<std::string>& listed_pem);

}  // namespace aseptic::agent
