// SPDX-License-Identifier: Apache-2.0
// As: aseptic_boot_host
// Refused: fatal error: aseptic/agent/agent.h: No such file or directory
#include "aseptic/boot/core/boot.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/agent/agent.h"
#endif
