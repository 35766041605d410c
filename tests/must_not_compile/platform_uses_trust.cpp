// SPDX-License-Identifier: Apache-2.0
// As: aseptic_platform
// Refused: fatal error: aseptic/trust/statement.h: No such file or directory
#include "aseptic/core/hash.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/trust/statement.h"
#endif
