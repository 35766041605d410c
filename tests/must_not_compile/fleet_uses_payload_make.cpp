// SPDX-License-Identifier: Apache-2.0
// As: aseptic_fleet
// Refused: fatal error: aseptic/payload/make/maker.h: No such file or directory
#include "aseptic/trust/codes.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/payload/make/maker.h"
#endif
