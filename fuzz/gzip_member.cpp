// SPDX-License-Identifier: Apache-2.0
// A gzip member from arbitrary bytes: refused, or a deflate stream that lies inside and decodes to exactly what was said.
#include <cstdint>
#include <cstdlib>

#include "aseptic/payload/make/compressed_parts.h"

using namespace aseptic;
using namespace aseptic::payload;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Recoder recoder;
  CompressedBlock block;
  const core::ByteView rest(data, size);
  if (!read_gzip_member(rest, recoder, block)) return 0;
  if (block.at < 10 || block.at > size || block.size == 0 || block.size + 8 > size - block.at) std::abort();
  core::Bytes text(block.room);
  const auto decoded = recoder.decode(Codec::kDeflate, rest.subspan(static_cast<std::size_t>(block.at), block.size), text);
  if (!decoded || decoded->produced != block.room || decoded->consumed != block.size) std::abort();
  return 0;
}
