// SPDX-License-Identifier: Apache-2.0
#include "delta_engine.h"

#include <algorithm>
#include <memory>
#include <type_traits>

#include "aseptic/payload/apply/codes.h"

namespace aseptic::payload {

BaseReader::Window* BaseReader::window_at(std::uint64_t at) {
  Window* oldest = &windows_[0];
  for (Window& window : windows_) {
    if (window.at == at) {
      window.used = ++clock_;
      return &window;
    }
    if (window.used < oldest->used) oldest = &window;
  }
  const std::uint64_t size = std::min(kWindowSize, base_.device->size() - at);
  oldest->at = ~std::uint64_t{0};
  if (!base_.device->read(at, oldest->bytes.first(static_cast<std::size_t>(size)))) return nullptr;
  oldest->at = at;
  oldest->used = ++clock_;
  return oldest;
}

bool BaseReader::read(std::uint64_t at, MutableBytes out) {
  if (base_.device == nullptr || !delta_map::lies_inside(at, out.size(), base_.image_size)) return false;
  if (out.size() >= kWindowSize) return static_cast<bool>(base_.device->read(at, out));
  while (!out.empty()) {
    const std::uint64_t start = at / kWindowSize * kWindowSize;
    Window* window = window_at(start);
    if (window == nullptr) return false;
    const auto skip = static_cast<std::size_t>(at - start);
    const std::size_t count = std::min<std::size_t>(out.size(), static_cast<std::size_t>(kWindowSize) - skip);
    const core::ByteSpan bytes = window->bytes.span().subspan(skip, count);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    out = out.subspan(count);
    at += count;
  }
  return true;
}

static_assert(std::is_trivially_destructible_v<DeltaState<LinuxProfile>>);

DeltaEngine::DeltaEngine(const PayloadHeader& header, const BaseSlot& base) : header_(header), base_(base) {
  if (header.has(Encoding::kDelta)) state_ = std::make_unique<DeltaState<LinuxProfile>>();
}

core::Result<void> DeltaEngine::load(core::ByteView section) {
  DeltaSectionHeader counts_header;
  if (const Status status = decode_delta_section_header(section, counts_header); !ok(status))
    return to_error(status, "payload copy map");
  const DeltaCounts& counts = counts_header.counts;
  segments_.resize(counts.segments);
  by_old_.resize(counts.segments);
  reach_.resize(counts.segments);
  buckets_.resize((std::size_t{1} << LinuxProfile::kBucketBits) + 1);
  elements_.resize(counts.elements);
  ranges_.resize(counts.ranges);
  areas_.resize(counts.areas);
  map_.old_size = header_.base_image_size;
  map_.new_size = header_.image_size;
  map_.segments = segments_;
  map_.by_old = by_old_;
  map_.reach = reach_;
  map_.buckets = buckets_;
  map_.elements = elements_;
  map_.ranges = ranges_;
  map_.areas = areas_;
  if (const Status status = decode_delta_section(section, map_); !ok(status)) return to_error(status, "payload copy map");
  return {};
}

Status DeltaEngine::decode(const ChunkEntry& entry, std::uint64_t index, ByteView stored, boot::Hasher& hasher,
                           MutableBytes out) {
  if (stored.size() != entry.stored_size || out.size() != entry.decoded_size) return Status::kBufferSize;
  if (!boot::equal(boot::hash_of(hasher, stored), entry.stored_digest)) return Status::kStoredDigest;
  // What was learned belongs to one group; chunks in front of this one must have taught it.
  if (entry.source_offset == index) {
    std::construct_at(state_.get());  // in place: it is large, and nothing in it needs to be destroyed
    group_ = index;
  }
  if (entry.source_offset != group_) return Status::kBadSource;
  const Status status =
      decode_delta_chunk(map_, *state_, base_, hasher, index * header_.chunk_size, stored, out);
  if (!ok(status)) return status;
  // SECURITY(T-29): bytes made from a base are compared before they are written.
  return boot::equal(boot::hash_of(hasher, out), entry.decoded_digest) ? Status::kOk : Status::kNewDigest;
}

Status DeltaEngine::copy(const ChunkEntry& entry, MutableBytes out) {
  return out.size() == entry.decoded_size && base_.read(entry.source_offset, out) ? Status::kOk : Status::kOldUnreadable;
}

}  // namespace aseptic::payload
