// SPDX-License-Identifier: Apache-2.0
// TUF 1.0 metadata as values: what the publisher writes and what verification reads.
// Format: docs/formats/tuf.md.
//
// parse() checks shape and rules that need no keys (spec version, type, thresholds, unique key ids); it proves
// nothing about origin: only TrustedMetadata and TargetSearch do. Unknown fields are kept and encoded again.
// encode() gives the `signed` part; envelope.h adds signatures.
// Thread contract: value types.
#pragma once

#include <array>

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/tuf_key.h"

namespace aseptic::trust {

inline constexpr std::string_view kTufSpecVersion = "1.0.34";

inline constexpr std::string_view kRootRole = "root";
inline constexpr std::string_view kTimestampRole = "timestamp";
inline constexpr std::string_view kSnapshotRole = "snapshot";
inline constexpr std::string_view kTargetsRole = "targets";

// Fields that every role has.
struct MetadataHeader {
  std::string spec_version = std::string(kTufSpecVersion);
  std::uint64_t version = 1;
  core::UtcTime expires;
};

struct Root : MetadataHeader {
  bool consistent_snapshot = true;
  KeyMap keys;
  std::map<std::string, RoleKeys, std::less<>> roles;  // the four top-level roles are always there
  core::JsonObject unrecognized;

  static core::Result<Root> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
  [[nodiscard]] RoleAuthority authority(std::string_view role) const;  // role: one of the four
};

// Hashes that TUF metadata may list; others are ignored, at least one of these two must be there where one is needed.
struct Hashes {
  std::optional<core::Digest> sha256;
  std::optional<std::array<std::uint8_t, 64>> sha512;

  [[nodiscard]] bool any() const { return sha256 || sha512; }
  [[nodiscard]] core::JsonValue encode() const;
  bool operator==(const Hashes&) const = default;
};

// One entry of snapshot or timestamp: length and hashes are optional there.
struct MetaFile {
  std::uint64_t version = 1;
  std::optional<std::uint64_t> length;
  Hashes hashes;

  [[nodiscard]] core::JsonValue encode() const;
  bool operator==(const MetaFile&) const = default;
};

struct Timestamp : MetadataHeader {
  MetaFile snapshot;
  std::optional<core::UtcTime> issued;  // ours: when the repository signed it; the source of the time floor
  core::JsonObject unrecognized;

  static core::Result<Timestamp> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct Snapshot : MetadataHeader {
  std::map<std::string, MetaFile, std::less<>> meta;  // by role name, without ".json"
  core::JsonObject unrecognized;

  static core::Result<Snapshot> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

struct TargetEntry {
  std::uint64_t length = 0;
  Hashes hashes;
  std::optional<core::JsonValue> custom;
  core::JsonObject unrecognized;

  static core::Result<TargetEntry> parse(std::string_view path, const core::JsonValue& value);
  [[nodiscard]] core::JsonValue encode() const;
};

// Which target paths a delegated role may speak for: exactly one of the two lists.
struct PathRule {
  std::vector<std::string> paths;               // patterns: '*' and '?' never cross '/'
  std::vector<std::string> path_hash_prefixes;  // of the hexadecimal SHA-256 of the path
  bool by_hash = false;

  [[nodiscard]] bool covers(std::string_view path) const;
};

struct DelegatedRole {
  std::string name;
  RoleKeys role_keys;
  PathRule rule;
  bool terminating = false;
  core::JsonObject unrecognized;
};

// TAP 15: 2^bit_length roles with one set of keys, chosen by the first bits of the path's SHA-256.
struct SuccinctRoles {
  RoleKeys role_keys;
  std::uint32_t bit_length = 1;
  std::string name_prefix;
  core::JsonObject unrecognized;

  [[nodiscard]] std::uint64_t bins() const { return std::uint64_t{1} << bit_length; }
  [[nodiscard]] std::string bin_name(std::uint64_t bin) const;
  [[nodiscard]] std::string role_for(std::string_view path) const;
  [[nodiscard]] bool has_role(std::string_view name) const;
};

// Exactly one of `roles` and `succinct`.
struct Delegations {
  KeyMap keys;
  std::vector<DelegatedRole> roles;
  std::optional<SuccinctRoles> succinct;
  core::JsonObject unrecognized;

  static core::Result<Delegations> parse(const core::JsonValue& value);
  [[nodiscard]] core::JsonValue encode() const;
  [[nodiscard]] const DelegatedRole* find(std::string_view name) const;
  // Nothing when this delegator does not delegate to `role` (GHSA-77hh-43cm-v8j6: never trust another's list).
  [[nodiscard]] std::optional<RoleAuthority> authority(std::string_view role) const;
};

// A whole targets file as a tree: for publishers. Clients use TargetSearch, which needs no tree.
struct Targets : MetadataHeader {
  std::map<std::string, TargetEntry, std::less<>> targets;
  std::optional<Delegations> delegations;
  core::JsonObject unrecognized;

  static core::Result<Targets> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;
};

// '*' is any run and '?' any one character, neither crosses '/'; everything else stands for itself.
bool matches_pattern(std::string_view pattern, std::string_view path);

}  // namespace aseptic::trust
