// SPDX-License-Identifier: Apache-2.0
// Who signs in the factory: any one of the policy's provisioning keys. Private to trust.
#pragma once

#include "aseptic/trust/authority_policy.h"

namespace aseptic::trust {

class ProvisioningAuthority {
 public:
  explicit ProvisioningAuthority(const AuthorityPolicy& policy) {
    for (const TufKey& key : policy.provisioning_keys) {
      role_keys_.keyids.push_back(key.default_id());
      keys_.emplace(key.default_id(), key);
    }
  }
  [[nodiscard]] RoleAuthority authority() const { return {.role = "provisioning", .keys = &keys_, .role_keys = &role_keys_}; }

 private:
  KeyMap keys_;
  RoleKeys role_keys_;
};

}  // namespace aseptic::trust
