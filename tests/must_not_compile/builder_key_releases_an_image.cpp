// SPDX-License-Identifier: Apache-2.0
// As: aseptic_publish
// Refused: error: (invalid initialization of reference of type|non-const lvalue reference to type|no matching function)
#include "aseptic/publish/image.h"
using namespace aseptic;
using namespace aseptic::publish;
#ifdef ASEPTIC_FORBIDDEN
using Wrong = BuilderSigner;
#else
using Wrong = ImageReleaseSigner;
#endif
auto attempt(const Agreement& agreement, const core::PublicKey& builder, Wrong& signer, const SigningDesk& desk) {
  return release_image("image", agreement, builder, signer, desk);
}
