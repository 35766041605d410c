// SPDX-License-Identifier: Apache-2.0
// One delta chunk of a payload: old bytes in, verified, new bytes out; and the section that holds the copy map
// (docs/formats/delta.md). Called by payload/apply, payload/make (self-check), fuzz targets. Order: the caller has hashed
// the stored bytes; the old bytes are hashed in the buffer in which they are then used (T-29), compared, and only then does
// anything coded decide what happens to them. Security: no allocation; output bounded by the chunk's length; every count is
// checked against the memory that the caller brought. Freestanding.
#pragma once
#include "aseptic/boot/format/hash.h"
#include "aseptic/payload/decode/delta_codec.h"
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {

// The image that a delta starts from.
class OldImage {
 public:
  virtual bool read(std::uint64_t at, MutableBytes out) = 0;

 protected:
  ~OldImage() = default;
};

inline constexpr char kDeltaMagic[] = "ASPTDMAP";
inline constexpr std::uint16_t kDeltaFormat = 1;
inline constexpr std::size_t kDeltaSectionHeaderSize = 32;
inline constexpr std::uint64_t kDeltaSectionMax = 1ULL << 20U;

// The fixed start of the section: what memory the rest needs.
struct DeltaSectionHeader {
  DeltaCounts counts;
};
Status decode_delta_section_header(ByteView section, DeltaSectionHeader& out);
void encode_delta_section_header(const DeltaCounts& counts, MutableBytes out);

// `map` brings memory for exactly the header's counts, and both image sizes. On success it is checked and indexed.
Status decode_delta_section(ByteView section, DeltaMap<LinuxProfile>& map);

// The parts of new bytes [new_at, new_at + size) in order: run(offset, old_at, count) and literals(offset, count).
template <class Profile, class Run, class Literals>
void for_each_part(const DeltaMap<Profile>& map, std::uint64_t new_at, std::uint64_t size, Run&& run,
                   Literals&& literals) {
  const std::uint64_t end = new_at + size;
  std::uint64_t at = new_at;
  for (std::size_t i = segment_of_new(map, new_at); at < end; ++i) {
    const std::uint64_t start = i < map.segments.size() && map.segments[i].new_at < end ? map.segments[i].new_at : end;
    if (start > at) {
      literals(at - new_at, start - at);
      at = start;
    }
    if (at == end) return;
    const auto& segment = map.segments[i];
    const std::uint64_t skip = at - segment.new_at;
    std::uint64_t count = segment.size - skip;
    if (count > end - at) count = end - at;
    run(at - new_at, segment.old_at + skip, count);
    at += count;
  }
}

// Bytes of the old image that the chunk uses, in the order of the digest; all of them are in `out` at their place.
Status read_old_bytes(const DeltaMap<LinuxProfile>& map, OldImage& old, std::uint64_t new_at, MutableBytes out);
Digest digest_old_bytes(const DeltaMap<LinuxProfile>& map, boot::Hasher& hasher, std::uint64_t new_at, ByteView bytes);

// Whether every new byte of [new_at, new_at + size) has an old one.
bool is_covered(const DeltaMap<LinuxProfile>& map, std::uint64_t new_at, std::uint64_t size);

// `stored`: digest of the old bytes, then coded bytes; already verified by the caller. Without coded bytes the chunk is a copy:
// its new bytes are the old ones, whose digest was compared.
inline bool is_plain_copy(ByteView stored) { return stored.size() == boot::kDigestSize; }
Status decode_delta_chunk(const DeltaMap<LinuxProfile>& map, DeltaState<LinuxProfile>& state, OldImage& old,
                          boot::Hasher& hasher, std::uint64_t new_at, ByteView stored, MutableBytes out);

}  // namespace aseptic::payload
