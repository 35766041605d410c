// SPDX-License-Identifier: Apache-2.0
// A digest becomes authenticated by verification only: nobody else can make one (VF-01, VF-04).
// As: aseptic_core
// Refused: is private within this context
#include "aseptic/core/authenticated_digest.h"

bool accepts(const aseptic::core::AuthenticatedDigest& digest, const aseptic::core::Digest& measured) {
  return digest.matches(measured);
}

#ifdef ASEPTIC_FORBIDDEN
aseptic::core::AuthenticatedDigest forge(const aseptic::core::Digest& digest) {
  return aseptic::core::AuthenticatedDigest(digest);
}
#endif
