// SPDX-License-Identifier: Apache-2.0
#include "offer/device_attributes.h"

#include "aseptic/agent/codes.h"
#include "aseptic/trust/codes.h"
#include "aseptic/trust/limits.h"
#include "aseptic/trust/provisioning_attributes.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

Result<void> same(bool is_same, std::string_view what) {
  if (is_same) return {};
  return Error(AgentCode::kConfig, "agent.toml and the signed provisioning attributes differ in device." + std::string(what));
}

}  // namespace

// SECURITY(T-24): agent.toml is not signed; whoever edits it makes this device no other one.
Result<void> check_device_attributes(platform::Storage& state, const DeviceConfig& device, const ProvisionedTrust& trust) {
  if (trust.policy.empty()) return {};
  ASEPTIC_TRY(const auto policy, trust::verify_provisioned_policy(trust.policy, trust.root));
  if (policy.provisioning_keys.empty()) return {};
  const auto file = state.read(kAttributesFile, trust::kStatementBytesMax);
  if (!file) {
    return Error(trust::TrustCode::kStatementMissing,
                 "the authority policy requires provisioning attributes, and there are none; provision the device again");
  }
  ASEPTIC_TRY(const auto signed_facts, trust::verify_provisioning_attributes(*file, policy, device.id));
  ASEPTIC_TRY_VOID(same(signed_facts.vendor == device.vendor, "vendor"));
  ASEPTIC_TRY_VOID(same(signed_facts.product == device.product, "product"));
  ASEPTIC_TRY_VOID(same(signed_facts.device_class == device.device_class, "class"));
  ASEPTIC_TRY_VOID(same(signed_facts.hardware == device.hardware, "hardware"));
  ASEPTIC_TRY_VOID(same(signed_facts.hardware_revision == device.hardware_revision, "hardware_revision"));
  return same(signed_facts.jurisdiction == device.jurisdiction, "jurisdiction");
}

}  // namespace aseptic::agent
