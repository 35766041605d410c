// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {
namespace {

struct SectionWire {
  std::uint8_t magic[8];
  boot::Le16 format;
  boot::Le16 profile;
  boot::Le32 segments;
  boot::Le32 elements;
  boot::Le32 ranges;
  boot::Le32 areas;
  std::uint8_t reserved[4];
};
static_assert(sizeof(SectionWire) == kDeltaSectionHeaderSize && alignof(SectionWire) == 1);
constexpr std::uint16_t kProfileLinux = 1;

ByteView magic_bytes() {
  return {reinterpret_cast<const std::uint8_t*>(kDeltaMagic), 8};
}

}  // namespace

Status decode_delta_section_header(ByteView section, DeltaSectionHeader& out) {
  if (section.size() < kDeltaSectionHeaderSize || section.size() > kDeltaSectionMax) return Status::kBadLength;
  SectionWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), section.first(kDeltaSectionHeaderSize));
  if (!boot::equal(wire.magic, magic_bytes())) return Status::kBadMagic;
  if (wire.format.get() != kDeltaFormat || wire.profile.get() != kProfileLinux) return Status::kBadDeltaHeader;
  if (!boot::all_bytes_are(wire.reserved, 0)) return Status::kReservedNotZero;
  const DeltaCounts counts{wire.segments.get(), wire.elements.get(), wire.ranges.get(), wire.areas.get()};
  // SECURITY(T-42): limits first; no memory is ever asked for by a larger number.
  if (!counts_fit<LinuxProfile>(counts)) return Status::kDeltaLimit;
  out.counts = counts;
  return Status::kOk;
}

void encode_delta_section_header(const DeltaCounts& counts, MutableBytes out) {
  SectionWire wire{};
  boot::copy_bytes(wire.magic, magic_bytes());
  wire.format.set(kDeltaFormat);
  wire.profile.set(kProfileLinux);
  wire.segments.set(counts.segments);
  wire.elements.set(counts.elements);
  wire.ranges.set(counts.ranges);
  wire.areas.set(counts.areas);
  boot::copy_bytes(out, boot::bytes_of(wire));
}

Status decode_delta_section(ByteView section, DeltaMap<LinuxProfile>& map) {
  DeltaSectionHeader header;
  ASEPTIC_PAYLOAD_TRY(decode_delta_section_header(section, header));
  const DeltaCounts& counts = header.counts;
  if (map.segments.size() != counts.segments || map.by_old.size() != counts.segments || map.reach.size() != counts.segments ||
      map.elements.size() != counts.elements || map.ranges.size() != counts.ranges || map.areas.size() != counts.areas)
    return Status::kBufferSize;
  RangeDecoder coder(section.subspan(kDeltaSectionHeaderSize));
  MapModels<LinuxProfile> models;
  code_map(coder, models, map);
  if (!coder.is_consumed()) return Status::kBadCopyMap;
  ASEPTIC_PAYLOAD_TRY(check_map(map));
  index_map(map);
  return Status::kOk;
}

Status read_old_bytes(const DeltaMap<LinuxProfile>& map, OldImage& old, std::uint64_t new_at, MutableBytes out) {
  bool is_read = true;
  for_each_part(
      map, new_at, out.size(),
      [&](std::uint64_t offset, std::uint64_t old_at, std::uint64_t count) {
        is_read = is_read && old.read(old_at, out.subspan(static_cast<std::size_t>(offset),
                                                          static_cast<std::size_t>(count)));
      },
      [](std::uint64_t, std::uint64_t) {});
  return is_read ? Status::kOk : Status::kOldUnreadable;
}

Digest digest_old_bytes(const DeltaMap<LinuxProfile>& map, boot::Hasher& hasher, std::uint64_t new_at, ByteView bytes) {
  Digest digest{};
  hasher.reset();
  for_each_part(
      map, new_at, bytes.size(),
      [&](std::uint64_t offset, std::uint64_t, std::uint64_t count) {
        hasher.update(bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)));
      },
      [](std::uint64_t, std::uint64_t) {});
  hasher.finish(digest);
  return digest;
}

bool is_covered(const DeltaMap<LinuxProfile>& map, std::uint64_t new_at, std::uint64_t size) {
  bool covered = true;
  for_each_part(
      map, new_at, size, [](std::uint64_t, std::uint64_t, std::uint64_t) {}, [&](std::uint64_t, std::uint64_t) { covered = false; });
  return covered;
}

Status decode_delta_chunk(const DeltaMap<LinuxProfile>& map, DeltaState<LinuxProfile>& state, OldImage& old,
                          boot::Hasher& hasher, std::uint64_t new_at, ByteView stored, MutableBytes out) {
  if (stored.size() < boot::kDigestSize) return Status::kBadDelta;
  if (!delta_map::lies_inside(new_at, out.size(), map.new_size)) return Status::kBufferSize;
  ASEPTIC_PAYLOAD_TRY(read_old_bytes(map, old, new_at, out));
  // SECURITY(T-29): the very bytes in `out` are hashed, and then changed in place.
  if (!boot::equal(digest_old_bytes(map, hasher, new_at, out), stored.first(boot::kDigestSize)))
    return Status::kOldDigest;
  if (is_plain_copy(stored)) return is_covered(map, new_at, out.size()) ? Status::kOk : Status::kBadDelta;
  RangeDecoder coder(stored.subspan(boot::kDigestSize));
  DecodingSink<LinuxProfile, RangeDecoder> sink(coder, state, new_at);
  RunWalker<LinuxProfile, DecodingSink<LinuxProfile, RangeDecoder>> walker(map, state.learned, sink);
  for_each_part(
      map, new_at, out.size(),
      [&](std::uint64_t offset, std::uint64_t old_at, std::uint64_t count) {
        walker.walk(out.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)), old_at,
                    new_at + offset);
      },
      [&](std::uint64_t offset, std::uint64_t count) {
        sink.literals(out.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)),
                      bytes_before(out, static_cast<std::size_t>(offset)));
      });
  // A coder that ran dry or was left with bytes did not make what the publisher coded.
  return coder.is_consumed() ? Status::kOk : Status::kBadDelta;
}

}  // namespace aseptic::payload
