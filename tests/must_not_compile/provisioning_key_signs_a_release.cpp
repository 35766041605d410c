// SPDX-License-Identifier: Apache-2.0
// The key of the factory cannot be made to sign a release (KM-02, KM-03).
// As: aseptic_publish
// Refused: invalid initialization of reference
#include "aseptic/publish/signing.h"

using namespace aseptic::publish;

aseptic::core::Result<void> approve(SigningFile& file, const Agreement& agreement, ReleaseSigner& signer,
                                    const SigningDesk& desk) {
  return sign_as_release(file, agreement, signer, desk);
}

#ifdef ASEPTIC_FORBIDDEN
aseptic::core::Result<void> forge(SigningFile& file, const Agreement& agreement, ProvisioningSigner& signer,
                                  const SigningDesk& desk) {
  return sign_as_release(file, agreement, signer, desk);
}
#endif
