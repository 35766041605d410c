// SPDX-License-Identifier: Apache-2.0
// The old text without what equal blocks have taken, and its suffixes in order: finds the longest match of any bytes.
// Called by the matcher. Deterministic. Memory: the text is sorted in stretches, one after the other, and of a large text
// every second suffix is kept: at most three bytes per byte of text at any time, two when it is done (and the text itself
// once more where equal blocks have left holes in it). A match that crosses the end of a stretch is found by its longer half.
#pragma once

#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_map.h"
#include "delta_match.h"
#include "sorted_stretch.h"

namespace aseptic::payload {

class SuffixIndex {
 public:
  SuffixIndex(core::ByteView old_text, const Segments& equal, std::uint64_t text_max);

  struct Hit {
    std::uint64_t old_at = 0;
    std::size_t length = 0;
  };

  // The longest match of `wanted`, among equals the one nearest to `near`.
  [[nodiscard]] Hit search(const std::uint8_t* wanted, std::size_t limit, std::uint64_t near) const;

 private:
  struct Part {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
    std::uint64_t text_at = 0;
  };

  void choose_parts(const Segments& equal);
  void limit_parts(std::uint64_t text_max);
  [[nodiscard]] std::uint64_t old_at(std::size_t text_at) const;

  core::ByteView old_;
  std::vector<Part> parts_;
  core::Bytes copy_;
  std::vector<SortedStretch> stretches_;
};

}  // namespace aseptic::payload
