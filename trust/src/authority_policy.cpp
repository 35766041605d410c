// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/authority_policy.h"

#include "aseptic/trust/trusted_metadata.h"
#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::array<std::string_view, 2> kNeeds = {"required", "not-used"};

std::string_view word(Need need) { return kNeeds[static_cast<std::size_t>(need)]; }

core::Result<std::vector<TufKey>> read_provisioning_keys(ObjectReader& reader) {
  std::vector<TufKey> keys;
  if (!reader.has("provisioning_keys")) return keys;
  ASEPTIC_TRY(const core::JsonArray* const list, reader.array("provisioning_keys", kKeysPerRoleMax));
  for (const core::JsonValue& value : *list) {
    ASEPTIC_TRY(TufKey key, TufKey::parse(value));
    if (!key.usable) return reader.error("a provisioning key is of an unknown type or malformed");
    for (const TufKey& other : keys)
      if (other.identity() == key.identity()) return reader.error("a provisioning key is listed twice");
    keys.push_back(std::move(key));
  }
  // A list that names nobody would be a demand that nobody can meet.
  if (keys.empty()) return reader.error("provisioning_keys is empty");
  return keys;
}

core::Result<void> check_one(Need need, bool present, std::string_view what) {
  if (need == Need::kNotUsed || present) return {};
  return core::Error(TrustCode::kStatementMissing,
                     "the authority policy requires a statement of the " + std::string(what) + ", and there is none");
}

}  // namespace

core::Result<AuthorityPolicy> AuthorityPolicy::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, "authority policy", kAuthorityPolicyType));
  AuthorityPolicy policy;
  ASEPTIC_TRY(policy.critical, read_critical(reader));
  ASEPTIC_TRY(policy.product, reader.uuid("product"));
  ASEPTIC_TRY(policy.version, reader.count("version"));
  ASEPTIC_TRY(policy.image_repository, (read_word<Need>(reader, "image_repository", kNeeds)));
  ASEPTIC_TRY(policy.director, (read_word<Need>(reader, "director", kNeeds)));
  ASEPTIC_TRY(policy.site, (read_word<Need>(reader, "site", kNeeds)));
  ASEPTIC_TRY(policy.log, (read_word<Need>(reader, "log", kNeeds)));
  ASEPTIC_TRY(policy.offline_allowed, reader.boolean("offline_allowed"));
  ASEPTIC_TRY(policy.provisioning_keys, read_provisioning_keys(reader));
  if (policy.image_repository != Need::kRequired) return reader.error("the image repository is always required");
  ASEPTIC_TRY_VOID(check_critical(reader, policy.critical));
  policy.unrecognized = reader.rest();
  return policy;
}

core::JsonValue AuthorityPolicy::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kAuthorityPolicyType;
  object["critical"] = encode_texts(critical);
  object["product"] = product.text();
  object["version"] = number(version);
  object["image_repository"] = word(image_repository);
  object["director"] = word(director);
  object["site"] = word(site);
  object["log"] = word(log);
  object["offline_allowed"] = offline_allowed;
  if (!provisioning_keys.empty()) {
    core::JsonArray keys;
    for (const TufKey& key : provisioning_keys) keys.push_back(key.encode());
    object["provisioning_keys"] = std::move(keys);
  }
  return object;
}

core::Result<AuthorityPolicy> verify_authority_policy(core::ByteView file, const Root& root) {
  ASEPTIC_TRY(const core::JsonValue part,
              open_statement(file, kAuthorityPolicyType, root.authority(kRootRole), kStatementBytesMax));
  return AuthorityPolicy::parse(part);
}

core::Result<AuthorityPolicy> verify_provisioned_policy(core::ByteView file, core::ByteView provisioned_root) {
  ASEPTIC_TRY(const TrustedMetadata provisioned, TrustedMetadata::from_root(provisioned_root));
  return verify_authority_policy(file, provisioned.root());
}

core::Result<void> check_statements(const AuthorityPolicy& policy, const StatementsPresent& present) {
  // SECURITY(T-32): a statement that is left out is a refusal, not a smaller policy.
  ASEPTIC_TRY_VOID(check_one(policy.image_repository, present.image_repository, "image repository"));
  ASEPTIC_TRY_VOID(check_one(policy.director, present.director, "director"));
  ASEPTIC_TRY_VOID(check_one(policy.site, present.site, "site"));
  return check_one(policy.log, present.log, "release log");
}

}  // namespace aseptic::trust
