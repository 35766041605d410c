// SPDX-License-Identifier: Apache-2.0
// libzstd behind the freestanding FrameDecoder: one reused context, window limited to a chunk.
#pragma once

#include <memory>

#include "aseptic/payload/decode/chunk.h"

namespace aseptic::payload {

class ZstdDecoder final : public FrameDecoder {
 public:
  ZstdDecoder();
  ~ZstdDecoder();
  bool decompress(ByteView frame, MutableBytes out, std::size_t& produced) override;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace aseptic::payload
