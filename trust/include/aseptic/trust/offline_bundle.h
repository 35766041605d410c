// SPDX-License-Identifier: Apache-2.0
// Manifest of an offline bundle (USB stick, air gap): exact metadata versions, its own validity, who may use it.
// Signed by the delegated role `offline`. Format: docs/formats/offline_bundle.md.
// Thread contract: value type and pure functions.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/applicable.h"
#include "aseptic/trust/trusted_metadata.h"

namespace aseptic::trust {

inline constexpr std::string_view kOfflineBundleType = "aseptic-offline-bundle";
inline constexpr std::string_view kOfflineRole = "offline";

struct BundleFile {
  std::string path;  // inside the bundle: metadata/... or targets/...
  std::uint64_t length = 0;
  core::Digest digest;
};

struct OfflineBundle {
  std::vector<std::string> critical;
  core::Uuid product;
  std::string bundle_id;
  core::UtcTime not_before;
  core::UtcTime not_after;
  std::vector<std::string> devices;  // at least one of devices and groups
  std::vector<std::string> groups;
  std::uint64_t root_version = 1;
  std::uint64_t timestamp_version = 1;
  std::uint64_t snapshot_version = 1;
  std::uint64_t targets_version = 1;
  core::Digest release;
  std::uint64_t channel_revision = 0;
  std::vector<Withdrawal> withdrawn;
  std::vector<BundleFile> files;
  Unrecognized unrecognized;

  static core::Result<OfflineBundle> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct BundleContext {
  std::string device;
  std::vector<std::string> groups;
  core::Uuid product;
  std::uint64_t root_version = 0;     // trusted on the device
  std::uint64_t targets_version = 0;  // 0: none yet
  core::UtcTime now;
};

// Older root or targets than trusted: kRollback. Older timestamp or snapshot is allowed for this transaction only.
core::Result<OfflineBundle> verify_offline_bundle(core::ByteView file, const RoleAuthority& offline,
                                                  const BundleContext& context);

// Of two withdrawn lists the one of the newer channel revision.
const std::vector<Withdrawal>& newer_withdrawn(std::uint64_t revision_a, const std::vector<Withdrawal>& a,
                                               std::uint64_t revision_b, const std::vector<Withdrawal>& b);

}  // namespace aseptic::trust
