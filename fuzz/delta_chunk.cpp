// SPDX-License-Identifier: Apache-2.0
// Copied bytes of every kind of area, with coded bytes that mean nothing: the first byte chooses the kind, the next 32 are
// old bytes by which the scanners are led, the rest is coded. Nothing is read or written outside the chunk, and the same
// input gives the same bytes twice.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/decode/delta_chunk.h"

using namespace aseptic;
using namespace aseptic::payload;

namespace {

constexpr std::size_t kSize = 4096;

struct Repeated final : OldImage {
  bool read(std::uint64_t at, MutableBytes out) override {
    if (at > kSize || out.size() > kSize - at) return false;
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = pattern[(at + i) % pattern.size()];
    return true;
  }
  ByteView pattern;
};

Status decode(const std::uint8_t* data, std::size_t size, core::Bytes& out) {
  Element element{.window = {0x400000, 0x400000 + 2 * kSize, 0x400000, 0x400000 + kSize}, .ranges_at = 0, .old_ranges = 1, .new_ranges = 1};
  AddressRange ranges[2] = {{0x400000, 0, kSize}, {0x410000, 0, kSize}};
  ReferenceArea area{16, kSize - 16, 0x400010, 0, static_cast<AreaKind>(1 + data[0] % kAreaKindLast)};
  CopySegment<LinuxProfile> segments[2] = {{0, 0, 2000}, {2100, 1997, 1900}};
  std::uint32_t by_old[2], reach[2];
  DeltaMap<LinuxProfile> map;
  map.old_size = map.new_size = kSize;
  map.segments = segments;
  map.by_old = by_old;
  map.reach = reach;
  map.elements = {&element, 1};
  map.ranges = ranges;
  map.areas = {&area, 1};
  index_map(map);
  Repeated old;
  old.pattern = ByteView(data + 1, 32);
  CoreHasher hasher;
  core::Bytes used(kSize);
  if (!ok(check_map(map)) || !ok(read_old_bytes(map, old, 0, used))) std::abort();
  const Digest digest = digest_old_bytes(map, hasher, 0, used);
  core::Bytes stored(digest.begin(), digest.end());
  stored.insert(stored.end(), data + 33, data + size);
  static auto state = std::make_unique<DeltaState<LinuxProfile>>();
  *state = {};
  return decode_delta_chunk(map, *state, old, hasher, 0, stored, out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 34) return 0;
  core::Bytes first(kSize);
  core::Bytes second(kSize);
  const Status status = decode(data, size, first);
  if (status != decode(data, size, second) || first != second) std::abort();
  if (!ok(status) && status != Status::kBadDelta) std::abort();
  return 0;
}
