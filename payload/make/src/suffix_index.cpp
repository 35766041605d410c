// SPDX-License-Identifier: Apache-2.0
#include "suffix_index.h"

#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/payload/format/header.h"
#include "common_prefix.h"

namespace aseptic::payload {

SuffixIndex::SuffixIndex(core::ByteView old_text, const Segments& equal, std::uint64_t text_max) : old_(old_text) {
  choose_parts(equal);
  limit_parts(text_max);
  std::uint64_t text_size = 0;
  for (Part& part : parts_) {
    part.text_at = text_size;
    text_size += part.size;
  }
  ASEPTIC_ASSERT(text_size <= kMatchTextMax);
  core::ByteView text = old_.first(static_cast<std::size_t>(text_size));
  if (parts_.size() > 1 || (parts_.size() == 1 && parts_[0].at != 0)) {
    copy_.reserve(static_cast<std::size_t>(text_size));
    for (const Part& part : parts_)
      copy_.insert(copy_.end(), old_.data() + part.at, old_.data() + part.at + part.size);
    text = copy_;
  }
  constexpr std::size_t kSmallText = 2U << 20U;
  const bool is_small = text.size() < kSmallText;
  const std::size_t stretches = is_small ? 1 : 2;
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t from = text.size() / stretches * i;
    const std::size_t to = i + 1 == stretches ? text.size() : text.size() / stretches * (i + 1);
    stretches_.emplace_back(text.subspan(from, to - from), from, is_small ? 1 : 2);
  }
}

SuffixIndex::Hit SuffixIndex::search(const std::uint8_t* wanted, std::size_t limit, std::uint64_t near) const {
  const auto distance = [&](std::uint64_t at) { return at > near ? at - near : near - at; };
  Hit best;
  for (const SortedStretch& stretch : stretches_) {
    const auto found = stretch.longest(wanted, limit);
    if (found.length == 0) continue;
    std::uint64_t chosen = ~std::uint64_t{0};
    stretch.for_each_equal(found, wanted, [&](std::size_t text_at) {
      const std::uint64_t at = old_at(text_at);
      if (chosen == ~std::uint64_t{0} || distance(at) < distance(chosen)) chosen = at;
    });
    // Parts that are neighbours in the text need not be so in the image.
    const std::size_t room = std::min<std::size_t>(limit, old_.size() - static_cast<std::size_t>(chosen));
    const std::size_t length = common_prefix(old_.data() + chosen, wanted, room);
    if (length > best.length || (length == best.length && distance(chosen) < distance(best.old_at))) best = {chosen, length};
  }
  return best;
}

void SuffixIndex::choose_parts(const Segments& equal) {
  constexpr std::uint64_t kMargin = kBlockSize;  // what surrounds an equal block stays searchable
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
  for (const Segment& segment : equal)
    if (segment.size > 2 * kMargin) taken.emplace_back(segment.old_at + kMargin, segment.old_at + segment.size - kMargin);
  std::sort(taken.begin(), taken.end());
  // Each byte that falls away saves three of sorting; each that stays is copied.
  std::uint64_t sum = 0;
  for (const auto& [from, to] : taken)
    sum += to - from;
  if (sum * 4 < old_.size()) taken.clear();
  std::uint64_t at = 0;
  for (const auto& [from, to] : taken) {
    if (from > at) parts_.push_back({at, from - at, 0});
    at = std::max(at, to);
  }
  if (at < old_.size()) parts_.push_back({at, old_.size() - at, 0});
}

void SuffixIndex::limit_parts(std::uint64_t text_max) {
  std::uint64_t left = std::min(text_max, kMatchTextMax);
  for (Part& part : parts_) {
    part.size = std::min(part.size, left);
    left -= part.size;
  }
  std::erase_if(parts_, [](const Part& part) { return part.size == 0; });
}

std::uint64_t SuffixIndex::old_at(std::size_t text_at) const {
  if (copy_.empty()) return text_at;
  const auto part = std::upper_bound(parts_.begin(), parts_.end(), text_at,
                                     [](std::size_t at, const Part& p) { return at < p.text_at; }) -
                    1;
  return part->at + (text_at - part->text_at);
}

}  // namespace aseptic::payload
