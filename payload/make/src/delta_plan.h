// SPDX-License-Identifier: Apache-2.0
// Plans the delta between two images: match, pair programs, match again with projected references (docs/formats/delta.md).
// Called by DeltaMaker and make_mcu_delta, which code what was planned. Deterministic: the result depends on the two images and
// the options only.
#pragma once

#include <functional>
#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_map.h"
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

}  // namespace aseptic::payload
