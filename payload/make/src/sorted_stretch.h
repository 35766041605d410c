// SPDX-License-Identifier: Apache-2.0
// The suffixes of one stretch of a text in order (libdivsufsort). Called by SuffixIndex. Sorting takes four bytes per byte;
// of a stretch that keeps every second suffix two remain.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "aseptic/core/bytes.h"

namespace aseptic::payload {

class SortedStretch {
 public:
  // `text` outlives this. With `step` 2 only suffixes at even places are kept.
  SortedStretch(core::ByteView text, std::size_t text_at, std::size_t step);

  struct Found {
    std::size_t index = 0;   // in the order
    std::size_t length = 0;  // 0: nothing
  };
  // The longest match of `wanted` that ends in this stretch.
  [[nodiscard]] Found longest(const std::uint8_t* wanted, std::size_t limit) const;

  // Calls each(place in the text) for what was found and for its neighbours with as long a match.
  template <class Each>
  void for_each_equal(const Found& found, const std::uint8_t* wanted, Each&& each) const {
    each(text_at_ + place(found.index));
    if (found.length >= kLong) return;
    for (std::size_t k = 1; k <= kNeighbours && found.index >= k && matches(found.index - k, wanted, found.length); ++k)
      each(text_at_ + place(found.index - k));
    for (std::size_t k = 1; k <= kNeighbours && found.index + k < size_ && matches(found.index + k, wanted, found.length); ++k)
      each(text_at_ + place(found.index + k));
  }

 private:
  static constexpr std::size_t kNeighbours = 24;
  static constexpr std::size_t kLong = 4096;  // so long a match is hardly there twice

  void keep_places(std::size_t step);
  void fill_buckets(std::size_t step);
  [[nodiscard]] std::size_t place(std::size_t index) const { return static_cast<std::size_t>(order_[index]); }
  [[nodiscard]] bool matches(std::size_t index, const std::uint8_t* wanted, std::size_t length) const;

  struct Free {
    void operator()(std::int32_t* order) const { std::free(order); }
  };
  core::ByteView text_;
  std::size_t text_at_ = 0;
  std::unique_ptr<std::int32_t[], Free> order_;
  std::size_t size_ = 0;                // of the order
  std::vector<std::uint32_t> buckets_;  // by the first two bytes: where their suffixes begin
  std::size_t last_pair_ = 0;
};

}  // namespace aseptic::payload
