// SPDX-License-Identifier: Apache-2.0
// The short form of a delta payload: its long form without all that the device can derive from signed statements and from its
// own base image (docs/formats/payload.md, "Short form"). Called by payload/apply (expander.h), payload/make, `aseptic inspect`,
// fuzz targets. A file that starts with kShortMagic is one. Invariants: whoever calls these has compared the digest of the whole
// file with the signed one, and still nothing is trusted: a view of at most kShortSizeMax bytes is read once from front to back, no
// allocation, every number bounded before it is used. Pure, freestanding.
#pragma once
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

inline constexpr char kShortMagic[] = "ASPS";
inline constexpr std::size_t kShortMagicSize = 4;
inline constexpr std::uint8_t kShortFormat = 1;
inline constexpr std::size_t kShortSizeMax = 64U * 1024U;     // the whole file is in memory before its digest is compared
inline constexpr std::uint64_t kShortChunksMax = 16U * 1024U;  // so is the table that is derived
inline constexpr char kOldBytesDomain[] = "aseptic-payload-old-bytes-v1";  // hashed with its terminating zero

// How a run of chunks is stored; numbers are final. With a group: the run's first chunk starts it.
enum class ShortRun : std::uint8_t {
  kZero = 0,
  kRaw = 1,
  kZstd = 2,   // each chunk: stored size
  kCopy = 3,   // once: source - place in the image
  kSame = 4,   // delta chunks without coded bytes
  kDelta = 5,  // each chunk: size of the coded bytes
  kSameInNewGroup = 6,
  kDeltaInNewGroup = 7,
};
inline constexpr unsigned kShortRunBits = 3;

struct ShortHead {
  std::uint32_t chunk_size = 0;
  std::uint32_t page_entries = 0;
  bool has_bare_map = false;  // the section is a copy map, of which `section` is the coder's block; else it is the section
  DeltaCounts counts;         // of a bare map
  ByteView section;
  Digest old_digest{};  // of the digests of all old bytes
  ByteView list;        // of the chunks, then their stored bytes to the end of the file

  [[nodiscard]] std::size_t section_size() const { return section.size() + (has_bare_map ? kDeltaSectionHeaderSize : 0); }
};

bool has_short_form(ByteView file);
Status decode_short_head(ByteView file, ShortHead& out);
// The auxiliary section of the long form; `out` has section_size() bytes.
void expand_section(const ShortHead& head, MutableBytes out);

// The chunks in order: encoding, sizes and source as in the long form, digests zero.
class ShortEntries {
 public:
  // `header`: sizes, counts and base size are those of the long form.
  ShortEntries(const PayloadHeader& header, ByteView list) : header_(header), rest_(list) {}

  Status next(ChunkEntry& out);
  // Behind the last chunk: the stored bytes of all chunks, without the digests of old bytes that a delta's begin with.
  [[nodiscard]] ByteView rest() const { return rest_; }

 private:
  Status begin_run();
  Status read_size(std::uint64_t most, std::uint32_t& out);

  const PayloadHeader& header_;
  ByteView rest_;
  std::uint64_t index_ = 0;
  std::uint64_t left_ = 0;  // of the run
  ShortRun run_ = ShortRun::kZero;
  std::uint64_t shift_ = 0;  // modulo 2^64
  std::uint64_t group_ = ~std::uint64_t{0};
};

}  // namespace aseptic::payload
