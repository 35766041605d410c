// SPDX-License-Identifier: Apache-2.0
// Compressed parts of an image, found by the formats that hold them: squashfs, erofs, gzip members. Called by the recoding planner on
// images that the publisher trusts; still bounds every access and every amount of work, for an image may be damaged. What is
// not recognised is no error: it is plain bytes. A part that is reported wrongly costs bytes: each is decoded, re-encoded and
// compared before it is used.
#pragma once

#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/apply/recoder.h"

namespace aseptic::payload {

struct CompressedBlock {
  std::uint64_t at = 0;  // in the image
  std::uint32_t size = 0;
  std::uint32_t room = 0;  // what it decodes to is not larger
  CodecSetting likely;     // the codec is sure, the rest is what the format's tools would have used
};

// Bytes of a file: behind a block's decoded bytes, or as they are.
struct FilePiece {
  enum class Kind : std::uint8_t { kBlock, kFragment, kPlain };
  std::uint64_t file_at = 0;
  std::uint64_t at = 0;  // the block's place in the image; plain: of the bytes themselves
  std::uint64_t skip = 0;
  std::uint64_t size = 0;
  Kind kind = Kind::kBlock;
};
using FilePieces = std::vector<FilePiece>;  // ascending file_at

struct ImageExtent {
  std::uint64_t at = 0;
  std::uint64_t size = 0;
};

struct CompressedParts {
  std::vector<CompressedBlock> blocks;       // ascending, without overlap
  std::vector<FilePieces> files;             // of file systems whose blocks are in `blocks`
  std::vector<ImageExtent> file_systems;     // ascending: where nobody needs to look for programs
};
CompressedParts find_compressed_parts(core::ByteView image);

// A squashfs 4.0 file system whose superblock is at `start`: adds what it holds. False when there is none.
bool read_squashfs(core::ByteView image, std::uint64_t start, CompressedParts& out);

// An erofs file system whose first byte is at `start`: adds its clusters of LZ4. False when there is none.
bool read_erofs(core::ByteView image, std::uint64_t start, CompressedParts& out);

// A gzip member (RFC 1952) that starts at the first byte: where its deflate stream is. False when it is none, or damaged, or
// decodes to more than kBlockTextMax.
bool read_gzip_member(core::ByteView rest, Recoder& recoder, CompressedBlock& out);

}  // namespace aseptic::payload
