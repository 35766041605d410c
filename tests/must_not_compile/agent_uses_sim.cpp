// SPDX-License-Identifier: Apache-2.0
// As: aseptic_agent
// Refused: fatal error: aseptic/sim/disk.h: No such file or directory
#include "aseptic/trust/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/sim/disk.h"
#endif
