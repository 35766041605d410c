// SPDX-License-Identifier: Apache-2.0
// TUF metadata as the publisher edits it: a JSON document with signatures, unknown fields kept.
//
// Called by repository, signing_file, review, lint. What a client may believe is decided in trust, not here; the
// checks of this file protect the publisher's own steps (thresholds before publication, who may sign).
// Security: signatures count by distinct public key, never by key id (T-04).
// Thread contract: value types.
#pragma once

#include <map>

#include "aseptic/core/json.h"
#include "aseptic/core/public_key.h"
#include "aseptic/core/utc_time.h"

namespace aseptic::publish {

inline constexpr std::string_view kSpecVersion = "1.0.34";

// The public half as TUF metadata carries it, and its id: SHA-256 of the canonical form of that object.
core::JsonValue key_object(const core::PublicKey& key);
core::Result<core::PublicKey> read_key_object(const core::JsonValue& object);
std::string key_id(const core::PublicKey& key);

// Who may sign for a role.
struct RoleKeys {
  std::map<std::string, core::PublicKey, std::less<>> keys;  // by key id
  std::size_t threshold = 0;

  // The id under which the role knows this key.
  [[nodiscard]] const std::string* id_of(const core::PublicKey& key) const;
  [[nodiscard]] std::size_t distinct_keys() const;
};

struct Document {
  core::JsonValue signed_part;      // an object with _type, version, expires, ...
  core::JsonArray signatures;       // {keyid, sig}

  static core::Result<Document> parse(core::ByteView file);
  static core::Result<Document> from_json(const core::JsonValue& value);
  [[nodiscard]] core::JsonValue to_json() const;
  [[nodiscard]] std::string file_text() const;  // what is published: indented JSON that every TUF client reads
  [[nodiscard]] std::string signed_bytes() const;

  [[nodiscard]] std::string type() const;
  [[nodiscard]] std::uint64_t version() const;
  [[nodiscard]] core::Result<core::UtcTime> expires() const;
  void set_version(std::uint64_t version);
  void set_expires(core::UtcTime time);

  core::JsonObject& fields() { return *signed_part.as_object(); }
  [[nodiscard]] const core::JsonObject& fields() const { return *signed_part.as_object(); }

  // Adds a signature; replaces an older one of the same id.
  void add_signature(std::string_view id, core::ByteView signature);
};

// A document and the role that it is for; the document itself does not say it.
struct Edition {
  std::string role;  // "root", "targets" or a delegated role
  Document document;
};

// The role's keys as root or a delegating targets document lists them. Refuses a threshold that is below one or
// cannot be met, ids without key, and one key under two ids (KM-02).
core::Result<RoleKeys> top_level_keys(const Document& root, std::string_view role);
core::Result<RoleKeys> delegated_keys(const Document& delegator, std::string_view role);

// Key ids whose signature over the document is valid, one per distinct public key.
std::vector<std::string> valid_signers(const Document& document, const RoleKeys& role);
core::Result<void> check_threshold(const Document& document, const RoleKeys& role, std::string_view what);

// A name that is one path component in file names and URLs: role names, key labels.
core::Result<void> check_role_name(std::string_view name);
// Relative, "/"-separated components of [A-Za-z0-9._-], none of them "." or "..", none empty.
core::Result<void> check_target_path(std::string_view path);

}  // namespace aseptic::publish
