// SPDX-License-Identifier: Apache-2.0
// A delta's copy map and directory from arbitrary bytes: a refusal, or a map whose every segment, range and area lies where
// it may, whose index is a permutation, and whose answers about any old byte are the same with and without the index.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "aseptic/payload/decode/delta_chunk.h"

using namespace aseptic::payload;

namespace {
void need(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kOldSize = 1U << 20U;
  constexpr std::uint64_t kNewSize = (1U << 20U) + 8192;
  const ByteView section(data, size);
  DeltaSectionHeader header;
  if (!ok(decode_delta_section_header(section, header))) return 0;
  const DeltaCounts& counts = header.counts;
  if (counts.segments > 4096 || counts.ranges > 4096 || counts.areas > 4096) return 0;  // keeps one run short
  std::vector<CopySegment<LinuxProfile>> segments(counts.segments);
  std::vector<std::uint32_t> by_old(counts.segments), reach(counts.segments), buckets((1U << LinuxProfile::kBucketBits) + 1);
  std::vector<Element> elements(counts.elements);
  std::vector<AddressRange> ranges(counts.ranges);
  std::vector<ReferenceArea> areas(counts.areas);
  DeltaMap<LinuxProfile> map;
  map.old_size = kOldSize;
  map.new_size = kNewSize;
  map.segments = segments;
  map.by_old = by_old;
  map.reach = reach;
  map.buckets = buckets;
  map.elements = elements;
  map.ranges = ranges;
  map.areas = areas;
  if (!ok(decode_delta_section(section, map))) return 0;
  std::uint64_t end = 0;
  for (const auto& segment : segments) {
    need(segment.new_at >= end && segment.size != 0);
    end = segment.new_at + segment.size;
    need(end <= kNewSize && segment.old_at <= kOldSize && segment.size <= kOldSize - segment.old_at);
  }
  for (const auto& area : areas)
    need(area.element < elements.size() && area.at <= kOldSize && area.size <= kOldSize - area.at);
  for (std::uint64_t at = 0; at < kOldSize; at += 8191)
    need(segment_of_old(map, at) == segment_of_old_unindexed(map, at));
  std::sort(by_old.begin(), by_old.end());
  for (std::size_t i = 0; i < by_old.size(); ++i)
    need(by_old[i] == i);
  return 0;
}
