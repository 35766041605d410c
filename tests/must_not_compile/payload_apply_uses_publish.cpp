// SPDX-License-Identifier: Apache-2.0
// As: aseptic_payload_apply
// Refused: fatal error: aseptic/publish/image.h: No such file or directory
#include "aseptic/core/hash.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/publish/image.h"
#endif
