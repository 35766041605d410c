// SPDX-License-Identifier: Apache-2.0
// Writes a delta payload's short form (docs/formats/payload.md). Called by the payload maker, which expands the result again and
// compares. Deterministic.
#pragma once

#include <vector>

#include "chunk_encoder.h"

namespace aseptic::payload {

// `header`: of the long form; `section`: its auxiliary section. Nothing when the delta is not one that may be short.
core::Bytes encode_short_form(const PayloadHeader& header, core::ByteView section, const std::vector<EncodedChunk>& chunks);

}  // namespace aseptic::payload
