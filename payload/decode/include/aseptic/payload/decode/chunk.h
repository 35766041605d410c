// SPDX-License-Identifier: Apache-2.0
// From stored bytes to image bytes, one chunk at a time, in the only order there is: digest first, then
// decode. Called by payload/apply, payload/make (self-check), fuzz targets; freestanding, so that an MCU can
// use it with its own hash and decompressor. Security: verify_and_decode hashes exactly the bytes it decodes.
// `stored` must be memory that nobody else can write (T-29: a shared buffer could change between hash and
// decode): callers copy into a private buffer first. No allocation; output is bounded by the entry's decoded
// size, at most kChunkSizeMax.
#pragma once
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {

// A zstd decompressor, injected. Decompresses one frame into `out`; says how many bytes it produced.
class FrameDecoder {
 public:
  virtual bool decompress(ByteView frame, MutableBytes out, std::size_t& produced) = 0;

 protected:
  ~FrameDecoder() = default;
};

// Walks a frame's header and block headers without decompressing: one frame, single segment, declared content
// size = `decoded_size`, no dictionary, no checksum, nothing after the last block.
Status check_zstd_frame(ByteView frame, std::uint32_t decoded_size);

// A table page from its stored bytes, whose digest was compared: as they are, or their one frame's content. `page` has page_size()
// bytes; on failure its content is unspecified and unused.
Status unpack_page(ByteView stored, FrameDecoder& zstd, MutableBytes page);

// `out` has entry.decoded_size bytes and is filled on success only; on failure its content is unspecified and
// unused.
Status verify_and_decode(const ChunkEntry& entry, ByteView stored, boot::Hasher& hasher, FrameDecoder& zstd,
                         MutableBytes out);

}  // namespace aseptic::payload
