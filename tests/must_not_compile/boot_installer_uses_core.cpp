// SPDX-License-Identifier: Apache-2.0
// As: aseptic_boot_installer
// Refused: fatal error: aseptic/core/bytes.h: No such file or directory
#include "aseptic/boot/format/manifest.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/core/bytes.h"
#endif
