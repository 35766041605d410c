// SPDX-License-Identifier: Apache-2.0
// As: aseptic_agent
// Refused: fatal error: aseptic/fleet/server.h: No such file or directory
#include "aseptic/trust/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/fleet/server.h"
#endif
