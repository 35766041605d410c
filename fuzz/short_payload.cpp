// SPDX-License-Identifier: Apache-2.0
// A short payload, byte for byte the input, signed by somebody who signs anything: the product's expansion and installer and the
// second decoder of the tests refuse the same ones, and make the same image of the others. What the parser accepts keeps to its limits.
#include <cstdint>
#include <cstdlib>

#include "../payload/make/tests/short_form_support.h"
#include "../payload/make/tests/slow_delta.cpp"  // the one file; the target links no test program

using namespace aseptic;
using namespace aseptic::payload;

namespace {

void need(bool condition) {
  if (!condition) std::abort();
}

tests::DeltaPair make_fuzz_pair() {
  core::Bytes old_content = tests::mixed_bytes(60 * 1024, 3);
  core::Bytes new_content = old_content;
  new_content[700] ^= 9U;
  new_content[40000] ^= 1U;
  MakeOptions options = tests::short_options();
  options.chunk_size = 4096;
  return tests::make_pair(std::move(old_content), std::move(new_content), options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tests::DeltaPair pair = make_fuzz_pair();
  static const tests::SlowTools tools = tests::product_tools();
  const core::Bytes file(data, data + size);
  ShortHead head;
  if (!ok(decode_short_head(file, head))) {
    need(!tests::slow_short_payload(file, pair.old_image.bytes, pair.payload.image.bytes.size(), tools) || size > kShortSizeMax);
    return 0;
  }
  need(head.section_size() <= kShortSizeMax + kDeltaSectionHeaderSize && head.chunk_size <= kChunkSizeMax);
  if (head.counts.segments > 4096 || head.counts.ranges > 4096 || head.counts.areas > 4096) return 0;  // keeps one run short
  if (!head.has_bare_map) return 0;  // lists of recoded blocks: recoded_payload
  const core::Bytes first = tests::image_of_signed(file, pair);
  const auto second = tests::slow_short_payload(file, pair.old_image.bytes, pair.payload.image.bytes.size(), tools);
  need(!first.empty() == second.has_value());
  if (second) need(first == *second);
  return 0;
}
