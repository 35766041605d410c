// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/decode/delta_mcu.h"

#include <new>

namespace aseptic::payload {
namespace {

struct McuHeaderWire {
  std::uint8_t magic[8];
  boot::Le16 format;
  boot::Le16 profile;
  boot::Le32 old_size;
  boot::Le32 new_size;
  boot::Le32 map_size;
  boot::Le32 coded_size;
  boot::Le16 segments;
  boot::Le8 ranges;
  boot::Le8 areas;
  Digest old_digest;
  Digest new_digest;
  Digest body_digest;
};
static_assert(sizeof(McuHeaderWire) == kMcuDeltaHeaderSize && alignof(McuHeaderWire) == 1);
constexpr std::uint16_t kProfileMcu = 2;

ByteView magic_bytes() {
  return {reinterpret_cast<const std::uint8_t*>(kMcuDeltaMagic), 8};
}

using Sink = DecodingSink<McuProfile, RangeDecoder>;

Status check_old_image(OldImage& old, const McuDeltaHeader& header, boot::Hasher& hasher, MutableBytes piece) {
  hasher.reset();
  for (std::uint32_t at = 0; at < header.old_size;) {
    const std::uint32_t rest = header.old_size - at;
    const MutableBytes part = piece.first(rest < piece.size() ? rest : piece.size());
    if (!old.read(at, part)) return Status::kOldUnreadable;
    hasher.update(part);
    at += static_cast<std::uint32_t>(part.size());
  }
  Digest digest{};
  hasher.finish(digest);
  return boot::equal(digest, header.old_digest) ? Status::kOk : Status::kOldDigest;
}

Status decode_piece(const DeltaMap<McuProfile>& map, Sink& sink, RunWalker<McuProfile, Sink>& walker, OldImage& old, std::uint32_t new_at,
                    MutableBytes out) {
  bool is_read = true;
  for_each_part(
      map, new_at, out.size(),
      [&](std::uint64_t offset, std::uint64_t old_at, std::uint64_t count) {
        const MutableBytes run = out.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count));
        is_read = is_read && old.read(old_at, run);
        if (is_read) walker.walk(run, old_at, new_at + offset);
      },
      [&](std::uint64_t offset, std::uint64_t count) {
        sink.literals(out.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(count)),
                      bytes_before(out, static_cast<std::size_t>(offset)));
      });
  return is_read ? Status::kOk : Status::kOldUnreadable;
}

}  // namespace

Digest mcu_delta_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kMcuDeltaHeaderSize> header) {
  return boot::hash_of(hasher, boot::domain(kMcuDeltaDomain), header);
}

Status decode_mcu_delta_header(ByteView patch, McuDeltaHeader& out) {
  if (patch.size() < kMcuDeltaHeaderSize) return Status::kBadLength;
  McuHeaderWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), patch.first(kMcuDeltaHeaderSize));
  if (!boot::equal(wire.magic, magic_bytes())) return Status::kBadMagic;
  if (wire.format.get() != kDeltaFormat || wire.profile.get() != kProfileMcu) return Status::kBadDeltaHeader;
  McuDeltaHeader header;
  header.old_size = wire.old_size.get();
  header.new_size = wire.new_size.get();
  header.map_size = wire.map_size.get();
  header.coded_size = wire.coded_size.get();
  header.counts = {wire.segments.get(), wire.ranges.get() == 0 ? 0U : 1U, wire.ranges.get(), wire.areas.get()};
  header.old_digest = wire.old_digest;
  header.new_digest = wire.new_digest;
  header.body_digest = wire.body_digest;
  if (header.old_size == 0 || header.old_size > kMcuImageSizeMax) return Status::kBadImageSize;
  if (header.new_size == 0 || header.new_size > kMcuImageSizeMax) return Status::kBadImageSize;
  // SECURITY(T-34): header, map and coded bytes are the whole patch.
  if (std::uint64_t{header.map_size} + header.coded_size != patch.size() - kMcuDeltaHeaderSize) return Status::kBadLength;
  if (!counts_fit<McuProfile>(header.counts)) return Status::kDeltaLimit;
  out = header;
  return Status::kOk;
}

void encode_mcu_delta_header(const McuDeltaHeader& header, std::span<std::uint8_t, kMcuDeltaHeaderSize> out) {
  McuHeaderWire wire{};
  boot::copy_bytes(wire.magic, magic_bytes());
  wire.format.set(kDeltaFormat);
  wire.profile.set(kProfileMcu);
  wire.old_size.set(header.old_size);
  wire.new_size.set(header.new_size);
  wire.map_size.set(header.map_size);
  wire.coded_size.set(header.coded_size);
  wire.segments.set(static_cast<std::uint16_t>(header.counts.segments));
  wire.ranges.set(static_cast<std::uint8_t>(header.counts.ranges));
  wire.areas.set(static_cast<std::uint8_t>(header.counts.areas));
  wire.old_digest = header.old_digest;
  wire.new_digest = header.new_digest;
  wire.body_digest = header.body_digest;
  boot::copy_bytes(out, boot::bytes_of(wire));
}

Status apply_mcu_delta(ByteView patch, const Digest& header_digest, OldImage& old, NewImage& target, boot::Hasher& hasher,
                       McuWorkspace& workspace) {
  if (patch.size() < kMcuDeltaHeaderSize) return Status::kBadLength;
  // SECURITY(T-38): authentic first, parsed second; the same for the body and for the old image.
  if (!boot::equal(mcu_delta_digest(hasher, patch.first<kMcuDeltaHeaderSize>()), header_digest)) return Status::kStoredDigest;
  McuDeltaHeader header;
  ASEPTIC_PAYLOAD_TRY(decode_mcu_delta_header(patch, header));
  const ByteView body = patch.subspan(kMcuDeltaHeaderSize);
  if (!boot::equal(boot::hash_of(hasher, body), header.body_digest)) return Status::kStoredDigest;
  ASEPTIC_PAYLOAD_TRY(check_old_image(old, header, hasher, workspace.piece));

  DeltaMap<McuProfile> map;
  map.old_size = header.old_size;
  map.new_size = header.new_size;
  map.segments = std::span(workspace.segments).first(header.counts.segments);
  map.elements = std::span(workspace.elements).first(header.counts.elements);
  map.ranges = std::span(workspace.ranges).first(header.counts.ranges);
  map.areas = std::span(workspace.areas).first(header.counts.areas);
  RangeDecoder map_coder(body.first(header.map_size));
  code_map(map_coder, *new (&workspace.models.map) MapModels<McuProfile>, map);
  if (!map_coder.is_consumed()) return Status::kBadCopyMap;
  ASEPTIC_PAYLOAD_TRY(check_map(map));

  auto& state = *new (&workspace.models.state) DeltaState<McuProfile>;
  RangeDecoder coder(body.subspan(header.map_size));
  Sink sink(coder, state, 0);
  RunWalker<McuProfile, Sink> walker(map, state.learned, sink);
  hasher.reset();
  for (std::uint32_t at = 0; at < header.new_size;) {
    const std::uint32_t rest = header.new_size - at;
    const MutableBytes out =
        MutableBytes(workspace.piece).first(rest < McuProfile::kPieceSize ? rest : McuProfile::kPieceSize);
    ASEPTIC_PAYLOAD_TRY(decode_piece(map, sink, walker, old, at, out));
    hasher.update(out);
    if (!target.write(at, out)) return Status::kBufferSize;
    at += static_cast<std::uint32_t>(out.size());
  }
  Digest digest{};
  hasher.finish(digest);
  if (!coder.is_consumed()) return Status::kBadDelta;
  return boot::equal(digest, header.new_digest) ? Status::kOk : Status::kNewDigest;
}

}  // namespace aseptic::payload
