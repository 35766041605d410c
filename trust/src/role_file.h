// SPDX-License-Identifier: Apache-2.0
// The one function that verifies a role file, top-level or delegated, for TrustedMetadata and TargetSearch.
#pragma once

#include "aseptic/trust/envelope.h"
#include "aseptic/trust/metadata.h"

namespace aseptic::trust {

struct RoleFileRules {
  RoleAuthority authority;
  const MetaFile* listed = nullptr;  // what the parent (timestamp or snapshot) says; null for root and timestamp
  std::size_t bytes_max = 0;
};

// Length and hashes first, then the envelope, then the threshold. Returns the fingerprints of the signers.
core::Result<std::vector<core::Digest>> verify_role_file(core::ByteView file, const RoleFileRules& rules);

// The version is exactly the listed one, and the file had not expired when the update started.
core::Result<void> check_version(const MetadataHeader& header, std::string_view role, std::uint64_t listed);
core::Result<void> check_unexpired(const MetadataHeader& header, std::string_view role, core::UtcTime update_start);

// Length and every listed hash that this client knows.
core::Result<void> check_hashes(const Hashes& hashes, core::ByteView bytes, std::string_view what);

}  // namespace aseptic::trust
