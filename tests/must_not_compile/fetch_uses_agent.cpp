// SPDX-License-Identifier: Apache-2.0
// As: aseptic_fetch
// Refused: fatal error: aseptic/agent/engine.h: No such file or directory
#include "aseptic/fetch/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/agent/engine.h"
#endif
