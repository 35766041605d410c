// SPDX-License-Identifier: Apache-2.0
#include "offer/component_key.h"

#include "aseptic/trust/codes.h"
#include "aseptic/trust/limits.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

Result<trust::BootKey> listed_key(const Result<std::string>& pem) {
  if (!pem) return pem.error();
  ASEPTIC_TRY(core::PublicKey key, core::PublicKey::from_pem(*pem));
  return trust::BootKey::listed(std::move(key));
}

}  // namespace

// SECURITY(T-56): where a factory is named, a key file that somebody put there is no one's word.
Result<trust::BootKey> component_boot_key(platform::Storage& state, const Config& config, const ProvisionedTrust& trust,
                                          const Result<std::string>& listed_pem) {
  if (trust.policy.empty()) return listed_key(listed_pem);
  ASEPTIC_TRY(const auto policy, trust::verify_provisioned_policy(trust.policy, trust.root));
  if (policy.provisioning_keys.empty()) return listed_key(listed_pem);
  const auto file = state.read(kBootKeyFile, trust::kStatementBytesMax);
  if (!file)
    return Error(trust::TrustCode::kStatementMissing,
                 "the authority policy requires a certified key of the component's boot, and there is none; provision the component again");
  ASEPTIC_TRY(trust::BootKey key, trust::verify_boot_key(*file, policy, config.device.id));
  if (key.statement()->component != config.component.id)
    return Error(trust::TrustCode::kWrongDevice, "boot key: is that of component " + key.statement()->component.text());
  return key;
}

}  // namespace aseptic::agent
