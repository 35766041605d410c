// SPDX-License-Identifier: Apache-2.0
#include "chunk_finder.h"

#include <algorithm>
#include <cstring>

#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::payload {
namespace {

std::uint64_t begin_of(const Digest& digest) {
  std::uint64_t value = 0;
  std::memcpy(&value, digest.data(), sizeof(value));
  return value;
}

}  // namespace

void ChunkFinder::index() {
  is_indexed_ = true;
  AlignedBuffer buffer(chunk_size_);
  CoreHasher hasher;
  const std::uint64_t end = std::min(slot_.image_size, slot_.device->size());
  for (std::uint64_t at = 0; at < end && places_.size() < kChunksMax; at += chunk_size_) {
    const core::ByteSpan bytes = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size_, end - at)));
    if (!slot_.device->read(at, bytes) || is_all_zero(bytes)) continue;  // a chunk that cannot be read is not there
    places_.push_back({begin_of(digests_.of(hasher, bytes)), at});
  }
  std::ranges::sort(places_, {}, &Place::digest_begin);
}

bool ChunkFinder::find(const Digest& digest, core::ByteSpan out) {
  if (!is_indexed_) index();
  const auto at = std::ranges::lower_bound(places_, begin_of(digest), {}, &Place::digest_begin);
  if (at == places_.end() || at->digest_begin != begin_of(digest)) return false;
  return out.size() <= slot_.device->size() - at->at && slot_.device->read(at->at, out);
}

}  // namespace aseptic::payload
