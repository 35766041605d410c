// SPDX-License-Identifier: Apache-2.0
// A delta payload's chunks: planned once, then coded group by group on several cores. Called by the payload maker, which
// writes what this gives. The result depends on the images and the options, not on the number of workers.
#pragma once

#include <functional>
#include <memory>

#include "aseptic/core/result.h"
#include "chunk_encoder.h"
#include "delta_encoder.h"
#include "image.h"

namespace aseptic::payload {

class DeltaMaker {
 public:
  using Put = std::function<core::Result<void>(const EncodedChunk&)>;

  // Images of at most `image_size` bytes each are looked at; both outlive the maker.
  static core::Result<std::unique_ptr<DeltaMaker>> plan(ImageSource& base, const ImageFacts& base_facts, ImageSource& image,
                                                        const ImageFacts& facts, const MakeOptions& options);

  [[nodiscard]] const core::Bytes& section() const { return section_; }
  [[nodiscard]] const ImageFacts& base_facts() const { return base_facts_; }
  // Gives every chunk of the image in order.
  core::Result<void> encode(const PayloadHeader& header, const MakeOptions& options, const Put& put);

 private:
  DeltaMaker() = default;
  std::vector<EncodedChunk> encode_group(const PayloadHeader& header, const MakeOptions& options, std::uint64_t first,
                                         std::uint64_t count) const;

  core::Bytes old_copy_;
  core::Bytes new_copy_;
  core::ByteView old_;
  core::ByteView new_;
  ImageFacts base_facts_;
  OwnedMap<LinuxProfile> owned_;
  DeltaMap<LinuxProfile> map_;
  core::Bytes section_;
};

}  // namespace aseptic::payload
