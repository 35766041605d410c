// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/boot_key.h"

#include "aseptic/trust/limits.h"
#include "aseptic/trust/statement.h"
#include "provisioning_authority.h"
#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kName = "boot key";

core::Result<core::PublicKey> read_key(const ObjectReader& reader, core::ByteView spki) {
  const auto key = core::PublicKey::from_spki(spki);
  if (!key || key->algorithm() != core::KeyAlgorithm::kEcdsaP256) return reader.error("key is no P-256 key");
  if (!std::ranges::equal(key->spki(), spki)) return reader.error("key is not in its one encoding");
  return *key;
}

}  // namespace

core::Result<BootKeyStatement> BootKeyStatement::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, kName, kBootKeyType));
  BootKeyStatement out;
  ASEPTIC_TRY(out.critical, read_critical(reader));
  ASEPTIC_TRY(out.device, reader.text("device"));
  ASEPTIC_TRY_VOID(check_identifier(out.device, "device"));
  ASEPTIC_TRY(out.product, reader.uuid("product"));
  ASEPTIC_TRY(out.component, reader.uuid("component"));
  ASEPTIC_TRY(out.boot_id, reader.uuid("boot_id"));
  ASEPTIC_TRY(out.boot_digest, reader.digest("boot_digest"));
  ASEPTIC_TRY(out.life_cycle, reader.text("life_cycle"));
  if (out.life_cycle != "dev" && out.life_cycle != "prod") return reader.error("life_cycle is neither dev nor prod");
  ASEPTIC_TRY(out.key, reader.hex("key"));
  ASEPTIC_TRY(const core::PublicKey key, read_key(reader, out.key));
  static_cast<void>(key);
  ASEPTIC_TRY_VOID(check_critical(reader, out.critical));
  out.unrecognized = reader.rest();
  return out;
}

core::JsonValue BootKeyStatement::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kBootKeyType;
  object["critical"] = encode_texts(critical);
  object["device"] = device;
  object["product"] = product.text();
  object["component"] = component.text();
  object["boot_id"] = boot_id.text();
  object["boot_digest"] = boot_digest.hex();
  object["life_cycle"] = life_cycle;
  object["key"] = core::to_hex(key);
  return object;
}

core::Result<BootKey> verify_boot_key(core::ByteView file, const AuthorityPolicy& policy, std::string_view device) {
  const ProvisioningAuthority factory(policy);
  ASEPTIC_TRY(const core::JsonValue part, open_statement(file, kBootKeyType, factory.authority(), kStatementBytesMax));
  ASEPTIC_TRY(BootKeyStatement statement, BootKeyStatement::parse(part));
  // SECURITY(T-56): a genuine statement of another device makes its processor not this one's.
  if (statement.device != device)
    return core::Error(TrustCode::kWrongDevice, std::string(kName) + ": is that of device " + quoted(statement.device));
  if (statement.product != policy.product)
    return core::Error(TrustCode::kWrongProduct, std::string(kName) + ": is for product " + statement.product.text());
  ASEPTIC_TRY(core::PublicKey key, core::PublicKey::from_spki(statement.key));
  return BootKey(std::move(key), std::move(statement), std::string(core::as_text(file)));
}

}  // namespace aseptic::trust
