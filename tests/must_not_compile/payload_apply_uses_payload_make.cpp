// SPDX-License-Identifier: Apache-2.0
// The device carries no publisher code.
// As: aseptic_payload_apply
// Refused: fatal error: aseptic/payload/make/maker.h: No such file or directory
#include "aseptic/payload/apply/installer.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/payload/make/maker.h"
#endif
