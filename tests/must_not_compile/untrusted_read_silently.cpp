// SPDX-License-Identifier: Apache-2.0
// Bytes from outside are taken out visibly, by for_verification(), and in no other way (VF-01).
// As: aseptic_core
// Refused: cannot convert
#include "aseptic/core/trusted.h"

int parse(int value) { return value; }
int verify(const aseptic::core::Untrusted<int>& input) { return parse(input.for_verification()); }

#ifdef ASEPTIC_FORBIDDEN
int trust(const aseptic::core::Untrusted<int>& input) { return parse(input); }
#endif
