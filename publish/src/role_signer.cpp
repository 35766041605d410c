// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/role_signer.h"

#include <algorithm>
#include <array>

#include "aseptic/publish/codes.h"
#include "publicly_known_keys.h"

namespace aseptic::publish {

core::Result<void> check_admissible(const core::PublicKey& key, platform::KeyCustody custody, Profile profile) {
  // SECURITY(T-48): the private halves of these keys are published; nobody proves anything by signing with one.
  if (const auto source = publicly_known_key(key))
    return core::Error(PublishCode::kDevelopmentKey,
                       "its private half is published (" + std::string(*source) + "); make a new key with: aseptic keys create");
  // SECURITY(T-48): a file can be copied; production keys live in a token.
  if (profile == Profile::kProduction && custody == platform::KeyCustody::kDevelopmentFile)
    return core::Error(PublishCode::kDevelopmentKey,
                       "it is a key file, which is for development only; the production profile needs a key in a token");
  return {};
}

}  // namespace aseptic::publish
