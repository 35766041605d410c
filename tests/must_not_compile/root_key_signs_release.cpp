// SPDX-License-Identifier: Apache-2.0
// As: aseptic_publish
// Refused: error: (invalid initialization of reference of type|non-const lvalue reference to type|no matching function)
#include "aseptic/publish/signing.h"
using namespace aseptic::publish;
#ifdef ASEPTIC_FORBIDDEN
using Wrong = RootSigner;
#else
using Wrong = ReleaseSigner;
#endif
auto attempt(SigningFile& file, const Agreement& agreement, Wrong& signer, const SigningDesk& desk) {
  return sign_as_release(file, agreement, signer, desk);
}
