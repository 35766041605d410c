// SPDX-License-Identifier: Apache-2.0
// One chunk of the image in its smallest stored form. One encoder per worker thread; the result depends on
// the bytes and the level only.
#pragma once

#include <memory>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {

struct EncodedChunk {
  ChunkEntry entry;
  core::Bytes stored;
};

class ChunkEncoder {
 public:
  explicit ChunkEncoder(int zstd_level);
  ~ChunkEncoder();
  ChunkEncoder(ChunkEncoder&&) noexcept;

  EncodedChunk encode(core::ByteView image_bytes);
  // Roughly how large a quick encoder would make it, without the memory and time of the level asked for.
  [[nodiscard]] std::size_t quick_size(core::ByteView image_bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  core::Bytes quick_;
};

}  // namespace aseptic::payload
