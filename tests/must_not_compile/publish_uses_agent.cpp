// SPDX-License-Identifier: Apache-2.0
// As: aseptic_publish
// Refused: fatal error: aseptic/agent/agent.h: No such file or directory
#include "aseptic/trust/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/agent/agent.h"
#endif
