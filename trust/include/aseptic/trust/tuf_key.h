// SPDX-License-Identifier: Apache-2.0
// Keys and role definitions as TUF metadata writes them, and their counting rules.
//
// A key whose type or scheme this client does not know, or whose value is malformed (short Ed25519 key, wrong curve,
// RSA below 2048 bits), is kept for the canonical form and never counted.
// A threshold counts distinct PUBLIC KEYS (SubjectPublicKeyInfo), never key ids: one key under two ids is one key.
// Key ids are names only; they need not be the hash of the key (TAP 12).
// Thread contract: value types.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aseptic/core/json.h"
#include "aseptic/core/public_key.h"
#include "aseptic/core/trusted.h"

namespace aseptic::trust {

using KeyId = std::string;

struct TufKey {
  std::string keytype;                     // "ed25519", "ecdsa", "ecdsa-sha2-nistp256", "rsa", or unknown
  std::string scheme;                      // "ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256", or unknown
  core::JsonObject keyval;                 // {"public": ...}
  core::JsonObject unrecognized;           // kept for the canonical form
  std::optional<core::PublicKey> usable;   // nothing when this client cannot verify with it

  static TufKey from_public_key(const core::PublicKey& key);
  static core::Result<TufKey> parse(const core::JsonValue& value);
  [[nodiscard]] core::JsonValue encode() const;
  // SHA-256 of the canonical form: what publish uses as key id.
  [[nodiscard]] KeyId default_id() const;
  // What makes two keys the same key: the SPKI, or for unknown types the canonical keyval.
  [[nodiscard]] std::string identity() const;
};

using KeyMap = std::map<KeyId, TufKey, std::less<>>;

struct RoleKeys {
  std::vector<KeyId> keyids;  // unique, in the order of the file
  std::uint32_t threshold = 1;
  core::JsonObject unrecognized;

  bool operator==(const RoleKeys&) const = default;
};

// The number of distinct public keys among the role's key ids that `keys` holds.
std::size_t distinct_keys(const RoleKeys& role, const KeyMap& keys);

// Who must have signed: what a delegator (root, or a targets role) says about one role.
struct RoleAuthority {
  std::string role;
  const KeyMap* keys = nullptr;      // borrowed from the delegator
  const RoleKeys* role_keys = nullptr;
};

}  // namespace aseptic::trust
