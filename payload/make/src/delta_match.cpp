// SPDX-License-Identifier: Apache-2.0
#include "delta_match.h"

#include <divsufsort.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "aseptic/core/assert.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::payload {
namespace {

std::size_t common_prefix(const std::uint8_t* a, const std::uint8_t* b, std::size_t limit) {
  std::size_t n = 0;
  while (n + 8 <= limit) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a + n, 8);
    std::memcpy(&y, b + n, 8);
    if (x != y) return n + static_cast<std::size_t>(__builtin_ctzll(x ^ y)) / 8;
    n += 8;
  }
  while (n < limit && a[n] == b[n])
    ++n;
  return n;
}

std::uint64_t block_hash(const std::uint8_t* block) {
  std::uint64_t h = 0x9E3779B97F4A7C15ULL;
  for (std::size_t i = 0; i < kBlockSize; i += 8) {
    std::uint64_t x = 0;
    std::memcpy(&x, block + i, 8);
    h = (h ^ x) * 0xFF51AFD7ED558CCDULL;
    h ^= h >> 29U;
  }
  return h;
}

// The old text without what equal blocks have taken, in one piece, and where its parts come from.
class SuffixIndex {
 public:
  SuffixIndex(core::ByteView old_text, const Segments& equal, std::uint64_t text_max) : old_(old_text) {
    choose_parts(equal);
    limit_parts(text_max);
    text_size_ = 0;
    for (Part& part : parts_) {
      part.text_at = text_size_;
      text_size_ += part.size;
    }
    ASEPTIC_ASSERT(text_size_ <= kMatchTextMax);
    if (parts_.size() == 1 && parts_[0].size == old_.size()) {
      text_ = old_.data();
    } else {
      copy_.reserve(static_cast<std::size_t>(text_size_));
      for (const Part& part : parts_)
        copy_.insert(copy_.end(), old_.data() + part.at, old_.data() + part.at + part.size);
      text_ = copy_.data();
    }
    if (text_size_ < 8) return;
    order_.reset(static_cast<saidx_t*>(std::malloc(static_cast<std::size_t>(text_size_) * sizeof(saidx_t))));
    ASEPTIC_ASSERT(order_ != nullptr);
    ASEPTIC_ASSERT(divsufsort(text_, order_.get(), static_cast<saidx_t>(text_size_)) == 0);
    keep_every_second();
    fill_buckets();
  }

  struct Hit {
    std::uint64_t old_at = 0;
    std::size_t length = 0;
  };

  // The longest match of `wanted`, among equals the one nearest to `near`.
  Hit search(const std::uint8_t* wanted, std::size_t limit, std::uint64_t near) const {
    if (order_ == nullptr || limit < 2) return {};
    const std::size_t bucket = static_cast<std::size_t>(wanted[0]) << 8U | wanted[1];
    std::size_t low = buckets_[bucket];
    std::size_t high = buckets_[bucket + 1] - (bucket + 1 == last_pair_ ? 1U : 0U);
    if (low >= high) return {};
    std::size_t low_length = 2;
    std::size_t high_length = 2;
    std::size_t best = low;
    std::size_t best_length = 0;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      const auto at = static_cast<std::size_t>(order_[middle]);
      const std::size_t start = std::min(low_length, high_length);
      const std::size_t room = std::min<std::size_t>(limit, static_cast<std::size_t>(text_size_) - at);
      const std::size_t length =
          start >= room ? room : start + common_prefix(text_ + at + start, wanted + start, room - start);
      if (length > best_length) {
        best_length = length;
        best = middle;
      }
      if (length == limit) break;
      const bool is_smaller = length == text_size_ - at || text_[at + length] < wanted[length];
      if (is_smaller) {
        low = middle + 1;
        low_length = length;
      } else {
        high = middle;
        high_length = length;
      }
    }
    return nearest(wanted, best, best_length, limit, near);
  }

 private:
  static constexpr std::uint64_t kSmallText = 2U << 20U;
  struct Part {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
    std::uint64_t text_at = 0;
  };

  void choose_parts(const Segments& equal) {
    constexpr std::uint64_t kMargin = kBlockSize;  // what surrounds an equal block stays searchable
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    for (const Segment& segment : equal)
      if (segment.size > 2 * kMargin) taken.emplace_back(segment.old_at + kMargin, segment.old_at + segment.size - kMargin);
    std::sort(taken.begin(), taken.end());
    // Each byte that falls away saves four of the suffix array; each that stays is copied.
    std::uint64_t sum = 0;
    for (const auto& [from, to] : taken)
      sum += to - from;
    if (sum * 5 < old_.size()) taken.clear();
    std::uint64_t at = 0;
    for (const auto& [from, to] : taken) {
      if (from > at) parts_.push_back({at, from - at, 0});
      at = std::max(at, to);
    }
    if (at < old_.size()) parts_.push_back({at, old_.size() - at, 0});
  }

  void limit_parts(std::uint64_t text_max) {
    std::uint64_t left = std::min(text_max, kMatchTextMax);
    for (Part& part : parts_) {
      part.size = std::min(part.size, left);
      left -= part.size;
    }
    std::erase_if(parts_, [](const Part& part) { return part.size == 0; });
  }

  // A match that starts at an odd place is found one byte later and extended backwards.
  void keep_every_second() {
    order_size_ = static_cast<std::size_t>(text_size_);
    if (text_size_ < kSmallText) return;
    step_ = 2;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text_size_; ++i)
      if (order_[i] % 2 == 0) order_[kept++] = order_[i];
    order_size_ = kept;
    auto* smaller = static_cast<saidx_t*>(std::realloc(order_.get(), kept * sizeof(saidx_t)));
    if (smaller != nullptr) {
      static_cast<void>(order_.release());
      order_.reset(smaller);
    }
  }

  void fill_buckets() {
    buckets_.assign(65537, 0);
    for (std::size_t i = 0; i + 1 < text_size_; i += step_)
      ++buckets_[(static_cast<std::size_t>(text_[i]) << 8U | text_[i + 1]) + 1];
    // The last byte alone sorts in front of every pair that starts with it.
    const bool is_last_kept = (text_size_ - 1) % step_ == 0;
    last_pair_ = is_last_kept ? static_cast<std::size_t>(text_[text_size_ - 1]) << 8U : 65537;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < 65537; ++i) {
      sum += buckets_[i];
      buckets_[i] = static_cast<std::uint32_t>(sum + (i >= last_pair_ ? 1U : 0U));
    }
  }

  [[nodiscard]] std::uint64_t old_at(std::size_t text_at) const {
    if (copy_.empty()) return text_at;
    const auto part = std::upper_bound(parts_.begin(), parts_.end(), text_at,
                                       [](std::size_t at, const Part& p) { return at < p.text_at; }) -
                      1;
    return part->at + (text_at - part->text_at);
  }

  Hit nearest(const std::uint8_t* wanted, std::size_t best, std::size_t length, std::size_t limit,
              std::uint64_t near) const {
    constexpr std::size_t kNeighbours = 24;
    if (length == 0) return {};
    const auto distance = [&](std::uint64_t at) { return at > near ? at - near : near - at; };
    std::uint64_t chosen = old_at(static_cast<std::size_t>(order_[best]));
    const auto consider = [&](std::size_t index) {
      const auto at = static_cast<std::size_t>(order_[index]);
      if (text_size_ - at < length || std::memcmp(text_ + at, wanted, length) != 0) return false;
      const std::uint64_t where = old_at(at);
      if (distance(where) < distance(chosen)) chosen = where;
      return true;
    };
    if (length < 4096) {
      for (std::size_t k = 1; k <= kNeighbours && best >= k && consider(best - k); ++k) {
      }
      for (std::size_t k = 1; k <= kNeighbours && best + k < order_size_ && consider(best + k); ++k) {
      }
    }
    // Parts that are neighbours in the text need not be so in the image.
    return {chosen, common_prefix(old_.data() + chosen, wanted,
                                  std::min<std::size_t>(limit, old_.size() - static_cast<std::size_t>(chosen)))};
  }

  core::ByteView old_;
  std::vector<Part> parts_;
  core::Bytes copy_;
  const std::uint8_t* text_ = nullptr;
  std::uint64_t text_size_ = 0;
  struct Free {
    void operator()(saidx_t* order) const { std::free(order); }
  };
  std::unique_ptr<saidx_t[], Free> order_;
  std::size_t order_size_ = 0;
  std::size_t step_ = 1;
  std::vector<std::uint32_t> buckets_;
  std::size_t last_pair_ = 0;
};

// bsdiff's scan (Colin Percival, "Naive differences of executable code"), with equal blocks as given matches.
class Scanner {
 public:
  Scanner(const MatchInput& input, core::ByteView new_text, const SuffixIndex& index)
      : old_(input.old_text), new_(new_text), equal_(*input.equal), index_(index) {}

  Segments scan() {
    const std::uint64_t size = new_.size();
    std::uint64_t at = 0;
    std::uint64_t length = 0;
    std::uint64_t match = 0;
    while (at < size) {
      std::uint64_t old_score = 0;
      at += length;
      std::uint64_t scored = at;
      bool is_given = false;
      for (; at < size; ++at) {
        while (given_ < equal_.size() && equal_[given_].new_at + equal_[given_].size <= at)
          ++given_;
        if (given_ < equal_.size() && at >= equal_[given_].new_at) {
          const Segment& segment = equal_[given_];
          match = segment.old_at + (at - segment.new_at);
          length = segment.size - (at - segment.new_at);
          is_given = true;
          break;
        }
        const std::uint64_t limit = (given_ < equal_.size() ? equal_[given_].new_at : size) - at;
        // Where the current alignment goes on well there is nothing to look for.
        if (const std::uint64_t aligned = aligned_run(at, limit); aligned >= kAlignedRun) {
          length = aligned;
          match = at + offset_;
          break;
        }
        const auto hit = index_.search(new_.data() + at, static_cast<std::size_t>(std::min<std::uint64_t>(limit, kSearchMax)),
                                       at + offset_);
        length = hit.length;
        match = hit.old_at;
        for (; scored < at + length; ++scored)
          if (agrees(scored)) ++old_score;
        if ((length == old_score && length != 0) || length > old_score + kAdvantage) break;
        if (at >= scored) {
          scored = at + 1;
        } else if (agrees(at)) {
          --old_score;
        }
      }
      if (at >= size) length = 0;
      const bool continues = at < size && match - at == offset_;
      if (continues || (at < size && !is_given && length == old_score)) continue;
      emit(at, match, size);
      if (at < size) offset_ = match - at;
    }
    return std::move(out_);
  }

 private:
  static constexpr std::uint64_t kAlignedRun = 24;
  static constexpr std::uint64_t kAdvantage = 10;
  static constexpr std::uint64_t kSearchMax = 64U * 1024U;

  [[nodiscard]] bool agrees(std::uint64_t at) const {
    const std::uint64_t from = at + offset_;
    return from < old_.size() && at < new_.size() && old_[static_cast<std::size_t>(from)] == new_[static_cast<std::size_t>(at)];
  }
  [[nodiscard]] std::uint64_t aligned_run(std::uint64_t at, std::uint64_t limit) const {
    const std::uint64_t from = at + offset_;
    if (from >= old_.size()) return 0;
    return common_prefix(old_.data() + from, new_.data() + at,
                         static_cast<std::size_t>(std::min<std::uint64_t>(limit, old_.size() - from)));
  }

  // Ends the segment that began at last_new_ and starts one around (at, match).
  void emit(std::uint64_t at, std::uint64_t match, std::uint64_t size) {
    std::uint64_t forward = 0;
    {
      std::int64_t score = 0;
      std::int64_t best = 0;
      for (std::uint64_t i = 0; last_new_ + i < at && last_old_ + i < old_.size();) {
        if (old_[static_cast<std::size_t>(last_old_ + i)] == new_[static_cast<std::size_t>(last_new_ + i)]) ++score;
        ++i;
        if (score * 2 - static_cast<std::int64_t>(i) > best * 2 - static_cast<std::int64_t>(forward)) {
          best = score;
          forward = i;
        }
      }
    }
    std::uint64_t backward = 0;
    if (at < size) {
      std::int64_t score = 0;
      std::int64_t best = 0;
      for (std::uint64_t i = 1; at >= last_new_ + i && match >= i; ++i) {
        if (old_[static_cast<std::size_t>(match - i)] == new_[static_cast<std::size_t>(at - i)]) ++score;
        if (score * 2 - static_cast<std::int64_t>(i) > best * 2 - static_cast<std::int64_t>(backward)) {
          best = score;
          backward = i;
        }
      }
    }
    if (last_new_ + forward > at - backward) {
      const std::uint64_t overlap = last_new_ + forward - (at - backward);
      std::int64_t score = 0;
      std::int64_t best = 0;
      std::uint64_t keep = 0;
      for (std::uint64_t i = 0; i < overlap; ++i) {
        const auto n = new_[static_cast<std::size_t>(last_new_ + forward - overlap + i)];
        if (n == old_[static_cast<std::size_t>(last_old_ + forward - overlap + i)]) ++score;
        if (n == old_[static_cast<std::size_t>(match - backward + i)]) --score;
        if (score > best) {
          best = score;
          keep = i + 1;
        }
      }
      forward += keep - overlap;
      backward -= keep;
    }
    put(last_new_, last_old_, forward);
    last_new_ = at - backward;
    last_old_ = match - backward;
  }

  void put(std::uint64_t new_at, std::uint64_t old_at, std::uint64_t size) {
    constexpr std::uint64_t kPieceMax = 1ULL << 30U;
    for (; size != 0;) {
      const std::uint64_t piece = std::min(size, kPieceMax);
      if (!out_.empty() && out_.back().new_at + out_.back().size == new_at &&
          out_.back().old_at + out_.back().size == old_at && out_.back().size + piece <= kPieceMax) {
        out_.back().size += static_cast<std::uint32_t>(piece);
      } else {
        out_.push_back({new_at, old_at, static_cast<std::uint32_t>(piece)});
      }
      new_at += piece;
      old_at += piece;
      size -= piece;
    }
  }

  core::ByteView old_;
  core::ByteView new_;
  const Segments& equal_;
  const SuffixIndex& index_;
  std::size_t given_ = 0;
  std::uint64_t offset_ = 0;  // old - new of the current alignment, mod 2^64
  std::uint64_t last_new_ = 0;
  std::uint64_t last_old_ = 0;
  Segments out_;
};

}  // namespace

Segments match_equal_blocks(core::ByteView old_image, core::ByteView new_image) {
  const std::size_t old_blocks = old_image.size() / kBlockSize;
  const std::size_t new_blocks = new_image.size() / kBlockSize;
  std::unordered_map<std::uint64_t, std::uint32_t> first;
  first.reserve(old_blocks);
  std::size_t zero_run_at = 0;
  std::size_t zero_run_size = 0;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < old_blocks; ++i) {
    const auto block = old_image.subspan(i * kBlockSize, kBlockSize);
    if (is_all_zero(block)) {
      if (++zeros > zero_run_size) {
        zero_run_size = zeros;
        zero_run_at = i + 1 - zeros;
      }
      continue;
    }
    zeros = 0;
    first.try_emplace(block_hash(block.data()), static_cast<std::uint32_t>(i));
  }
  const auto same = [&](std::size_t o, std::size_t n) {
    return o < old_blocks &&
           std::memcmp(old_image.data() + o * kBlockSize, new_image.data() + n * kBlockSize, kBlockSize) == 0;
  };
  Segments out;
  std::size_t next = old_blocks;  // the old block that would go on with the run
  for (std::size_t n = 0; n < new_blocks; ++n) {
    const auto block = new_image.subspan(n * kBlockSize, kBlockSize);
    std::size_t found = old_blocks;
    const bool is_zero = is_all_zero(block);
    if (same(next, n)) {
      found = next;
    } else if (is_zero) {
      if (zero_run_size != 0) found = zero_run_at;
    } else if (const auto it = first.find(block_hash(block.data())); it != first.end() && same(it->second, n)) {
      found = it->second;
    }
    if (found == old_blocks) {
      next = old_blocks;
      continue;
    }
    if (found == next && !out.empty() && out.back().new_at + out.back().size == n * kBlockSize &&
        out.back().size < (1U << 30U)) {
      out.back().size += kBlockSize;
    } else {
      out.push_back({n * kBlockSize, found * kBlockSize, kBlockSize});
    }
    next = found + 1;
  }
  return out;
}

Segments match_texts(const MatchInput& input) {
  const SuffixIndex index(input.old_text, *input.equal, input.text_max);
  return Scanner(input, input.new_text(), index).scan();
}

}  // namespace aseptic::payload
