// SPDX-License-Identifier: Apache-2.0
// "This slot holds the signed image" is said by reading the slot only (VF-03).
// As: aseptic_payload_apply
// Refused: is private within this context
#include "aseptic/payload/apply/read_back.h"

const aseptic::core::Digest& image_of(const aseptic::payload::Measured& measured) { return measured.image_digest(); }

#ifdef ASEPTIC_FORBIDDEN
aseptic::payload::Measured forge() { return aseptic::payload::Measured(); }
#endif
