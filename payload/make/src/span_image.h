// SPDX-License-Identifier: Apache-2.0
// Bytes in memory as the image that a delta starts from.
#pragma once

#include <cstring>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

class SpanImage final : public OldImage {
 public:
  explicit SpanImage(core::ByteView bytes) : bytes_(bytes) {}
  bool read(std::uint64_t at, MutableBytes out) override {
    if (!delta_map::lies_inside(at, out.size(), bytes_.size())) return false;
    std::memcpy(out.data(), bytes_.data() + at, out.size());
    return true;
  }

 private:
  core::ByteView bytes_;
};

}  // namespace aseptic::payload
