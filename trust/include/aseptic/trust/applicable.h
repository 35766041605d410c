// SPDX-License-Identifier: Apache-2.0
// May this release go onto this device? Every reason to refuse has its own code (MF-01..05, RC-04).
//
// Called by the agent before staging and again before arming, and by fleet for previews. Pure: all facts come in;
// product, jurisdiction and hardware come from signed provisioning, never from the network.
// Thread contract: pure functions.
#pragma once

#include "aseptic/trust/channel.h"
#include "aseptic/trust/release_manifest.h"

namespace aseptic::trust {

struct DeviceComponent {
  core::Uuid id;
  ComponentType type = ComponentType::kImage;
  std::string location;
  std::uint64_t confirmed_sequence = 0;  // 0: nothing confirmed
  core::Digest confirmed_manifest;       // zero: nothing confirmed
  std::uint32_t epoch_floor = 0;
};

struct QuarantinedImage {
  core::Digest manifest_digest;
  std::uint32_t attempt = 1;
};

struct DeviceFacts {
  core::Uuid vendor;
  core::Uuid product;
  core::Uuid device_class;
  core::Uuid hardware;
  std::uint32_t hardware_revision = 0;
  std::string jurisdiction;
  core::Version agent_version;
  std::uint64_t confirmed_sequence = 0;  // of the release; max(boot report, cache)
  std::vector<DeviceComponent> components;
  std::vector<QuarantinedImage> quarantine;
  core::UtcTime now;                     // max(RTC, time floor)
  bool can_attest = false;
  bool can_decrypt = false;
};

// What the selecting statement (channel or director) adds to the release itself.
struct Selection {
  std::uint32_t attempt = 1;
  std::vector<Withdrawal> withdrawn;
};

core::Result<void> applicable(const ReleaseManifest& release, const core::Digest& release_digest,
                              const Selection& selection, const DeviceFacts& device);

// Not in any of the lists; checked again at the moment of arming.
core::Result<void> check_not_withdrawn(const core::Digest& release_digest, const std::vector<Withdrawal>& withdrawn);

}  // namespace aseptic::trust
