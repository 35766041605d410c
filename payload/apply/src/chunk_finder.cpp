// SPDX-License-Identifier: Apache-2.0
#include "chunk_finder.h"

namespace aseptic::payload {

ChunkFinder::Place ChunkFinder::find(std::uint64_t index, const Digest& digest, core::ByteSpan out) {
  const bool is_worth_it = asked_since_found_ < kMissesInARowMax || asked_since_found_ % kSeldom == 0;
  ++asked_since_found_;
  if (!is_worth_it) return Place::kNowhere;
  const Place place = look(index, digest, out);
  if (place != Place::kNowhere) asked_since_found_ = 0;
  return place;
}

// A read error means "not there". What is kept in its place is read from the medium itself.
ChunkFinder::Place ChunkFinder::look(std::uint64_t index, const Digest& digest, core::ByteSpan out) {
  const std::uint64_t at = index * chunk_size_;
  const auto holds_it = [&](const core::Result<void>& read) { return read && boot::equal(digests_.of(hasher_, out), digest); };
  if (index < hint_.chunks_written && holds_it(slot_.read_back(at, out))) return Place::kSlot;
  const bool is_in_base = base_.device != nullptr && base_.device != &slot_ && base_.device->size() >= at &&
                          base_.device->size() - at >= out.size();
  // SECURITY(T-29): the very bytes that are written are hashed, in the memory they are written from.
  if (is_in_base && holds_it(base_.device->read(at, out))) return Place::kBase;
  return Place::kNowhere;
}

}  // namespace aseptic::payload
