// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/zstd_decoder.h"

#include <zstd.h>

#include "aseptic/core/assert.h"

namespace aseptic::payload {

struct ZstdDecoder::Context {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> dctx{ZSTD_createDCtx()};
};

ZstdDecoder::ZstdDecoder() : context_(std::make_unique<Context>()) {
  ASEPTIC_ASSERT(context_->dctx != nullptr);
  constexpr int kWindowLog = 18;
  static_assert(1U << kWindowLog == kChunkSizeMax);
  ASEPTIC_ASSERT(
      ZSTD_isError(ZSTD_DCtx_setParameter(context_->dctx.get(), ZSTD_d_windowLogMax, kWindowLog)) == 0);
}

ZstdDecoder::~ZstdDecoder() = default;

bool ZstdDecoder::decompress(ByteView frame, MutableBytes out, std::size_t& produced) {
  const std::size_t size =
      ZSTD_decompressDCtx(context_->dctx.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) return false;
  produced = size;
  return true;
}

}  // namespace aseptic::payload
