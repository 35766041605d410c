// SPDX-License-Identifier: Apache-2.0
// As: aseptic_publish
// Refused: error: (invalid initialization of reference of type|non-const lvalue reference to type|no matching function)
#include "aseptic/publish/image.h"
using namespace aseptic::publish;
#ifdef ASEPTIC_FORBIDDEN
using Wrong = ReleaseSigner;
#else
using Wrong = BuilderSigner;
#endif
auto attempt(const Agreement& agreement, Wrong& signer, const SigningDesk& desk) {
  return sign_image("image", agreement, signer, desk);
}
