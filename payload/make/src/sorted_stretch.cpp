// SPDX-License-Identifier: Apache-2.0
#include "sorted_stretch.h"

#include <divsufsort.h>

#include <algorithm>
#include <type_traits>

#include "aseptic/core/assert.h"
#include "common_prefix.h"

namespace aseptic::payload {

static_assert(std::is_same_v<saidx_t, std::int32_t>);

SortedStretch::SortedStretch(core::ByteView text, std::size_t text_at, std::size_t step) : text_(text), text_at_(text_at) {
  constexpr std::size_t kUseful = 8;
  if (text_.size() < kUseful) return;
  order_.reset(static_cast<saidx_t*>(std::malloc(text_.size() * sizeof(saidx_t))));
  ASEPTIC_ASSERT(order_ != nullptr);
  ASEPTIC_ASSERT(divsufsort(text_.data(), order_.get(), static_cast<saidx_t>(text_.size())) == 0);
  keep_places(step);
  fill_buckets(step);
}

// A match that starts at another place is found some bytes later and extended backwards.
void SortedStretch::keep_places(std::size_t step) {
  size_ = text_.size();
  if (step == 1) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (place(i) % step == 0) order_[kept++] = order_[i];
  size_ = kept;
  auto* smaller = static_cast<saidx_t*>(std::realloc(order_.get(), kept * sizeof(saidx_t)));
  if (smaller == nullptr) return;
  static_cast<void>(order_.release());
  order_.reset(smaller);
}

void SortedStretch::fill_buckets(std::size_t step) {
  constexpr std::size_t kPairs = 65536;
  buckets_.assign(kPairs + 1, 0);
  for (std::size_t i = 0; i + 1 < text_.size(); i += step)
    ++buckets_[(static_cast<std::size_t>(text_[i]) << 8U | text_[i + 1]) + 1];
  // The last byte alone sorts in front of every pair that starts with it.
  const bool is_last_kept = (text_.size() - 1) % step == 0;
  last_pair_ = is_last_kept ? static_cast<std::size_t>(text_.back()) << 8U : kPairs + 1;
  std::size_t sum = 0;
  for (std::size_t i = 0; i <= kPairs; ++i) {
    sum += buckets_[i];
    buckets_[i] = static_cast<std::uint32_t>(sum + (i >= last_pair_ ? 1U : 0U));
  }
}

bool SortedStretch::matches(std::size_t index, const std::uint8_t* wanted, std::size_t length) const {
  const std::size_t at = place(index);
  return text_.size() - at >= length && std::memcmp(text_.data() + at, wanted, length) == 0;
}

SortedStretch::Found SortedStretch::longest(const std::uint8_t* wanted, std::size_t limit) const {
  if (order_ == nullptr || limit < 2) return {};
  const std::size_t pair = static_cast<std::size_t>(wanted[0]) << 8U | wanted[1];
  std::size_t low = buckets_[pair];
  std::size_t high = buckets_[pair + 1] - (pair + 1 == last_pair_ ? 1U : 0U);
  std::size_t low_length = 2;
  std::size_t high_length = 2;
  Found best;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const std::size_t at = place(middle);
    const std::size_t start = std::min(low_length, high_length);
    const std::size_t room = std::min(limit, text_.size() - at);
    const std::size_t length =
        start >= room ? room : start + common_prefix(text_.data() + at + start, wanted + start, room - start);
    if (length > best.length) best = {middle, length};
    if (length == limit) break;
    const bool is_smaller = length == text_.size() - at || text_[at + length] < wanted[length];
    if (is_smaller) {
      low = middle + 1;
      low_length = length;
    } else {
      high = middle;
      high_length = length;
    }
  }
  return best;
}

}  // namespace aseptic::payload
