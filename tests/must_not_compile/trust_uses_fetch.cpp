// SPDX-License-Identifier: Apache-2.0
// As: aseptic_trust
// Refused: fatal error: aseptic/fetch/updater.h: No such file or directory
#include "aseptic/core/hash.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/fetch/updater.h"
#endif
