// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/role_signer.h"

#include <algorithm>
#include <array>

#include "aseptic/boot/format/publicly_known_keys.h"
#include "aseptic/publish/codes.h"
#include "publicly_known_keys.h"

namespace aseptic::publish {

namespace {
core::Result<void> check_custody(platform::KeyCustody custody, Profile profile) {
  // SECURITY(T-48): a file can be copied; production keys live in a token.
  if (profile == Profile::kProduction && custody == platform::KeyCustody::kDevelopmentFile)
    return core::Error(PublishCode::kDevelopmentKey,
                       "it is a key file, which is for development only; the production profile needs a key in a token");
  return {};
}
}  // namespace

core::Result<void> check_admissible(const core::PublicKey& key, platform::KeyCustody custody, Profile profile) {
  // SECURITY(T-48): the private halves of these keys are published; nobody proves anything by signing with one.
  if (const auto source = publicly_known_key(key))
    return core::Error(PublishCode::kDevelopmentKey,
                       "its private half is published (" + std::string(*source) + "); make a new key with: aseptic keys create");
  return check_custody(custody, profile);
}

core::Result<void> check_admissible(const core::PostQuantumPublicKey& key, platform::KeyCustody custody, Profile profile) {
  if (profile == Profile::kProduction && boot::is_publicly_known(key.key_id().bytes))
    return core::Error(PublishCode::kDevelopmentKey, "its private half is published; make a new key with: aseptic keys create");
  return check_custody(custody, profile);
}

core::Result<ImageReleaseSigner> ImageReleaseSigner::admit(std::unique_ptr<platform::PostQuantumSigner> signer, Profile profile) {
  ASEPTIC_TRY_VOID(check_admissible(signer->public_key(), signer->custody(), profile).within("the release role's key for images"));
  return ImageReleaseSigner(std::move(signer));
}

}  // namespace aseptic::publish
