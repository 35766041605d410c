// SPDX-License-Identifier: Apache-2.0
// A second decoder of the payload format, written from docs/formats/payload.md alone: reads the whole file,
// checks everything in order, decodes. Slow and plain; shares no code with the product (own offsets, own
// SHA-256, own judge of the slot). Says the image, or why not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "aseptic/sim/checkers/sha256.h"

namespace aseptic::payload::tests {

struct SlowExpectation {
  sim::CheckerDigest header_digest{};
  std::uint64_t payload_size = 0;
  sim::CheckerDigest manifest_digest{};
  sim::CheckerDigest image_digest{};
  std::uint64_t image_size = 0;
};

struct SlowResult {
  std::vector<std::uint8_t> image;
  std::string why_not;  // empty: accepted
};

SlowResult slow_decode(std::span<const std::uint8_t> file, const SlowExpectation& expected);

}  // namespace aseptic::payload::tests
