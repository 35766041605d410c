// SPDX-License-Identifier: Apache-2.0
// Provisioning attributes: what one device is and where it may be used, signed in the factory by a key that the authority
// policy names. Applicability of a release is judged by these, not by a configuration file. Format:
// docs/formats/provisioning_attributes.md.
//
// Called by the agent at each look for a release and before each install; made by publish (`aseptic device provision`).
// Security: `_type` separates them from every other statement; they are bound to one device id and one product (T-24).
// Thread contract: value type and pure functions.
#pragma once

#include "aseptic/trust/authority_policy.h"

namespace aseptic::trust {

struct ProvisioningAttributes {
  std::vector<std::string> critical;
  std::string device;  // device id, as in certificate and reports
  core::Uuid vendor, product, device_class, hardware;
  std::uint32_t hardware_revision = 0;
  std::string jurisdiction;
  std::vector<std::string> groups;  // unique
  std::string site;                 // empty: none
  Unrecognized unrecognized;

  static core::Result<ProvisioningAttributes> parse(const core::JsonValue& signed_part);
  [[nodiscard]] core::JsonValue encode() const;  // the `signed` part, with _type
  bool operator==(const ProvisioningAttributes&) const = default;
};

inline constexpr std::string_view kProvisioningAttributesType = "aseptic-provisioning-attributes";

// Signed by one of the policy's provisioning keys, for this device and the policy's product.
core::Result<ProvisioningAttributes> verify_provisioning_attributes(core::ByteView file, const AuthorityPolicy& policy,
                                                                    std::string_view device);

}  // namespace aseptic::trust
