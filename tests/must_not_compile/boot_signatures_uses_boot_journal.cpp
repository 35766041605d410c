// SPDX-License-Identifier: Apache-2.0
// As: aseptic_boot_signatures
// Refused: fatal error: aseptic/boot/journal/journal.h: No such file or directory
#include "aseptic/boot/signatures/slh_dsa.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/boot/journal/journal.h"
#endif
