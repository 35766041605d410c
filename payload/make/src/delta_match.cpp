// SPDX-License-Identifier: Apache-2.0
#include "delta_match.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "aseptic/payload/apply/zero_blocks.h"
#include "common_prefix.h"
#include "suffix_index.h"

namespace aseptic::payload {
namespace {

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
