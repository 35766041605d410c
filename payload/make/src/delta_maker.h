// SPDX-License-Identifier: Apache-2.0
// A delta payload's chunks: planned once, then coded group by group on several cores. Called by the payload maker, which
// writes what this gives. The result depends on the images and the options, not on the number of workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "aseptic/core/result.h"
#include "chunk_encoder.h"
#include "delta_encoder.h"
#include "delta_plan.h"
#include "image.h"
#include "recoding_plan.h"

namespace aseptic::payload {

class DeltaMaker {
 public:
  // Images of at most `image_size` bytes each are looked at; both outlive the maker. With compressed parts in both images
  // the delta is made in the ways that options.recompression names, and the smaller one is kept.
  static core::Result<std::unique_ptr<DeltaMaker>> make(ImageSource& base, const ImageFacts& base_facts, ImageSource& image,
                                                        const ImageFacts& facts, const PayloadHeader& header,
                                                        const MakeOptions& options);

  [[nodiscard]] const core::Bytes& section() const { return section_; }
  [[nodiscard]] const ImageFacts& base_facts() const { return base_facts_; }
  [[nodiscard]] std::uint64_t recoded_blocks() const { return new_blocks_.size(); }
  [[nodiscard]] std::uint64_t recoded_bytes() const;
  // Every chunk of the image in order.
  [[nodiscard]] const std::vector<EncodedChunk>& chunks() const { return chunks_; }

 private:
  DeltaMaker() = default;
  struct Images {
    core::ByteView old_image;
    core::ByteView new_image;
    std::function<void()> release;
  };
  static core::Result<std::unique_ptr<DeltaMaker>> make_one(const Images& images, std::optional<RecodingPlan> recoding,
                                                            const TextFacts* facts, const PayloadHeader& header,
                                                            const MakeOptions& options);
  core::Result<void> code(const PayloadHeader& header, const MakeOptions& options);
  core::Result<void> try_without_programs(const PayloadHeader& header, const MakeOptions& options);
  void encode(const PayloadHeader& header, const MakeOptions& options);
  void forget_texts();
  [[nodiscard]] std::uint64_t size() const;
  // Next to the compressed blocks that changed: coded bytes that differ have next to nothing in common, so the plain delta would
  // hold most of them.
  [[nodiscard]] bool is_clearly_smaller() const;
  // Where the image has old bytes [text_at, + size) of the text as they are.
  [[nodiscard]] bool is_in_old_image(std::uint64_t text_at, std::uint64_t size, std::uint64_t& at) const;
  std::vector<EncodedChunk> encode_group(const PayloadHeader& header, const MakeOptions& options, std::uint64_t first,
                                         std::uint64_t count) const;

  core::Bytes old_text_;  // when blocks are recoded
  core::Bytes new_text_;
  std::vector<RecodedBlock> old_blocks_;
  std::vector<RecodedBlock> new_blocks_;
  core::ByteView old_;  // texts; without recoded blocks the images
  core::ByteView new_;
  core::ByteView image_;
  ImageFacts base_facts_;
  ImageText old_map_;
  ImageText new_map_;
  OwnedMap<LinuxProfile> owned_;
  DeltaMap<LinuxProfile> map_;
  core::Bytes prefix_;  // of the section, in front of the copy map's: the list of recoded blocks
  core::Bytes section_;
  std::vector<EncodedChunk> chunks_;
};

}  // namespace aseptic::payload
