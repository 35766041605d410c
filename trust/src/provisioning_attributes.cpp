// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/provisioning_attributes.h"

#include <algorithm>

#include "aseptic/trust/limits.h"
#include "aseptic/trust/statement.h"
#include "provisioning_authority.h"
#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kName = "provisioning attributes";

core::Result<std::vector<std::string>> read_groups(ObjectReader& reader) {
  ASEPTIC_TRY(std::vector<std::string> groups, reader.texts("groups", kListMax));
  for (auto group = groups.begin(); group != groups.end(); ++group) {
    ASEPTIC_TRY_VOID(check_identifier(*group, "group"));
    if (std::find(groups.begin(), group, *group) != group) return reader.error("a group is listed twice");
  }
  return groups;
}

}  // namespace

core::Result<ProvisioningAttributes> ProvisioningAttributes::parse(const core::JsonValue& signed_part) {
  ASEPTIC_TRY(ObjectReader reader, open_signed(signed_part, kName, kProvisioningAttributesType));
  ProvisioningAttributes out;
  ASEPTIC_TRY(out.critical, read_critical(reader));
  ASEPTIC_TRY(out.device, reader.text("device"));
  ASEPTIC_TRY_VOID(check_identifier(out.device, "device"));
  ASEPTIC_TRY(out.vendor, reader.uuid("vendor"));
  ASEPTIC_TRY(out.product, reader.uuid("product"));
  ASEPTIC_TRY(out.device_class, reader.uuid("class"));
  ASEPTIC_TRY(out.hardware, reader.uuid("hardware"));
  ASEPTIC_TRY(out.hardware_revision, reader.count32("hardware_revision"));
  ASEPTIC_TRY(out.jurisdiction, reader.text("jurisdiction"));
  ASEPTIC_TRY_VOID(check_identifier(out.jurisdiction, "jurisdiction"));
  ASEPTIC_TRY(out.groups, read_groups(reader));
  if (reader.has("site")) {
    ASEPTIC_TRY(out.site, reader.text("site"));
    ASEPTIC_TRY_VOID(check_identifier(out.site, "site"));
  }
  ASEPTIC_TRY_VOID(check_critical(reader, out.critical));
  out.unrecognized = reader.rest();
  return out;
}

core::JsonValue ProvisioningAttributes::encode() const {
  core::JsonObject object = unrecognized;
  object["_type"] = kProvisioningAttributesType;
  object["critical"] = encode_texts(critical);
  object["device"] = device;
  object["vendor"] = vendor.text();
  object["product"] = product.text();
  object["class"] = device_class.text();
  object["hardware"] = hardware.text();
  object["hardware_revision"] = number(hardware_revision);
  object["jurisdiction"] = jurisdiction;
  object["groups"] = encode_texts(groups);
  if (!site.empty()) object["site"] = site;
  return object;
}

core::Result<ProvisioningAttributes> verify_provisioning_attributes(core::ByteView file, const AuthorityPolicy& policy,
                                                                    std::string_view device) {
  const ProvisioningAuthority factory(policy);
  ASEPTIC_TRY(const core::JsonValue part,
              open_statement(file, kProvisioningAttributesType, factory.authority(), kStatementBytesMax));
  ASEPTIC_TRY(ProvisioningAttributes attributes, ProvisioningAttributes::parse(part));
  // SECURITY(T-24): genuine attributes of another device make this one no other device.
  if (attributes.device != device)
    return core::Error(TrustCode::kWrongDevice, std::string(kName) + ": are those of device " + quoted(attributes.device));
  if (attributes.product != policy.product)
    return core::Error(TrustCode::kWrongProduct, std::string(kName) + ": are for product " + attributes.product.text());
  return attributes;
}

}  // namespace aseptic::trust
