// SPDX-License-Identifier: Apache-2.0
// A second decoder of deltas, the microcontroller's (profile 2) and payloads (profile 1), written from docs/formats/delta.md and the constants there and
// in entropy.h: whole arrays, linear searches, bit strings, no templates, no state shared with the product. Slow and plain.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aseptic::payload::tests {

// The new image; nothing when the delta is refused. The digests of the header are not looked at: whoever compares the two
// decoders makes them right.
std::optional<std::vector<std::uint8_t>> slow_mcu_delta(const std::vector<std::uint8_t>& patch,
                                                        const std::vector<std::uint8_t>& old_image);

// A setting of the list of recoded blocks.
struct SlowEncoder {
  unsigned codec, level, filter;
  std::uint64_t dictionary;
};

// What the second decoder of whole payloads does not do itself.
struct SlowTools {
  std::function<std::vector<std::uint8_t>(const std::vector<std::uint8_t>&)> digest;
  // Codec, stored bytes, size of the text; empty: damaged.
  std::function<std::vector<std::uint8_t>(unsigned, const std::vector<std::uint8_t>&, std::uint64_t)> decode;
  // Text, the bytes behind it that the encoder of a cluster sees, and the block's size.
  std::function<std::vector<std::uint8_t>(const SlowEncoder&, const std::vector<std::uint8_t>&, const std::vector<std::uint8_t>&, std::uint64_t)> encode;
};

// A delta payload (profile 1), programs and recoded blocks included: the new image, or nothing when it is
// refused. The digests of header, section and pages are not looked at; those of chunks, old and new bytes are.
std::optional<std::vector<std::uint8_t>> slow_delta_payload(const std::vector<std::uint8_t>& file,
                                                            const std::vector<std::uint8_t>& old_image, const SlowTools& tools);

// The same of a short form, whose old bytes' digest is looked at; nothing says what the new bytes should be.
std::optional<std::vector<std::uint8_t>> slow_short_payload(const std::vector<std::uint8_t>& file, const std::vector<std::uint8_t>& old_image,
                                                            std::uint64_t image_size, const SlowTools& tools);

// Coded bytes of one chunk: new bytes [from, to).
struct SlowChunk {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::vector<std::uint8_t> coded;
};
// What the chunks of one group hold by the copy map of `section`, one after another; that all coded bytes were needed is not
// looked at. Nothing when the map is refused.
std::optional<std::vector<std::vector<std::uint8_t>>> slow_delta_chunks(const std::vector<std::uint8_t>& section,
                                                                        const std::vector<std::uint8_t>& old_image, std::uint64_t new_size,
                                                                        const std::vector<SlowChunk>& chunks);

}  // namespace aseptic::payload::tests
