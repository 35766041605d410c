// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/sha256_pair.h"

#include <algorithm>
#include <array>

#include "aseptic/core/assert.h"
#include "sha256_two_lanes.h"

namespace aseptic::core {
namespace {

constexpr std::size_t kBlock = 64;

// One message in blocks: prefix and the first bytes, blocks of the body as they lie there, and the end with its padding
// (FIPS 180-4, 5.1.1).
class Blocks {
 public:
  Blocks(ByteView prefix, ByteView body) : body_(body.subspan(kBlock - prefix.size())) {
    std::copy(prefix.begin(), prefix.end(), head_.begin());
    std::copy_n(body.begin(), kBlock - prefix.size(), head_.begin() + static_cast<std::ptrdiff_t>(prefix.size()));
    const ByteView rest = body_.subspan(whole() * kBlock);
    std::copy(rest.begin(), rest.end(), tail_.begin());
    tail_[rest.size()] = 0x80;
    constexpr std::size_t kLengthSize = 8;
    tail_blocks_ = rest.size() + 1 + kLengthSize <= kBlock ? 1 : 2;
    std::uint64_t bits = (prefix.size() + body.size()) * 8;
    for (std::size_t i = 1; i <= kLengthSize; ++i, bits >>= 8U)
      tail_[tail_blocks_ * kBlock - i] = static_cast<std::uint8_t>(bits);
  }

  [[nodiscard]] const std::uint8_t* head() const { return head_.data(); }
  [[nodiscard]] const std::uint8_t* body() const { return body_.data(); }
  [[nodiscard]] const std::uint8_t* tail() const { return tail_.data(); }
  [[nodiscard]] std::size_t whole() const { return body_.size() / kBlock; }
  [[nodiscard]] std::size_t tail_blocks() const { return tail_blocks_; }

 private:
  std::array<std::uint8_t, kBlock> head_{};
  ByteView body_;
  std::array<std::uint8_t, 2 * kBlock> tail_{};
  std::size_t tail_blocks_ = 1;
};

Digest digest_of(const Sha256State& state) {
  Digest digest;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i)
    digest.bytes[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

DigestPair two_lanes(const Blocks& a, const Blocks& b) {
  Sha256State first = kSha256Start;
  Sha256State second = kSha256Start;
  sha256_two_lanes(first, second, a.head(), b.head(), 1);
  sha256_two_lanes(first, second, a.body(), b.body(), a.whole());
  sha256_two_lanes(first, second, a.tail(), b.tail(), a.tail_blocks());
  return {digest_of(first), digest_of(second)};
}

}  // namespace

DigestPair sha256_one_by_one(ByteView prefix, ByteView first, ByteView second) {
  thread_local Sha256 hash;
  const Digest a = hash.update(prefix).update(first).finish();
  return {a, hash.update(prefix).update(second).finish()};
}

DigestPair sha256_pair(ByteView prefix, ByteView first, ByteView second) {
  ASEPTIC_ASSERT(first.size() == second.size());
  static const bool has_two_lanes = has_sha256_two_lanes();
  const bool fills_a_block = prefix.size() < kBlock && prefix.size() + first.size() >= kBlock;
  if (!has_two_lanes || !fills_a_block) return sha256_one_by_one(prefix, first, second);
  return two_lanes(Blocks(prefix, first), Blocks(prefix, second));
}

}  // namespace aseptic::core
