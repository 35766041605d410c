// SPDX-License-Identifier: Apache-2.0
// The text of the base image (decode/recoding.h): listed blocks are decoded when somebody reads them, and the last few stay.
// Called by the delta engine only (and its tests). Memory: at most kKept texts and one stored block. The bytes given out are hashed by the
// chunk decoder, in its own buffer, before they are used (T-29).
#pragma once

#include <array>
#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/apply/recoder.h"
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

class TextReader final : public OldImage {
 public:
  TextReader(OldImage& image, Recoder& recoder) : image_(image), recoder_(recoder) {}

  // Both outlive the reader.
  void set(const ImageText& text, std::span<const CodecSetting> settings);
  bool read(std::uint64_t text_at, MutableBytes out) override;

 private:
  // Blocks are read in the order of the new image: neighbours in the old one, mostly. Where blocks are large their codecs need
  // the memory themselves.
  static constexpr std::size_t kKept = 48;
  static constexpr std::size_t kKeptBytesMax = 6U << 20U;
  static constexpr std::size_t kKeptBytesOfLarge = 2U << 20U;
  static constexpr std::size_t kLarge = 256U << 10U;
  struct Kept {
    std::size_t index = ~std::size_t{0};
    std::uint64_t used = 0;
    core::Bytes text;
  };
  const core::Bytes* text_of_block(std::size_t index);
  Kept& place_for(std::size_t size);

  OldImage& image_;
  Recoder& recoder_;
  ImageText text_;
  std::span<const CodecSetting> settings_;
  std::size_t kept_max_ = kKeptBytesOfLarge;
  std::uint64_t clock_ = 0;
  std::array<Kept, kKept> kept_;
  core::Bytes stored_;
};

}  // namespace aseptic::payload
