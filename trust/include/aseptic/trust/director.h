// SPDX-License-Identifier: Apache-2.0
// Director statement and downgrade token: bound to one device, short-lived; they choose, they never author.
// Formats: docs/formats/director.md, docs/formats/downgrade_token.md.
//
// The director has its own TUF-shaped root (same chain rules as TrustedMetadata); its `targets` role signs statements.
// A downgrade token is signed by the release role's threshold.
// Thread contract: value types and pure functions.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/applicable.h"

namespace aseptic::trust {

inline constexpr std::string_view kDirectorType = "aseptic-director";
inline constexpr std::string_view kDowngradeTokenType = "aseptic-downgrade-token";

struct DirectorStatement {
  std::vector<std::string> critical;
  std::string device;
  std::vector<core::Uuid> components;
  std::uint64_t version = 1;   // monotonic per device
  core::UtcTime issued;
  core::UtcTime expires;
  std::string release_id;
  core::Digest release;
  std::uint64_t sequence = 0;
  std::uint32_t attempt = 1;
  std::vector<Withdrawal> withdrawn;
  Unrecognized unrecognized;

  static core::Result<DirectorStatement> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct DirectorContext {
  std::string device;
  std::vector<core::Uuid> components;   // that the device has
  std::uint64_t version_seen = 0;       // highest accepted so far
  std::uint64_t confirmed_sequence = 0;
  core::UtcTime now;
};

core::Result<DirectorStatement> verify_director(core::ByteView file, const RoleAuthority& director,
                                                const DirectorContext& context);

struct DowngradeToken {
  std::vector<std::string> critical;
  std::string device;
  core::Digest from;  // manifest digests of the main component
  core::Digest to;
  core::Bytes nonce;  // 32 bytes made by the device, consumed by boot
  core::UtcTime issued;
  core::UtcTime not_after;
  std::string reason;
  std::string hazard;  // reference into the risk file
  Unrecognized unrecognized;

  static core::Result<DowngradeToken> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct DowngradeContext {
  std::string device;
  core::Digest from;
  core::Digest to;
  core::Bytes nonce;
  std::uint32_t epoch_to = 0;     // of the image that would run
  std::uint32_t epoch_floor = 0;  // never below
  core::UtcTime now;
};

core::Result<DowngradeToken> verify_downgrade_token(core::ByteView file, const RoleAuthority& release,
                                                    const DowngradeContext& context);

}  // namespace aseptic::trust
