// SPDX-License-Identifier: Apache-2.0
#include "short_encoder.h"

#include <algorithm>

#include "aseptic/core/hash.h"
#include "aseptic/payload/decode/recoding.h"
#include "aseptic/payload/decode/short_form.h"

namespace aseptic::payload {
namespace {

class ShortWriter {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U)
      out_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  void bytes(core::ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] core::Bytes take() { return std::move(out_); }

 private:
  core::Bytes out_;
};

// What a chunk says besides its kind of run, and whether the next chunk may go on with the run.
struct Stored {
  ShortRun run = ShortRun::kZero;
  std::uint64_t shift = 0;
  core::ByteView bytes;
};

core::ByteView coded_bytes(const EncodedChunk& chunk) { return core::ByteView(chunk.stored).subspan(boot::kDigestSize); }

Stored stored_of(const PayloadHeader& header, std::uint64_t index, const EncodedChunk& chunk) {
  switch (chunk.entry.encoding) {
    case Encoding::kZero:
      return {};
    case Encoding::kRaw:
      return {ShortRun::kRaw, 0, chunk.stored};
    case Encoding::kZstd:
      return {ShortRun::kZstd, 0, chunk.stored};
    case Encoding::kCopyFromSlot:
      return {ShortRun::kCopy, chunk.entry.source_offset - index * header.chunk_size, {}};
    case Encoding::kDelta:
      break;
  }
  const core::ByteView coded = coded_bytes(chunk);
  const bool starts = chunk.entry.source_offset == index;
  if (coded.empty()) return {starts ? ShortRun::kSameInNewGroup : ShortRun::kSame, 0, coded};
  return {starts ? ShortRun::kDeltaInNewGroup : ShortRun::kDelta, 0, coded};
}

// A run that starts a group goes on as one that does not.
bool goes_on(const Stored& run, const Stored& next) {
  if (next.run == ShortRun::kSameInNewGroup || next.run == ShortRun::kDeltaInNewGroup) return false;
  const auto plain = [](ShortRun kind) {
    return kind == ShortRun::kSameInNewGroup ? ShortRun::kSame : kind == ShortRun::kDeltaInNewGroup ? ShortRun::kDelta : kind;
  };
  return plain(run.run) == next.run && run.shift == next.shift;
}

bool has_sizes(ShortRun run) { return run == ShortRun::kZstd || run == ShortRun::kDelta || run == ShortRun::kDeltaInNewGroup; }

void write_section(ShortWriter& out, core::ByteView section) {
  DeltaSectionHeader header;
  const bool is_bare = !has_recoding(section) && ok(decode_delta_section_header(section, header));
  const core::ByteView rest = is_bare ? section.subspan(kDeltaSectionHeaderSize) : section;
  out.number(rest.size() * 2 + (is_bare ? 1 : 0));
  if (is_bare)
    for (const std::uint32_t count : {header.counts.segments, header.counts.elements, header.counts.ranges, header.counts.areas})
      out.number(count);
  out.bytes(rest);
}

Digest digest_of_old_bytes(const std::vector<EncodedChunk>& chunks) {
  core::Sha256 hash;
  hash.update(boot::domain(kOldBytesDomain));
  for (const EncodedChunk& chunk : chunks) {
    if (chunk.entry.encoding == Encoding::kCopyFromSlot) hash.update(chunk.entry.decoded_digest);
    if (chunk.entry.encoding == Encoding::kDelta) hash.update(core::ByteView(chunk.stored).first(boot::kDigestSize));
  }
  return hash.finish().bytes;
}

}  // namespace

core::Bytes encode_short_form(const PayloadHeader& header, core::ByteView section, const std::vector<EncodedChunk>& chunks) {
  if (chunks.size() > kShortChunksMax || section.size() > kShortSizeMax) return {};
  ShortWriter out;
  out.bytes({reinterpret_cast<const std::uint8_t*>(kShortMagic), kShortMagicSize});
  out.number(kShortFormat);
  out.number(header.chunk_size / kBlockSize);
  out.number(header.page_entries);
  write_section(out, section);
  out.bytes(digest_of_old_bytes(chunks));
  std::vector<Stored> stored;
  std::size_t size = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    stored.push_back(stored_of(header, i, chunks[i]));
    size += stored.back().bytes.size();
  }
  if (size > kShortSizeMax) return {};
  for (std::size_t i = 0; i < stored.size();) {
    std::size_t end = i + 1;
    while (end < stored.size() && goes_on(stored[i], stored[end]))
      ++end;
    out.number((end - i - 1) << kShortRunBits | static_cast<std::size_t>(stored[i].run));
    if (stored[i].run == ShortRun::kCopy) out.number(stored[i].shift << 1U ^ (~(stored[i].shift >> 63U) + 1U));
    if (has_sizes(stored[i].run))
      for (std::size_t at = i; at < end; ++at)
        out.number(stored[at].bytes.size());
    i = end;
  }
  for (const Stored& one : stored)
    out.bytes(one.bytes);
  core::Bytes file = out.take();
  return file.size() > kShortSizeMax ? core::Bytes() : file;
}

}  // namespace aseptic::payload
