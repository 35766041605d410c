// SPDX-License-Identifier: Apache-2.0
// A second decoder of the microcontroller's delta (profile 2), written from docs/formats/delta.md and the constants there and
// in entropy.h: whole arrays, linear searches, bit strings, no templates, no state shared with the product. Slow and plain.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace aseptic::payload::tests {

// The new image; nothing when the delta is refused. The digests of the header are not looked at: whoever compares the two
// decoders makes them right.
std::optional<std::vector<std::uint8_t>> slow_mcu_delta(const std::vector<std::uint8_t>& patch,
                                                        const std::vector<std::uint8_t>& old_image);

}  // namespace aseptic::payload::tests
