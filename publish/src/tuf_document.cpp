// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/tuf_document.h"

#include <algorithm>
#include <set>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

constexpr std::size_t kTargetPathMax = 512;
constexpr std::size_t kRoleNameMax = 64;
constexpr std::size_t kRoleKeysMax = 64;

core::Error input(std::string sentence) { return {PublishCode::kInput, std::move(sentence)}; }

bool is_component(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

core::Result<RoleKeys> read_role(const core::JsonObject& all_keys, const core::JsonValue& role, std::string_view name) {
  RoleKeys result;
  ASEPTIC_TRY(const core::JsonArray* ids, role.array_at("keyids"));
  ASEPTIC_TRY(result.threshold, role.count_at("threshold"));
  if (ids->size() > kRoleKeysMax) return input("the role " + std::string(name) + " lists too many keys");
  for (const core::JsonValue& id : *ids) {
    const std::string* text = id.as_string();
    const auto at = text ? all_keys.find(*text) : all_keys.end();
    if (at == all_keys.end()) return input("the role " + std::string(name) + " names a key id that is not in the key list");
    ASEPTIC_TRY(core::PublicKey key, read_key_object(at->second).within("key " + *text));
    // SECURITY(T-04): the same key under two ids would count twice.
    if (result.id_of(key)) return input("the role " + std::string(name) + " lists the same public key twice");
    result.keys.emplace(*text, std::move(key));
  }
  if (result.threshold < 1 || result.threshold > result.keys.size())
    return input("the role " + std::string(name) + " has " + std::to_string(result.keys.size()) + " keys and a threshold of " +
                 std::to_string(result.threshold) + "; the threshold must lie between 1 and the number of keys");
  return result;
}

}  // namespace

core::JsonValue key_object(const core::PublicKey& key) {
  core::JsonObject object;
  switch (key.algorithm()) {
    case core::KeyAlgorithm::kEd25519:
      object["keytype"] = "ed25519";
      object["scheme"] = "ed25519";
      object["keyval"] = core::JsonObject{{"public", core::to_hex(*key.ed25519_raw())}};
      return object;
    case core::KeyAlgorithm::kEcdsaP256:
      object["keytype"] = "ecdsa";
      object["scheme"] = "ecdsa-sha2-nistp256";
      break;
    case core::KeyAlgorithm::kRsaPss:
      object["keytype"] = "rsa";
      object["scheme"] = "rsassa-pss-sha256";
      break;
  }
  object["keyval"] = core::JsonObject{{"public", key.pem()}};
  return object;
}

core::Result<core::PublicKey> read_key_object(const core::JsonValue& object) {
  ASEPTIC_TRY(const std::string scheme, object.string_at("scheme"));
  const core::JsonValue* value = object.find("keyval");
  if (!value) return input("a key has no keyval");
  ASEPTIC_TRY(const std::string text, value->string_at("public"));
  if (scheme == "ed25519") {
    ASEPTIC_TRY(const core::Bytes raw, core::from_hex(text));
    return core::PublicKey::from_ed25519(raw);
  }
  ASEPTIC_TRY(core::PublicKey key, core::PublicKey::from_pem(text));
  const bool matches = (scheme == "ecdsa-sha2-nistp256" && key.algorithm() == core::KeyAlgorithm::kEcdsaP256) ||
                       (scheme == "rsassa-pss-sha256" && key.algorithm() == core::KeyAlgorithm::kRsaPss);
  if (!matches) return input("a key's scheme \"" + scheme + "\" is not supported or does not fit its type");
  return key;
}

std::string key_id(const core::PublicKey& key) { return core::sha256(core::canonical_json(key_object(key))).hex(); }

const std::string* RoleKeys::id_of(const core::PublicKey& key) const {
  const auto at = std::ranges::find_if(keys, [&](const auto& entry) { return entry.second.spki() == key.spki(); });
  return at == keys.end() ? nullptr : &at->first;
}

std::size_t RoleKeys::distinct_keys() const {
  std::set<core::Bytes> distinct;
  for (const auto& [id, key] : keys) distinct.insert(key.spki());
  return distinct.size();
}

core::Result<Document> Document::parse(core::ByteView file) {
  ASEPTIC_TRY(const core::JsonValue value, core::parse_json_value(file, {.bytes_max = 64u << 20}));
  return from_json(value);
}

core::Result<Document> Document::from_json(const core::JsonValue& value) {
  ASEPTIC_TRY(const core::JsonObject* fields, value.object_at("signed"));
  ASEPTIC_TRY(const core::JsonArray* signatures, value.array_at("signatures"));
  Document document{core::JsonValue(*fields), *signatures};
  ASEPTIC_TRY_VOID(document.signed_part.string_at("_type"));
  ASEPTIC_TRY_VOID(document.signed_part.count_at("version"));
  if (fields->contains("expires")) ASEPTIC_TRY_VOID(document.expires());
  for (const core::JsonValue& signature : document.signatures) {
    ASEPTIC_TRY_VOID(signature.string_at("keyid"));
    ASEPTIC_TRY_VOID(signature.string_at("sig"));
  }
  return document;
}

core::JsonValue Document::to_json() const {
  return core::JsonObject{{"signatures", signatures}, {"signed", signed_part}};
}

std::string Document::file_text() const { return core::pretty_json(to_json()); }
std::string Document::signed_bytes() const { return core::canonical_json(signed_part); }
std::string Document::type() const { return signed_part.string_at("_type").value_or(""); }
std::uint64_t Document::version() const { return signed_part.count_at("version").value_or(0); }

core::Result<core::UtcTime> Document::expires() const {
  ASEPTIC_TRY(const std::string text, signed_part.string_at("expires"));
  return core::parse_utc(text);
}

void Document::set_version(std::uint64_t version) { fields()["version"] = static_cast<std::int64_t>(version); }
void Document::set_expires(core::UtcTime time) { fields()["expires"] = core::format_utc(time); }

void Document::add_signature(std::string_view id, core::ByteView signature) {
  std::erase_if(signatures, [&](const core::JsonValue& old) { return old.string_at("keyid").value_or("") == id; });
  signatures.push_back(core::JsonObject{{"keyid", id}, {"sig", core::to_hex(signature)}});
}

core::Result<RoleKeys> top_level_keys(const Document& root, std::string_view role) {
  ASEPTIC_TRY(const core::JsonObject* keys, root.signed_part.object_at("keys"));
  const core::JsonValue* roles = root.signed_part.find("roles");
  const core::JsonValue* entry = roles ? roles->find(role) : nullptr;
  if (!entry) return input("root does not define the role " + std::string(role));
  return read_role(*keys, *entry, role);
}

core::Result<RoleKeys> delegated_keys(const Document& delegator, std::string_view role) {
  const core::JsonValue* delegations = delegator.signed_part.find("delegations");
  const core::JsonValue* keys = delegations ? delegations->find("keys") : nullptr;
  if (!keys || !keys->as_object()) return input("there is no delegation to the role " + std::string(role));
  if (const core::JsonValue* roles = delegations->find("roles"); roles && roles->as_array())
    for (const core::JsonValue& entry : *roles->as_array())
      if (entry.string_at("name").value_or("") == role) return read_role(*keys->as_object(), entry, role);
  if (const core::JsonValue* bins = delegations->find("succinct_roles"))
    if (role.starts_with(bins->string_at("name_prefix").value_or("") + "-")) return read_role(*keys->as_object(), *bins, role);
  return input("there is no delegation to the role " + std::string(role));
}

std::vector<std::string> valid_signers(const Document& document, const RoleKeys& role) {
  const std::string message = document.signed_bytes();
  std::vector<std::string> signers;
  std::set<core::Bytes> counted;
  for (const core::JsonValue& signature : document.signatures) {
    const auto key = role.keys.find(signature.string_at("keyid").value_or(""));
    const auto bytes = core::from_hex(signature.string_at("sig").value_or(""));
    if (key == role.keys.end() || !bytes || !key->second.verify(core::as_bytes(message), *bytes)) continue;
    if (counted.insert(key->second.spki()).second) signers.push_back(key->first);
  }
  return signers;
}

core::Result<void> check_threshold(const Document& document, const RoleKeys& role, std::string_view what) {
  const std::size_t count = valid_signers(document, role).size();
  if (count >= role.threshold) return {};
  return core::Error(PublishCode::kThreshold, std::string(what) + " has " + std::to_string(count) + " of " +
                                                  std::to_string(role.threshold) + " needed signatures");
}

core::Result<void> check_role_name(std::string_view name) {
  if (name.size() <= kRoleNameMax && is_component(name) && name.front() != '.') return {};
  return core::Error(PublishCode::kTargetPath, "the name \"" + std::string(name.substr(0, kRoleNameMax)) +
                                                   "\" may have 1 to 64 letters, digits, '.', '_' and '-' and no '.' at the start");
}

core::Result<void> check_target_path(std::string_view path) {
  const core::Error refused(PublishCode::kTargetPath,
                            "the target path \"" + std::string(path.substr(0, kTargetPathMax)) +
                                "\" must be relative, of letters, digits, '.', '_', '-' and '/', without empty, '.' or '..' parts");
  if (path.empty() || path.size() > kTargetPathMax) return refused;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = path.find('/', start);
    if (!is_component(path.substr(start, end == path.npos ? path.npos : end - start))) return refused;
    if (end == path.npos) return {};
    start = end + 1;
  }
}

}  // namespace aseptic::publish
