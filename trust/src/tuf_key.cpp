// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/tuf_key.h"

#include <algorithm>

#include "object_reader.h"

namespace aseptic::trust {
namespace {

// id-RSASSA-PSS (1.2.840.113549.1.1.10): the same modulus under this identifier has another SPKI, so such a key could
// be counted twice.
constexpr std::uint8_t kRsassaPssOid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};

bool has_one_spki(const core::PublicKey& key) {
  switch (key.algorithm()) {
    case core::KeyAlgorithm::kEd25519: return true;
    case core::KeyAlgorithm::kEcdsaP256: return key.p256_point().has_value();  // not the compressed form
    case core::KeyAlgorithm::kRsaPss: return std::ranges::search(key.spki(), kRsassaPssOid).empty();
  }
  return false;
}

std::optional<core::KeyAlgorithm> known_algorithm(const TufKey& key) {
  if (key.keytype == "ed25519" && key.scheme == "ed25519") return core::KeyAlgorithm::kEd25519;
  if ((key.keytype == "ecdsa" || key.keytype == "ecdsa-sha2-nistp256") && key.scheme == "ecdsa-sha2-nistp256")
    return core::KeyAlgorithm::kEcdsaP256;
  if (key.keytype == "rsa" && key.scheme == "rsassa-pss-sha256") return core::KeyAlgorithm::kRsaPss;
  return std::nullopt;
}

core::Result<core::PublicKey> read_public(core::KeyAlgorithm algorithm, const std::string& text) {
  if (algorithm != core::KeyAlgorithm::kEd25519) return core::PublicKey::from_pem(text);
  ASEPTIC_TRY(const core::Bytes raw, core::from_hex(text));
  return core::PublicKey::from_ed25519(raw);
}

std::optional<core::PublicKey> usable_key(const TufKey& key) {
  const auto algorithm = known_algorithm(key);
  const auto at = key.keyval.find("public");
  if (!algorithm || at == key.keyval.end() || !at->second.as_string()) return std::nullopt;
  auto read = read_public(*algorithm, *at->second.as_string());
  if (!read || read->algorithm() != *algorithm || !has_one_spki(*read)) return std::nullopt;
  return std::move(*read);
}

}  // namespace

TufKey TufKey::from_public_key(const core::PublicKey& key) {
  TufKey out;
  switch (key.algorithm()) {
    case core::KeyAlgorithm::kEd25519:
      out.keytype = out.scheme = "ed25519";
      break;
    case core::KeyAlgorithm::kEcdsaP256:
      out.keytype = "ecdsa";
      out.scheme = "ecdsa-sha2-nistp256";
      break;
    case core::KeyAlgorithm::kRsaPss:
      out.keytype = "rsa";
      out.scheme = "rsassa-pss-sha256";
      break;
  }
  const auto raw = key.ed25519_raw();
  out.keyval.emplace("public", raw ? core::to_hex(*raw) : key.pem());
  out.usable = key;
  return out;
}

core::Result<TufKey> TufKey::parse(const core::JsonValue& value) {
  ASEPTIC_TRY(ObjectReader reader, ObjectReader::of(value, "key", TrustCode::kFormat));
  TufKey key;
  ASEPTIC_TRY(key.keytype, reader.text("keytype"));
  ASEPTIC_TRY(key.scheme, reader.text("scheme"));
  ASEPTIC_TRY(const core::JsonObject* const keyval, reader.object("keyval"));
  key.keyval = *keyval;
  key.unrecognized = reader.rest();
  key.usable = usable_key(key);
  return key;
}

core::JsonValue TufKey::encode() const {
  core::JsonObject object = unrecognized;
  object["keytype"] = keytype;
  object["scheme"] = scheme;
  object["keyval"] = keyval;
  return object;
}

KeyId TufKey::default_id() const { return core::sha256(core::canonical_json(encode())).hex(); }

std::string TufKey::identity() const {
  if (usable) return "spki:" + std::string(core::as_text(usable->spki()));
  return "other:" + core::canonical_json(core::JsonObject{{"keytype", keytype}, {"keyval", keyval}});
}

std::size_t distinct_keys(const RoleKeys& role, const KeyMap& keys) {
  std::set<std::string> identities;
  for (const KeyId& id : role.keyids)
    if (const auto key = keys.find(id); key != keys.end()) identities.insert(key->second.identity());
  return identities.size();
}

}  // namespace aseptic::trust
