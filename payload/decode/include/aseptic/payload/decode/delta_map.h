// SPDX-License-Identifier: Apache-2.0
// The copy map of a delta and its directory of elements: which old bytes go where, and where addresses lie in them
// (docs/formats/delta.md). Called by the delta codec on both sides. Invariants after check_map: segments ascend in the new
// image without overlap and lie inside both images; areas ascend in the old image without overlap; ranges and areas lie
// inside their images; every index is in range. Security: nothing here is parsed before its digest was checked, and still
// nothing is trusted; all memory belongs to the caller and is sized by limits, never by what a delta says. Freestanding.
#pragma once
#include "aseptic/payload/decode/entropy.h"
#include "aseptic/payload/decode/reference_sites.h"
#include "aseptic/payload/format/status.h"

namespace aseptic::payload {

// Sizes that differ between a device with an operating system and a microcontroller.
struct LinuxProfile {
  using Offset = std::uint64_t;
  using Index = std::uint32_t;
  static constexpr unsigned kNumberBits = 6;     // lengths of coded numbers up to 2^6 - 1 bits
  static constexpr unsigned kContextBits = 15;   // models per hashed context table
  static constexpr unsigned kHabitBits = 14;     // contexts whose last byte is remembered
  static constexpr unsigned kPhases = 4;         // bytes are told apart by their address modulo this
  static constexpr unsigned kLearnedBits = 12;   // corrections remembered
  static constexpr unsigned kFieldClasses = 16;  // of the bytes of address fields, with models of their own
  static constexpr bool kIsThumbOnly = false;    // knows code of one processor family only
  static constexpr bool kSharesContexts = false; // differences and literals in one set of hashed models
  static constexpr unsigned kBucketBits = 14;    // of the index over old offsets
  static constexpr std::uint64_t kPieceSize = 1ULL << 62U;  // runs are cut at multiples of it
  static constexpr std::uint32_t kSegmentsMax = 96U * 1024U;
  static constexpr std::uint32_t kElementsMax = 4096;
  static constexpr std::uint32_t kRangesMax = 32768;
  static constexpr std::uint32_t kAreasMax = 32768;
};
struct McuProfile {
  using Offset = std::uint32_t;
  using Index = std::uint16_t;
  static constexpr unsigned kNumberBits = 5;
  static constexpr unsigned kContextBits = 10;
  static constexpr unsigned kHabitBits = 8;
  static constexpr unsigned kPhases = 2;
  static constexpr unsigned kLearnedBits = 4;
  static constexpr unsigned kFieldClasses = 4;
  static constexpr bool kIsThumbOnly = true;
  static constexpr bool kSharesContexts = true;
  static constexpr unsigned kBucketBits = 0;
  static constexpr std::uint64_t kPieceSize = 512;
  static constexpr std::uint32_t kSegmentsMax = 320;
  static constexpr std::uint32_t kElementsMax = 1;
  static constexpr std::uint32_t kRangesMax = 6;
  static constexpr std::uint32_t kAreasMax = 6;
};

// Bytes [new_at, new_at + size) of the new image start as old bytes [old_at, old_at + size).
template <class Profile>
struct CopySegment {
  typename Profile::Offset new_at = 0;
  typename Profile::Offset old_at = 0;
  std::uint32_t size = 0;
};
// Image bytes [at, at + size) are seen by the processor at `address`.
struct AddressRange {
  std::uint64_t address = 0;
  std::uint64_t at = 0;
  std::uint64_t size = 0;
};
struct ReferenceArea {
  std::uint64_t at = 0;  // in the old image
  std::uint64_t size = 0;
  std::uint64_t address = 0;
  std::uint32_t element = 0;
  AreaKind kind = AreaKind::kWords64;
};
// A program: where its old and its new form lie in the images and in the address space.
struct Element {
  AddressWindow window;  // of the old form
  std::uint32_t ranges_at = 0;  // old ranges, then new ranges
  std::uint32_t old_ranges = 0;
  std::uint32_t new_ranges = 0;
};

struct DeltaCounts {
  std::uint32_t segments = 0;
  std::uint32_t elements = 0;
  std::uint32_t ranges = 0;
  std::uint32_t areas = 0;
};

template <class Profile>
struct DeltaMap {
  std::uint64_t old_size = 0;
  std::uint64_t new_size = 0;
  std::span<CopySegment<Profile>> segments;
  std::span<typename Profile::Index> by_old;   // indices of segments, ascending old_at; may be missing: slower
  std::span<typename Profile::Index> reach;    // for each of by_old: who of those up to it ends last
  std::span<typename Profile::Index> buckets;  // (1 << kBucketBits) + 1 of them, or none
  std::span<Element> elements;
  std::span<AddressRange> ranges;
  std::span<ReferenceArea> areas;
  unsigned bucket_shift = 0;

  [[nodiscard]] std::span<const AddressRange> old_ranges(const Element& element) const {
    return std::span<const AddressRange>(ranges).subspan(element.ranges_at, element.old_ranges);
  }
  [[nodiscard]] std::span<const AddressRange> new_ranges(const Element& element) const {
    return std::span<const AddressRange>(ranges).subspan(element.ranges_at + element.old_ranges,
                                                         element.new_ranges);
  }
};

template <class Profile>
constexpr bool counts_fit(const DeltaCounts& counts) {
  return counts.segments <= Profile::kSegmentsMax && counts.elements <= Profile::kElementsMax &&
         counts.ranges <= Profile::kRangesMax && counts.areas <= Profile::kAreasMax;
}

namespace delta_map {

template <class Profile>
struct SegmentModels {
  NumberModel<Profile::kNumberBits> gap;
  NumberModel<Profile::kNumberBits> size;
  NumberModel<Profile::kNumberBits> shift;
  BitModel repeats[4];
};

template <class Coder, class Profile>
void code_segments(Coder& coder, SegmentModels<Profile>& models, DeltaMap<Profile>& map) {
  std::uint64_t new_end = 0;
  std::int64_t recent[3] = {0, 0, 0};
  for (auto& segment : map.segments) {
    const std::uint64_t gap = code_number(coder, models.gap, segment.new_at - new_end);
    const std::uint64_t size = code_number(coder, models.size, segment.size);
    const auto shift = static_cast<std::int64_t>(static_cast<std::uint64_t>(segment.old_at) -
                                                 static_cast<std::uint64_t>(segment.new_at));
    std::uint32_t which = 0;  // 1 … 3: a recent shift
    for (std::uint32_t i = 3; i-- > 0;)
      if (recent[i] == shift) which = i + 1;
    which = code_tree(coder, models.repeats, 2, which);
    std::int64_t coded = 0;
    if (which == 0) {
      coded = static_cast<std::int64_t>(
          static_cast<std::uint64_t>(recent[0]) +
          static_cast<std::uint64_t>(code_signed(
              coder, models.shift,
              static_cast<std::int64_t>(static_cast<std::uint64_t>(shift) - static_cast<std::uint64_t>(recent[0])))));
      which = 3;
    } else {
      coded = recent[which - 1];
    }
    for (std::uint32_t i = which - 1; i > 0; --i)
      recent[i] = recent[i - 1];
    recent[0] = coded;
    if constexpr (!Coder::kEncodes) {
      const std::uint64_t new_at = new_end + gap;
      segment.new_at = static_cast<typename Profile::Offset>(new_at);
      segment.size = static_cast<std::uint32_t>(size);
      segment.old_at = static_cast<typename Profile::Offset>(new_at + static_cast<std::uint64_t>(coded));
      new_end = new_at + size;
      // SECURITY(T-35): what does not fit the offset type must not come back as something that does.
      if (new_at != segment.new_at || new_at + static_cast<std::uint64_t>(coded) != segment.old_at ||
          size != segment.size)
        segment.size = 0;
    } else {
      new_end = segment.new_at + segment.size;
    }
  }
}

template <class Coder, unsigned LengthBits>
void code_field(Coder& coder, NumberModel<LengthBits>& model, std::uint64_t& field, std::uint64_t base) {
  const std::int64_t difference = code_signed(coder, model, static_cast<std::int64_t>(field - base));
  if constexpr (!Coder::kEncodes) field = base + static_cast<std::uint64_t>(difference);
}

template <class Profile>
struct DirectoryModels {
  NumberModel<Profile::kNumberBits> count;
  NumberModel<Profile::kNumberBits> at;
  NumberModel<Profile::kNumberBits> size;
  NumberModel<Profile::kNumberBits> address;
  NumberModel<Profile::kNumberBits> window;
  BitModel kind[16][16];
};

template <class Coder, class Profile>
void code_elements(Coder& coder, DirectoryModels<Profile>& models, DeltaMap<Profile>& map) {
  std::uint64_t at = 0;
  for (Element& element : map.elements) {
    std::uint64_t old_count = element.old_ranges;
    std::uint64_t new_count = element.new_ranges;
    code_field(coder, models.count, old_count, 0);
    code_field(coder, models.count, new_count, 0);
    element.ranges_at = static_cast<std::uint32_t>(at);
    element.old_ranges = static_cast<std::uint32_t>(old_count & 0xFFFFU);
    element.new_ranges = static_cast<std::uint32_t>(new_count & 0xFFFFU);
    at += std::uint64_t{element.old_ranges} + element.new_ranges;
    code_field(coder, models.window, element.window.low, 0);
    code_field(coder, models.window, element.window.high, element.window.low);
    code_field(coder, models.window, element.window.code_low, element.window.low);
    code_field(coder, models.window, element.window.code_high, element.window.code_low);
  }
  std::uint64_t end = 0;
  std::uint64_t bias = 0;  // address - at
  for (AddressRange& range : map.ranges) {
    code_field(coder, models.at, range.at, end);
    code_field(coder, models.size, range.size, 0);
    code_field(coder, models.address, range.address, range.at + bias);
    end = range.at + range.size;
    bias = range.address - range.at;
  }
  end = 0;
  bias = 0;
  std::uint64_t element_before = 0;
  std::uint32_t kind_before = 0;
  for (ReferenceArea& area : map.areas) {
    code_field(coder, models.at, area.at, end);
    code_field(coder, models.size, area.size, 0);
    code_field(coder, models.address, area.address, area.at + bias);
    std::uint64_t element = area.element;
    code_field(coder, models.count, element, element_before);
    area.element = static_cast<std::uint32_t>(element);
    if (element != area.element) area.element = 0xFFFFFFFFU;
    kind_before = code_tree(coder, models.kind[kind_before], 4, static_cast<std::uint32_t>(area.kind) & 15U);
    area.kind = static_cast<AreaKind>(kind_before);
    end = area.at + area.size;
    bias = area.address - area.at;
    element_before = area.element;
  }
}

inline bool lies_inside(std::uint64_t at, std::uint64_t size, std::uint64_t whole) {
  return at <= whole && size <= whole - at;
}

}  // namespace delta_map

// Codes segments, elements, ranges and areas; the spans have their final sizes before.
template <class Profile>
struct MapModels {
  delta_map::SegmentModels<Profile> segments;
  delta_map::DirectoryModels<Profile> directory;
};
template <class Coder, class Profile>
void code_map(Coder& coder, MapModels<Profile>& models, DeltaMap<Profile>& map) {
  delta_map::code_segments(coder, models.segments, map);
  delta_map::code_elements(coder, models.directory, map);
}

// SECURITY(T-35): the rules of the map, checked once after decoding; every later access relies on them.
template <class Profile>
Status check_map(const DeltaMap<Profile>& map) {
  std::uint64_t end = 0;
  for (const auto& segment : map.segments) {
    if (segment.size == 0 || segment.new_at < end) return Status::kBadCopyMap;
    if (!delta_map::lies_inside(segment.new_at, segment.size, map.new_size)) return Status::kBadCopyMap;
    if (!delta_map::lies_inside(segment.old_at, segment.size, map.old_size)) return Status::kBadCopyMap;
    end = std::uint64_t{segment.new_at} + segment.size;
  }
  std::uint64_t ranges = 0;
  for (const Element& element : map.elements) {
    if (element.old_ranges == 0 || element.new_ranges == 0) return Status::kBadDirectory;
    ranges += std::uint64_t{element.old_ranges} + element.new_ranges;
    if (ranges > map.ranges.size()) return Status::kBadDirectory;
    const AddressWindow& window = element.window;
    if (window.low > window.high || window.code_low > window.code_high) return Status::kBadDirectory;
    for (const AddressRange& range : map.old_ranges(element))
      if (!delta_map::lies_inside(range.at, range.size, map.old_size)) return Status::kBadDirectory;
    for (const AddressRange& range : map.new_ranges(element))
      if (!delta_map::lies_inside(range.at, range.size, map.new_size)) return Status::kBadDirectory;
  }
  if (ranges != map.ranges.size()) return Status::kBadDirectory;
  end = 0;
  for (const ReferenceArea& area : map.areas) {
    const auto kind = static_cast<std::uint8_t>(area.kind);
    if (area.size == 0 || area.at < end || area.element >= map.elements.size()) return Status::kBadDirectory;
    if (kind == 0 || kind > kAreaKindLast) return Status::kBadDirectory;
    if (Profile::kIsThumbOnly && area.kind != AreaKind::kThumbCode && area.kind != AreaKind::kWords32)
      return Status::kBadDirectory;
    if (!delta_map::lies_inside(area.at, area.size, map.old_size)) return Status::kBadDirectory;
    end = area.at + area.size;
  }
  return Status::kOk;
}

// Sorts by_old (heap sort: no memory, no recursion) and fills the buckets. Ties keep the order of the segments.
template <class Profile>
void index_map(DeltaMap<Profile>& map) {
  using Index = typename Profile::Index;
  const std::size_t count = map.segments.size();
  for (std::size_t i = 0; i < count; ++i)
    map.by_old[i] = static_cast<Index>(i);
  const auto less = [&](Index a, Index b) {
    return map.segments[a].old_at != map.segments[b].old_at ? map.segments[a].old_at < map.segments[b].old_at : a < b;
  };
  const auto sift = [&](std::size_t root, std::size_t size) {
    for (std::size_t child = 2 * root + 1; child < size; child = 2 * root + 1) {
      if (child + 1 < size && less(map.by_old[child], map.by_old[child + 1])) ++child;
      if (!less(map.by_old[root], map.by_old[child])) return;
      const Index held = map.by_old[root];
      map.by_old[root] = map.by_old[child];
      map.by_old[child] = held;
      root = child;
    }
  };
  for (std::size_t i = count / 2; i-- > 0;)
    sift(i, count);
  for (std::size_t end = count; end-- > 1;) {
    const Index held = map.by_old[0];
    map.by_old[0] = map.by_old[end];
    map.by_old[end] = held;
    sift(0, end);
  }
  const auto end_of = [&](Index i) { return std::uint64_t{map.segments[i].old_at} + map.segments[i].size; };
  for (std::size_t i = 0; i < count; ++i) {
    const Index own = map.by_old[i];
    map.reach[i] = i == 0 || end_of(own) >= end_of(map.reach[i - 1]) ? own : map.reach[i - 1];
  }
  if (map.buckets.empty()) return;
  map.bucket_shift = 0;
  while ((map.old_size >> map.bucket_shift) >= map.buckets.size())
    ++map.bucket_shift;
  std::size_t at = 0;  // buckets[b]: first of by_old whose old_at lies in bucket b or later
  for (std::size_t bucket = 0; bucket < map.buckets.size(); ++bucket) {
    while (at < count && (map.segments[map.by_old[at]].old_at >> map.bucket_shift) < bucket)
      ++at;
    map.buckets[bucket] = static_cast<Index>(at);
  }
}

// Where old byte `at` went: of the segments that hold it the longer one, of those that do not the one in front of it;
// nullptr when there is none.
template <class Profile>
const CopySegment<Profile>* chosen_segment(const CopySegment<Profile>& nearest, const CopySegment<Profile>& farthest,
                                           std::uint64_t at) {
  // Bytes may be copied twice; what is part of a long copy is most likely the one that references mean.
  const bool is_held = at - farthest.old_at < farthest.size;
  return is_held && (at - nearest.old_at >= nearest.size || farthest.size > nearest.size) ? &farthest : &nearest;
}
// The same answer as with the index, by looking at every segment.
template <class Profile>
const CopySegment<Profile>* segment_of_old_unindexed(const DeltaMap<Profile>& map, std::uint64_t at) {
  const CopySegment<Profile>* nearest = nullptr;
  const CopySegment<Profile>* farthest = nullptr;
  const auto end_of = [](const CopySegment<Profile>& segment) { return std::uint64_t{segment.old_at} + segment.size; };
  for (const auto& segment : map.segments) {
    if (segment.old_at > at) continue;
    if (nearest == nullptr || segment.old_at >= nearest->old_at) nearest = &segment;
    const bool is_farther = farthest == nullptr || end_of(segment) > end_of(*farthest) ||
                            (end_of(segment) == end_of(*farthest) && segment.old_at >= farthest->old_at);
    if (is_farther) farthest = &segment;
  }
  return nearest == nullptr ? nullptr : chosen_segment(*nearest, *farthest, at);
}

template <class Profile>
const CopySegment<Profile>* segment_of_old(const DeltaMap<Profile>& map, std::uint64_t at) {
  if (map.by_old.empty()) return segment_of_old_unindexed(map, at);
  std::size_t low = 0;
  std::size_t high = map.segments.size();
  if (!map.buckets.empty()) {
    const auto bucket = static_cast<std::size_t>(at >> map.bucket_shift);
    if (bucket + 1 < map.buckets.size()) {
      low = map.buckets[bucket];
      high = map.buckets[bucket + 1];
    }
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (map.segments[map.by_old[middle]].old_at <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  return chosen_segment(map.segments[map.by_old[low - 1]], map.segments[map.reach[low - 1]], at);
}

// Index of the first segment that ends behind `new_at`.
template <class Profile>
std::size_t segment_of_new(const DeltaMap<Profile>& map, std::uint64_t new_at) {
  std::size_t low = 0;
  std::size_t high = map.segments.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (std::uint64_t{map.segments[middle].new_at} + map.segments[middle].size > new_at) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

inline const AddressRange* range_of_address(std::span<const AddressRange> ranges, std::uint64_t address) {
  for (const AddressRange& range : ranges)
    if (address - range.address < range.size) return &range;
  return nullptr;
}
inline const AddressRange* range_at(std::span<const AddressRange> ranges, std::uint64_t at) {
  for (const AddressRange& range : ranges)
    if (at - range.at < range.size) return &range;
  return nullptr;
}

}  // namespace aseptic::payload
