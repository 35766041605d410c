// SPDX-License-Identifier: Apache-2.0
#include "chunk_encoder.h"

#include <zstd.h>

#include "aseptic/core/assert.h"
#include "aseptic/core/hash.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::payload {

struct ChunkEncoder::Context {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> cctx{ZSTD_createCCtx()};
};

ChunkEncoder::ChunkEncoder(int zstd_level) : context_(std::make_unique<Context>()) {
  ZSTD_CCtx* cctx = context_->cctx.get();
  ASEPTIC_ASSERT(cctx != nullptr);
  ASEPTIC_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, zstd_level)) == 0);
  ASEPTIC_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 0)) == 0);
  ASEPTIC_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 1)) == 0);
}
ChunkEncoder::~ChunkEncoder() = default;
ChunkEncoder::ChunkEncoder(ChunkEncoder&&) noexcept = default;

EncodedChunk ChunkEncoder::encode(core::ByteView image_bytes) {
  EncodedChunk chunk;
  chunk.entry.decoded_size = static_cast<std::uint32_t>(image_bytes.size());
  if (is_all_zero(image_bytes)) return chunk;
  chunk.entry.decoded_digest = core::sha256(image_bytes).bytes;
  chunk.stored.resize(image_bytes.size() - 1);  // a larger result is no gain
  const std::size_t size = ZSTD_compress2(context_->cctx.get(), chunk.stored.data(), chunk.stored.size(),
                                          image_bytes.data(), image_bytes.size());
  if (ZSTD_isError(size) == 0) {
    chunk.entry.encoding = Encoding::kZstd;
    chunk.stored.resize(size);
    chunk.entry.stored_digest = core::sha256(chunk.stored).bytes;
  } else {
    chunk.entry.encoding = Encoding::kRaw;
    chunk.stored.assign(image_bytes.begin(), image_bytes.end());
    chunk.entry.stored_digest = chunk.entry.decoded_digest;
  }
  chunk.entry.stored_size = static_cast<std::uint32_t>(chunk.stored.size());
  return chunk;
}

std::size_t ChunkEncoder::quick_size(core::ByteView image_bytes) {
  quick_.resize(image_bytes.size());
  const std::size_t size = ZSTD_compressCCtx(context_->cctx.get(), quick_.data(), quick_.size(), image_bytes.data(),
                                             image_bytes.size(), 1);
  return ZSTD_isError(size) == 0 ? size : image_bytes.size();
}

}  // namespace aseptic::payload
