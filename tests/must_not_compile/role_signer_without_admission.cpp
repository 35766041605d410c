// SPDX-License-Identifier: Apache-2.0
// A key enters a role by admission only, where known test keys and development keys are refused (RB-08).
// As: aseptic_publish
// Refused: is private within this context
#include "aseptic/publish/role_signer.h"

using namespace aseptic::publish;

aseptic::core::Result<RootSigner> enter(std::unique_ptr<aseptic::platform::Signer> key) {
  return RootSigner::admit(std::move(key), Profile::kProduction);
}

#ifdef ASEPTIC_FORBIDDEN
RootSigner forge(std::unique_ptr<aseptic::platform::Signer> key) { return RootSigner(std::move(key)); }
#endif
