// SPDX-License-Identifier: Apache-2.0
// Parsing and encoding of TUF metadata, in the order of the types in metadata.h. Path rules: path_rules.cpp.
#include "aseptic/trust/metadata.h"

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/trust/limits.h"
#include "metadata_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::array<std::string_view, 4> kTopLevelRoles = {kRootRole, kTimestampRole, kSnapshotRole, kTargetsRole};
constexpr std::string_view kJsonSuffix = ".json";

bool is_top_level(std::string_view name) { return std::ranges::find(kTopLevelRoles, name) != kTopLevelRoles.end(); }

bool is_spec_version_1(std::string_view text) {
  if (!text.starts_with("1.") || text.size() < 3 || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

core::JsonObject encode_header(std::string_view type, const MetadataHeader& header, const core::JsonObject& unrecognized) {
  core::JsonObject object = unrecognized;
  object["_type"] = type;
  object["spec_version"] = header.spec_version;
  object["version"] = static_cast<std::int64_t>(header.version);
  object["expires"] = core::format_utc(header.expires);
  return object;
}

core::Result<KeyMap> parse_keys(const core::JsonObject& object) {
  KeyMap keys;
  for (const auto& [id, value] : object) {
    if (id.size() > kKeyIdBytesMax) return core::Error(TrustCode::kFormat, "a key id is longer than allowed");
    ASEPTIC_TRY(TufKey key, TufKey::parse(value).within("key id " + quoted(id)));
    keys.emplace(id, std::move(key));
  }
  return keys;
}

core::JsonValue encode_keys(const KeyMap& keys) {
  core::JsonObject object;
  for (const auto& [id, key] : keys) object.emplace(id, key.encode());
  return object;
}

// Reads keyids and threshold; what else the reader's object holds is the caller's.
core::Result<RoleKeys> parse_role_keys(ObjectReader& reader) {
  RoleKeys role;
  ASEPTIC_TRY(role.keyids, reader.texts("keyids", kKeysPerRoleMax));
  ASEPTIC_TRY(role.threshold, reader.count32("threshold"));
  std::vector<KeyId> sorted = role.keyids;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return reader.error("a key id is listed twice");
  if (role.threshold < 1) return core::Error(TrustCode::kBadThreshold, reader.error("threshold is below 1").sentence());
  return role;
}

core::Result<void> check_reachable(const RoleKeys& role, const KeyMap& keys, std::string_view name) {
  if (role.threshold <= distinct_keys(role, keys)) return {};
  return core::Error(TrustCode::kBadThreshold, "role " + quoted(name) + " has threshold " + std::to_string(role.threshold) +
                                                   " and only " + std::to_string(distinct_keys(role, keys)) +
                                                   " distinct keys");
}

void encode_role_keys(core::JsonObject& object, const RoleKeys& role) {
  core::JsonArray ids;
  for (const KeyId& id : role.keyids) ids.push_back(id);
  object["keyids"] = std::move(ids);
  object["threshold"] = static_cast<std::int64_t>(role.threshold);
}

core::Result<Hashes> parse_hashes(const core::JsonObject& object) {
  Hashes hashes;
  for (const auto& [name, value] : object) {
    const std::string* text = value.as_string();
    if (!text) return core::Error(TrustCode::kFormat, "hash " + quoted(name) + " is not a string");
    if (name != "sha256" && name != "sha512") continue;
    const auto bytes = core::from_hex(*text);
    if (!bytes || bytes->size() != (name == "sha256" ? 32U : 64U))
      return core::Error(TrustCode::kFormat, "hash " + quoted(name) + " does not have the length of its algorithm");
    if (name == "sha256")
      std::ranges::copy(*bytes, hashes.sha256.emplace().bytes.begin());
    else
      std::ranges::copy(*bytes, hashes.sha512.emplace().begin());
  }
  return hashes;
}

core::Result<DelegatedRole> parse_delegated_role(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "delegated role", TrustCode::kDelegation));
  DelegatedRole role;
  ASEPTIC_TRY(role.name, reader.text("name"));
  if (role.name.empty() || is_top_level(role.name))
    return reader.error("the name " + quoted(role.name) + " is empty or belongs to a top-level role");
  ASEPTIC_TRY(role.role_keys, parse_role_keys(reader));
  ASEPTIC_TRY(role.terminating, reader.boolean("terminating"));
  role.rule.by_hash = reader.has("path_hash_prefixes");
  if (role.rule.by_hash == reader.has("paths"))
    return reader.error("needs exactly one of \"paths\" and \"path_hash_prefixes\"");
  if (role.rule.by_hash) {
    ASEPTIC_TRY(role.rule.path_hash_prefixes, reader.texts("path_hash_prefixes", kTargetsBytesMax));
  } else {
    ASEPTIC_TRY(role.rule.paths, reader.texts("paths", kTargetsBytesMax));
  }
  role.unrecognized = reader.rest();
  return role;
}

core::Result<SuccinctRoles> parse_succinct(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "succinct_roles", TrustCode::kDelegation));
  SuccinctRoles succinct;
  ASEPTIC_TRY(succinct.role_keys, parse_role_keys(reader));
  ASEPTIC_TRY(succinct.bit_length, reader.count32("bit_length"));
  ASEPTIC_TRY(succinct.name_prefix, reader.text("name_prefix"));
  if (succinct.bit_length < 1 || succinct.bit_length > kBinBitLengthMax)
    return reader.error("bit_length is not between 1 and " + std::to_string(kBinBitLengthMax));
  if (succinct.name_prefix.empty()) return reader.error("name_prefix is empty");
  succinct.unrecognized = reader.rest();
  return succinct;
}

core::JsonArray text_array(const std::vector<std::string>& texts) {
  core::JsonArray array;
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

}  // namespace

core::Result<MetadataHeader> parse_header(ObjectReader& reader, std::string_view type) {
  MetadataHeader header;
  ASEPTIC_TRY(const std::string written_type, reader.text("_type"));
  if (written_type != type)
    return core::Error(TrustCode::kWrongType, "the file is of type " + quoted(written_type) + ", not " + quoted(type));
  ASEPTIC_TRY(header.spec_version, reader.text("spec_version"));
  if (!is_spec_version_1(header.spec_version))
    return core::Error(TrustCode::kSpecVersion, "spec_version " + quoted(header.spec_version) + " is not 1.x");
  ASEPTIC_TRY(header.version, reader.count("version"));
  if (header.version < 1) return reader.error("version is below 1");
  ASEPTIC_TRY(header.expires, reader.time("expires"));
  return header;
}

core::Result<MetaFile> parse_meta_file(const core::JsonValue& value, std::string_view name) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "entry " + quoted(name), TrustCode::kFormat));
  MetaFile file;
  ASEPTIC_TRY(file.version, reader.count("version"));
  if (file.version < 1) return reader.error("version is below 1");
  if (reader.has("length")) {
    ASEPTIC_TRY(file.length, reader.count("length"));
  }
  if (reader.has("hashes")) {
    ASEPTIC_TRY(const core::JsonObject* const listed, reader.object("hashes"));
    ASEPTIC_TRY(file.hashes, parse_hashes(*listed));
    if (!file.hashes.any()) return reader.error("lists no hash that can be checked");
  }
  return file;
}

core::Result<std::string> role_of_file_name(std::string_view name) {
  if (name.size() <= kJsonSuffix.size() || !name.ends_with(kJsonSuffix))
    return core::Error(TrustCode::kFormat, "entry " + quoted(name) + " does not end in .json");
  return std::string(name.substr(0, name.size() - kJsonSuffix.size()));
}

core::JsonValue Hashes::encode() const {
  core::JsonObject object;
  if (sha256) object.emplace("sha256", sha256->hex());
  if (sha512) object.emplace("sha512", core::to_hex(*sha512));
  return object;
}

core::JsonValue MetaFile::encode() const {
  core::JsonObject object{{"version", static_cast<std::int64_t>(version)}};
  if (length) object.emplace("length", static_cast<std::int64_t>(*length));
  if (hashes.any()) object.emplace("hashes", hashes.encode());
  return object;
}

core::Result<Root> Root::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(signed_part, "root", TrustCode::kFormat));
  Root root;
  ASEPTIC_TRY(static_cast<MetadataHeader&>(root), parse_header(reader, kRootRole));
  if (reader.has("consistent_snapshot")) {
    ASEPTIC_TRY(root.consistent_snapshot, reader.boolean("consistent_snapshot"));
  } else {
    root.consistent_snapshot = false;  // the specification's meaning of a missing field
  }
  ASEPTIC_TRY(const core::JsonObject* const keys, reader.object("keys"));
  ASEPTIC_TRY(root.keys, parse_keys(*keys));
  ASEPTIC_TRY(const core::JsonObject* const roles, reader.object("roles"));
  for (const auto& [name, value] : *roles) {
    ASEPTIC_TRY(ObjectReader role_reader, ObjectReader::of(value, "role " + quoted(name), TrustCode::kFormat));
    ASEPTIC_TRY(RoleKeys role, parse_role_keys(role_reader));
    role.unrecognized = role_reader.rest();
    root.roles.emplace(name, std::move(role));
  }
  for (const std::string_view name : kTopLevelRoles)
    if (!root.roles.contains(name)) return reader.error("role " + quoted(name) + " is missing");
  // For the other three an unreachable threshold stops that role when it is used (verify_signatures), not the root
  // chain: the next root is how a repository repairs it.
  ASEPTIC_TRY_VOID(check_reachable(root.roles.find(kRootRole)->second, root.keys, kRootRole));
  root.unrecognized = reader.rest();
  return root;
}

core::JsonValue Root::encode() const {
  core::JsonObject object = encode_header(kRootRole, *this, unrecognized);
  object["consistent_snapshot"] = consistent_snapshot;
  object["keys"] = encode_keys(keys);
  core::JsonObject encoded;
  for (const auto& [name, role] : roles) {
    core::JsonObject one = role.unrecognized;
    encode_role_keys(one, role);
    encoded.emplace(name, std::move(one));
  }
  object["roles"] = std::move(encoded);
  return object;
}

RoleAuthority Root::authority(std::string_view role) const {
  const auto at = roles.find(role);
  ASEPTIC_ASSERT(at != roles.end());
  return {.role = at->first, .keys = &keys, .role_keys = &at->second};
}

core::Result<Timestamp> Timestamp::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(signed_part, "timestamp", TrustCode::kFormat));
  Timestamp timestamp;
  ASEPTIC_TRY(static_cast<MetadataHeader&>(timestamp), parse_header(reader, kTimestampRole));
  ASEPTIC_TRY(const core::JsonObject* const meta, reader.object("meta"));
  const auto at = meta->find("snapshot.json");
  if (at == meta->end()) return reader.error("meta does not list snapshot.json");
  ASEPTIC_TRY(timestamp.snapshot, parse_meta_file(at->second, at->first));
  if (reader.has("issued")) {
    ASEPTIC_TRY(timestamp.issued, reader.time("issued"));
  }
  timestamp.unrecognized = reader.rest();
  return timestamp;
}

core::JsonValue Timestamp::encode() const {
  core::JsonObject object = encode_header(kTimestampRole, *this, unrecognized);
  object["meta"] = core::JsonObject{{"snapshot.json", snapshot.encode()}};
  if (issued) object["issued"] = core::format_utc(*issued);
  return object;
}

core::Result<Snapshot> Snapshot::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(signed_part, "snapshot", TrustCode::kFormat));
  Snapshot snapshot;
  ASEPTIC_TRY(static_cast<MetadataHeader&>(snapshot), parse_header(reader, kSnapshotRole));
  ASEPTIC_TRY(const core::JsonObject* const meta, reader.object("meta"));
  for (const auto& [name, value] : *meta) {
    ASEPTIC_TRY(std::string role, role_of_file_name(name));
    ASEPTIC_TRY(MetaFile file, parse_meta_file(value, name));
    snapshot.meta.emplace(std::move(role), file);
  }
  snapshot.unrecognized = reader.rest();
  return snapshot;
}

core::JsonValue Snapshot::encode() const {
  core::JsonObject object = encode_header(kSnapshotRole, *this, unrecognized);
  core::JsonObject files;
  for (const auto& [role, file] : meta) files.emplace(role + std::string(kJsonSuffix), file.encode());
  object["meta"] = std::move(files);
  return object;
}

core::Result<TargetEntry> TargetEntry::parse(std::string_view path, const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "target " + quoted(path), TrustCode::kFormat));
  TargetEntry entry;
  ASEPTIC_TRY(entry.length, reader.count("length"));
  ASEPTIC_TRY(const core::JsonObject* const listed, reader.object("hashes"));
  ASEPTIC_TRY(entry.hashes, parse_hashes(*listed));
  if (!entry.hashes.any()) return reader.error("lists no hash that can be checked");
  if (reader.has("custom")) {
    ASEPTIC_TRY(const core::JsonValue* const custom, reader.value("custom"));
    entry.custom = *custom;
  }
  entry.unrecognized = reader.rest();
  return entry;
}

core::JsonValue TargetEntry::encode() const {
  core::JsonObject object = unrecognized;
  object["length"] = static_cast<std::int64_t>(length);
  object["hashes"] = hashes.encode();
  if (custom) object["custom"] = *custom;
  return object;
}

core::Result<Delegations> Delegations::parse(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "delegations", TrustCode::kDelegation));
  Delegations out;
  ASEPTIC_TRY(const core::JsonObject* const keys, reader.object("keys"));
  ASEPTIC_TRY(out.keys, parse_keys(*keys));
  if (reader.has("roles") == reader.has("succinct_roles"))
    return reader.error("needs exactly one of \"roles\" and \"succinct_roles\"");
  if (reader.has("succinct_roles")) {
    ASEPTIC_TRY(const core::JsonValue* const succinct, reader.value("succinct_roles"));
    ASEPTIC_TRY(out.succinct, parse_succinct(*succinct));
    ASEPTIC_TRY_VOID(check_reachable(out.succinct->role_keys, out.keys, out.succinct->name_prefix));
  } else {
    ASEPTIC_TRY(const core::JsonArray* const roles, reader.array("roles", kTargetsBytesMax));
    std::set<std::string> names;
    for (const core::JsonValue& item : *roles) {
      ASEPTIC_TRY(DelegatedRole role, parse_delegated_role(item));
      if (!names.insert(role.name).second) return reader.error("role " + quoted(role.name) + " is listed twice");
      ASEPTIC_TRY_VOID(check_reachable(role.role_keys, out.keys, role.name));
      out.roles.push_back(std::move(role));
    }
  }
  out.unrecognized = reader.rest();
  return out;
}

core::JsonValue Delegations::encode() const {
  core::JsonObject object = unrecognized;
  object["keys"] = encode_keys(keys);
  if (succinct) {
    core::JsonObject one = succinct->unrecognized;
    encode_role_keys(one, succinct->role_keys);
    one["bit_length"] = static_cast<std::int64_t>(succinct->bit_length);
    one["name_prefix"] = succinct->name_prefix;
    object["succinct_roles"] = std::move(one);
    return object;
  }
  core::JsonArray list;
  for (const DelegatedRole& role : roles) {
    core::JsonObject one = role.unrecognized;
    one["name"] = role.name;
    encode_role_keys(one, role.role_keys);
    one["terminating"] = role.terminating;
    if (role.rule.by_hash)
      one["path_hash_prefixes"] = text_array(role.rule.path_hash_prefixes);
    else
      one["paths"] = text_array(role.rule.paths);
    list.push_back(std::move(one));
  }
  object["roles"] = std::move(list);
  return object;
}

const DelegatedRole* Delegations::find(std::string_view name) const {
  const auto at = std::ranges::find(roles, name, &DelegatedRole::name);
  return at == roles.end() ? nullptr : &*at;
}

std::optional<RoleAuthority> Delegations::authority(std::string_view role) const {
  if (const DelegatedRole* found = find(role))
    return RoleAuthority{.role = std::string(role), .keys = &keys, .role_keys = &found->role_keys};
  if (succinct && succinct->has_role(role))
    return RoleAuthority{.role = std::string(role), .keys = &keys, .role_keys = &succinct->role_keys};
  return std::nullopt;
}

core::Result<Targets> Targets::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(signed_part, "targets", TrustCode::kFormat));
  Targets out;
  ASEPTIC_TRY(static_cast<MetadataHeader&>(out), parse_header(reader, kTargetsRole));
  ASEPTIC_TRY(const core::JsonObject* const listed, reader.object("targets"));
  for (const auto& [path, value] : *listed) {
    ASEPTIC_TRY(TargetEntry entry, TargetEntry::parse(path, value));
    out.targets.emplace(path, std::move(entry));
  }
  if (reader.has("delegations")) {
    ASEPTIC_TRY(const core::JsonValue* const delegations, reader.value("delegations"));
    ASEPTIC_TRY(out.delegations, Delegations::parse(*delegations));
  }
  out.unrecognized = reader.rest();
  return out;
}

core::JsonValue Targets::encode() const {
  core::JsonObject object = encode_header(kTargetsRole, *this, unrecognized);
  core::JsonObject entries;
  for (const auto& [path, entry] : targets) entries.emplace(path, entry.encode());
  object["targets"] = std::move(entries);
  if (delegations) object["delegations"] = delegations->encode();
  return object;
}

}  // namespace aseptic::trust
