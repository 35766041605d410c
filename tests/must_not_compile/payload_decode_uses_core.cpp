// SPDX-License-Identifier: Apache-2.0
// As: aseptic_payload_decode
// Refused: fatal error: aseptic/core/bytes.h: No such file or directory
#include "aseptic/payload/decode/chunk.h"
#ifdef ASEPTIC_FORBIDDEN
#include "aseptic/core/bytes.h"
#endif
