// SPDX-License-Identifier: Apache-2.0
// An image with a squashfs or an erofs from arbitrary bytes, as the publisher would be given one: whatever is found lies inside the image, in
// order, and decodes to no more than it has room for.
#include <cstdint>
#include <cstdlib>

#include "aseptic/payload/make/compressed_parts.h"

using namespace aseptic;
using namespace aseptic::payload;

namespace {
void need(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;  // keeps one run short
  const core::ByteView image(data, size);
  const CompressedParts parts = find_compressed_parts(image);
  Recoder recoder;
  std::uint64_t end = 0;
  for (const CompressedBlock& block : parts.blocks) {
    need(block.at >= end && block.size != 0 && block.size <= size && block.at <= size - block.size);
    need(block.room != 0 && block.room <= kBlockTextMax && ok(check_setting(block.likely)));
    end = block.at + block.size;
    core::Bytes text(block.room);
    const auto decoded =
        recoder.decode(block.likely.codec, image.subspan(static_cast<std::size_t>(block.at), block.size), text);
    if (decoded) need(decoded->produced <= block.room && decoded->consumed <= block.size);
  }
  for (const ImageExtent& system : parts.file_systems)
    need(system.size <= size && system.at <= size - system.size);
  for (const FilePieces& file : parts.files) {
    std::uint64_t file_end = 0;
    for (const FilePiece& piece : file) {
      need(piece.file_at >= file_end && piece.at < size);
      if (piece.kind == FilePiece::Kind::kPlain) need(piece.skip == 0 && piece.size <= size - piece.at);
      file_end = piece.file_at;
    }
  }
  return 0;
}
