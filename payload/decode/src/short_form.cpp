// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/decode/short_form.h"

namespace aseptic::payload {
namespace {

// Seven bits a byte, least significant first; the shortest form only.
Status take_number(ByteView& bytes, std::uint64_t most, std::uint64_t& out) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    if (i == bytes.size()) return Status::kBadShortForm;
    const std::uint8_t byte = bytes[i];
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    // SECURITY(T-35): one form for each number, and none above its limit.
    if ((byte == 0 && i != 0) || value > most) return Status::kBadShortForm;
    bytes = bytes.subspan(i + 1);
    out = value;
    return Status::kOk;
  }
  return Status::kBadShortForm;
}

Status take_count(ByteView& bytes, std::uint32_t most, std::uint32_t& out) {
  std::uint64_t value = 0;
  ASEPTIC_PAYLOAD_TRY(take_number(bytes, most, value));
  out = static_cast<std::uint32_t>(value);
  return Status::kOk;
}

Status take_bytes(ByteView& bytes, std::size_t count, ByteView& out) {
  if (count > bytes.size()) return Status::kBadShortForm;
  out = bytes.first(count);
  bytes = bytes.subspan(count);
  return Status::kOk;
}

ByteView magic_bytes() {
  return {reinterpret_cast<const std::uint8_t*>(kShortMagic), kShortMagicSize};
}

}  // namespace

bool has_short_form(ByteView file) {
  return file.size() >= kShortMagicSize && boot::equal(file.first(kShortMagicSize), magic_bytes());
}

Status decode_short_head(ByteView file, ShortHead& out) {
  if (!has_short_form(file)) return Status::kBadMagic;
  // SECURITY(T-42): nothing that follows is larger than this file, and the file is bounded.
  if (file.size() > kShortSizeMax) return Status::kBadShortForm;
  ByteView bytes = file.subspan(kShortMagicSize);
  ShortHead head;
  std::uint32_t format = 0;
  std::uint32_t blocks = 0;
  std::uint32_t section = 0;
  ASEPTIC_PAYLOAD_TRY(take_count(bytes, 0x7F, format));
  if (format != kShortFormat) return Status::kBadFormat;
  ASEPTIC_PAYLOAD_TRY(take_count(bytes, kChunkSizeMax / kBlockSize, blocks));
  ASEPTIC_PAYLOAD_TRY(take_count(bytes, kPageEntriesMax, head.page_entries));
  if (blocks == 0 || head.page_entries == 0) return Status::kBadShortForm;
  head.chunk_size = static_cast<std::uint32_t>(blocks * kBlockSize);
  ASEPTIC_PAYLOAD_TRY(take_count(bytes, 2 * kShortSizeMax, section));
  head.has_bare_map = (section & 1U) != 0;
  if (head.has_bare_map) {
    ASEPTIC_PAYLOAD_TRY(take_count(bytes, LinuxProfile::kSegmentsMax, head.counts.segments));
    ASEPTIC_PAYLOAD_TRY(take_count(bytes, LinuxProfile::kElementsMax, head.counts.elements));
    ASEPTIC_PAYLOAD_TRY(take_count(bytes, LinuxProfile::kRangesMax, head.counts.ranges));
    ASEPTIC_PAYLOAD_TRY(take_count(bytes, LinuxProfile::kAreasMax, head.counts.areas));
  }
  ASEPTIC_PAYLOAD_TRY(take_bytes(bytes, section >> 1U, head.section));
  ByteView digest;
  ASEPTIC_PAYLOAD_TRY(take_bytes(bytes, boot::kDigestSize, digest));
  boot::copy_bytes(head.old_digest, digest);
  head.list = bytes;
  out = head;
  return Status::kOk;
}

void expand_section(const ShortHead& head, MutableBytes out) {
  if (head.has_bare_map) {
    encode_delta_section_header(head.counts, out);
    out = out.subspan(kDeltaSectionHeaderSize);
  }
  boot::copy_bytes(out, head.section);
}

Status ShortEntries::begin_run() {
  std::uint64_t token = 0;
  ASEPTIC_PAYLOAD_TRY(take_number(rest_, kShortChunksMax << kShortRunBits, token));
  run_ = static_cast<ShortRun>(token & ((1U << kShortRunBits) - 1));
  left_ = (token >> kShortRunBits) + 1;
  if (left_ > header_.chunk_count - index_) return Status::kBadShortForm;
  if (run_ == ShortRun::kCopy) {
    std::uint64_t zigzag = 0;
    ASEPTIC_PAYLOAD_TRY(take_number(rest_, kImageSizeMax * 2, zigzag));
    shift_ = (zigzag >> 1U) ^ (~(zigzag & 1U) + 1U);
  }
  if (run_ == ShortRun::kSameInNewGroup || run_ == ShortRun::kDeltaInNewGroup) group_ = index_;
  return Status::kOk;
}

Status ShortEntries::read_size(std::uint64_t most, std::uint32_t& out) {
  std::uint64_t size = 0;
  ASEPTIC_PAYLOAD_TRY(take_number(rest_, most, size));
  if (size == 0) return Status::kBadShortForm;
  out = static_cast<std::uint32_t>(size);
  return Status::kOk;
}

// What this does not refuse, check_page does: it sees every entry of the long form.
Status ShortEntries::next(ChunkEntry& out) {
  if (index_ >= header_.chunk_count) return Status::kBadShortForm;
  if (left_ == 0) ASEPTIC_PAYLOAD_TRY(begin_run());
  ChunkEntry entry;
  entry.decoded_size = header_.decoded_size(index_);
  switch (run_) {
    case ShortRun::kZero:
      break;
    case ShortRun::kRaw:
      entry.encoding = Encoding::kRaw;
      entry.stored_size = entry.decoded_size;
      break;
    case ShortRun::kZstd:
      entry.encoding = Encoding::kZstd;
      ASEPTIC_PAYLOAD_TRY(read_size(entry.decoded_size - 1, entry.stored_size));
      break;
    case ShortRun::kCopy:
      entry.encoding = Encoding::kCopyFromSlot;
      entry.source_offset = index_ * header_.chunk_size + shift_;
      break;
    case ShortRun::kDelta:
    case ShortRun::kDeltaInNewGroup:
      ASEPTIC_PAYLOAD_TRY(read_size(entry.decoded_size - 1 - boot::kDigestSize, entry.stored_size));
      [[fallthrough]];
    case ShortRun::kSame:
    case ShortRun::kSameInNewGroup:
      entry.encoding = Encoding::kDelta;
      // SECURITY(T-35): a group starts on its page; here already, because the decoder keeps what a group has learned.
      if (group_ < index_ - index_ % header_.page_entries || group_ > index_) return Status::kBadShortForm;
      entry.stored_size += boot::kDigestSize;
      entry.source_offset = group_;
      break;
  }
  ++index_;
  --left_;
  out = entry;
  return Status::kOk;
}

}  // namespace aseptic::payload
