// SPDX-License-Identifier: Apache-2.0
// As: aseptic_agent
// Refused: fatal error: aseptic/payload/make/maker.h: No such file or directory
#include "aseptic/payload/apply/read_back.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/payload/make/maker.h"
#endif
