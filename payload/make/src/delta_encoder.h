// SPDX-License-Identifier: Apache-2.0
// Makes the delta between two images: match, pair programs, match again with projected references, then code chunk by
// chunk (docs/formats/delta.md). Called by the payload maker. Deterministic: the result depends on the two images and the
// options only. The caller decodes what this makes and compares, always.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "aseptic/core/result.h"
#include "aseptic/payload/decode/delta_chunk.h"
#include "delta_elements.h"
#include "delta_match.h"

namespace aseptic::payload {

// A delta's map with its own memory.
template <class Profile>
struct OwnedMap {
  std::vector<CopySegment<Profile>> segments;
  std::vector<typename Profile::Index> by_old;
  std::vector<typename Profile::Index> reach;
  std::vector<typename Profile::Index> buckets;
  std::vector<Element> elements;
  std::vector<AddressRange> ranges;
  std::vector<ReferenceArea> areas;

  DeltaMap<Profile> view(std::uint64_t old_size, std::uint64_t new_size) {
    by_old.resize(segments.size());
    reach.resize(segments.size());
    if (Profile::kBucketBits != 0) buckets.resize((std::size_t{1} << Profile::kBucketBits) + 1);
    DeltaMap<Profile> map;
    map.old_size = old_size;
    map.new_size = new_size;
    map.segments = segments;
    map.by_old = by_old;
    map.reach = reach;
    map.buckets = buckets;
    map.elements = elements;
    map.ranges = ranges;
    map.areas = areas;
    return map;
  }
  [[nodiscard]] DeltaCounts counts() const {
    return {static_cast<std::uint32_t>(segments.size()), static_cast<std::uint32_t>(elements.size()),
            static_cast<std::uint32_t>(ranges.size()), static_cast<std::uint32_t>(areas.size())};
  }
};

// What a caller knows about two texts better than a search would tell.
struct TextFacts {
  std::vector<FoundElement> old_elements;
  std::vector<FoundElement> new_elements;
  Segments equal;
};

struct DeltaPlanOptions {
  unsigned rounds = 3;  // 1: references masked; then again with references projected by what was found before
  const TextFacts* facts = nullptr;  // instead of looking for programs and equal blocks
  std::function<void()> release = [] {};  // called when the images' pages are not needed for a while
  std::uint64_t text_max = kMatchTextMax;
};

// The copy map and the directory for new_image from old_image.
OwnedMap<LinuxProfile> plan_delta(core::ByteView old_image, core::ByteView new_image, const DeltaPlanOptions& options);

core::Bytes encode_delta_section(DeltaMap<LinuxProfile>& map);

// What a chunk costs, by kind of byte: for tables of sizes.
struct DeltaShares {
  std::uint64_t copied = 0;
  std::uint64_t literals = 0;
  std::uint64_t differences = 0;
};

template <class Profile>
class DeltaChunkEncoder {
 public:
  DeltaChunkEncoder(const DeltaMap<Profile>& map, core::ByteView old_image, core::ByteView new_image);
  ~DeltaChunkEncoder();
  void reset();
  // What was learned so far, to go back to when a chunk is coded in another way after all.
  [[nodiscard]] std::unique_ptr<DeltaState<Profile>> save() const {
    return std::make_unique<DeltaState<Profile>>(*state_);
  }
  void restore(const std::unique_ptr<DeltaState<Profile>>& saved) { *state_ = *saved; }
  // The coded bytes of new bytes [new_at, new_at + size).
  core::Bytes encode(std::uint64_t new_at, std::uint64_t size);
  // True when these bytes are old ones as they are: then nothing needs to be coded, and nothing was learned.
  bool take_plain_copy(std::uint64_t new_at, std::uint64_t size);
  [[nodiscard]] const DeltaShares& shares() const { return shares_; }

 private:
  DeltaMap<Profile> map_;
  core::ByteView old_;
  core::ByteView new_;
  std::unique_ptr<DeltaState<Profile>> state_;
  core::Bytes buffer_;
  DeltaShares shares_;
};

}  // namespace aseptic::payload
