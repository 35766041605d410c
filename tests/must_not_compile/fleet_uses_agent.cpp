// SPDX-License-Identifier: Apache-2.0
// As: aseptic_fleet
// Refused: fatal error: aseptic/agent/engine.h: No such file or directory
#include "aseptic/fleet/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/agent/engine.h"
#endif
