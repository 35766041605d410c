// SPDX-License-Identifier: Apache-2.0
// A private key can be used but not seen: the interface has no way to its bytes (KM-01).
// As: aseptic_platform
// Refused: has no member named 'private_key'
#include "aseptic/platform/signer.h"

aseptic::core::Result<aseptic::core::Bytes> use(aseptic::platform::Signer& signer, aseptic::core::ByteView message) {
  return signer.sign(message);
}

#ifdef ASEPTIC_FORBIDDEN
auto steal(aseptic::platform::Signer& signer) { return signer.private_key(); }
#endif
