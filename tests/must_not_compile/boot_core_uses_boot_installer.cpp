// SPDX-License-Identifier: Apache-2.0
// As: aseptic_boot_core
// Refused: fatal error: aseptic/boot/installer/installer.h: No such file or directory
#include "aseptic/boot/format/manifest.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/boot/installer/installer.h"
#endif
