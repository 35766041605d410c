// SPDX-License-Identifier: Apache-2.0
// Finds which old bytes the new image can start from: equal blocks first, then a suffix array over what is left, with
// approximate extension as in bsdiff. Called by the delta encoder, once on bytes with their references masked and once on
// bytes with their references projected. Deterministic. Memory: about four bytes per byte of old text, the text and the new
// one included: the new text is made when the index (suffix_index.h) has shrunk to every second suffix.
#pragma once

#include <functional>
#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_map.h"

namespace aseptic::payload {

using Segment = CopySegment<LinuxProfile>;
using Segments = std::vector<Segment>;

// Maximal runs of equal 4096-byte blocks, ascending in the new image.
Segments match_equal_blocks(core::ByteView old_image, core::ByteView new_image);

// Of more old text than this (divsufsort counts in 32 bits) the rest is reached through equal blocks only: a larger delta, not
// a failure.
inline constexpr std::uint64_t kMatchTextMax = (1ULL << 31U) - 1;

struct MatchInput {
  core::ByteView old_text;  // the images, or forms of them in which references compare equal
  std::function<core::ByteView()> new_text;
  const Segments* equal;    // from match_equal_blocks, kept as they are
  std::uint64_t text_max = kMatchTextMax;
};
Segments match_texts(const MatchInput& input);

}  // namespace aseptic::payload
