// SPDX-License-Identifier: Apache-2.0
// As: aseptic_core
// Refused: fatal error: aseptic/platform/clock.h: No such file or directory
#include "aseptic/core/hash.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/platform/clock.h"
#endif
