// SPDX-License-Identifier: Apache-2.0
// Two chunks of coded bytes that mean nothing, over an old image and a copy map whose shape the input chooses: the first 256 bytes answer the
// questions of projection_case.h (round and round), the rest is coded. The product's decoder and the second one of the tests make the
// same bytes of it.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "../payload/make/tests/projection_case.h"
#include "../payload/make/tests/slow_delta.cpp"  // the one file; the target links no test program

using namespace aseptic;
using namespace aseptic::payload;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kShape = 256;
  if (size < kShape + 2) return 0;  // a chunk without coded bytes is a plain copy, which has tests of its own
  // A generator that the input stirs: twelve thousand bytes of old image out of few.
  std::uint64_t state = 0x9E3779B97F4A7C15ULL;
  std::size_t asked = 0;
  const tests::NumberBelow below = [&](std::uint64_t limit) {
    state = (state ^ data[asked++ % kShape]) * 0xFF51AFD7ED558CCDULL;
    state ^= state >> 29U;
    return (state >> 8U) % limit;
  };
  tests::ProjectionCase c(below);
  if (!c.is_valid()) std::abort();
  const std::uint64_t cut = 1000 + below(8000);
  const std::size_t half = kShape + 1 + static_cast<std::size_t>(below(size - kShape - 1));
  const std::vector<tests::SlowChunk> chunks{{0, cut, {data + kShape, data + half}}, {cut, tests::ProjectionCase::kNewSize, {data + half, data + size}}};
  const auto slow = tests::slow_delta_chunks(c.section(), c.old_image, tests::ProjectionCase::kNewSize, chunks);
  if (!slow) std::abort();
  auto models = std::make_unique<DeltaState<LinuxProfile>>();
  for (std::size_t i = 0; i < chunks.size(); ++i)
    if (c.decode(chunks[i].from, chunks[i].to - chunks[i].from, chunks[i].coded, *models) != slow->at(i)) std::abort();
  return 0;
}
