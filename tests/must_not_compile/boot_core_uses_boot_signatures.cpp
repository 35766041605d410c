// SPDX-License-Identifier: Apache-2.0
// As: aseptic_boot_core
// Refused: fatal error: aseptic/boot/signatures/slh_dsa.h: No such file or directory
#include "aseptic/boot/core/port.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/boot/signatures/slh_dsa.h"
#endif
