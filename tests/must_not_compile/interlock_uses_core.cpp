// SPDX-License-Identifier: Apache-2.0
// As: aseptic_interlock
// Refused: fatal error: aseptic/core/bytes.h: No such file or directory
#include "aseptic/interlock/therapy_guard.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/core/bytes.h"
#endif
