// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/decode/recoding.h"

namespace aseptic::payload {
namespace {

struct RecodingWire {
  std::uint8_t magic[8];
  boot::Le16 format;
  boot::Le16 settings;
  boot::Le32 old_blocks;
  boot::Le32 new_blocks;
  boot::Le32 lists_size;
  std::uint8_t reserved[8];
};
static_assert(sizeof(RecodingWire) == kRecodingHeaderSize && alignof(RecodingWire) == 1);

struct SettingWire {
  std::uint8_t codec;
  std::uint8_t level;
  std::uint8_t filter;
  std::uint8_t reserved;
  boot::Le32 version;
  boot::Le32 dictionary;
  std::uint8_t reserved_too[4];
};
static_assert(sizeof(SettingWire) == kCodecSettingSize && alignof(SettingWire) == 1);

ByteView magic_bytes() {
  return {reinterpret_cast<const std::uint8_t*>(kRecodingMagic), 8};
}

// The first of `blocks` whose end, as `end_of` sees it, lies behind `at`.
template <class EndOf>
std::size_t first_that_ends_behind(std::span<const RecodedBlock> blocks, std::uint64_t at, EndOf&& end_of) {
  std::size_t low = 0;
  std::size_t high = blocks.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (end_of(blocks[middle]) > at) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// SECURITY(T-35): checked once; every later access relies on it.
Status check_blocks(std::span<const RecodedBlock> blocks, std::uint64_t image_size, std::size_t settings) {
  std::uint64_t end = 0;
  for (const RecodedBlock& block : blocks) {
    if (block.size == 0 || block.text_size == 0 || block.text_size > kBlockTextMax) return Status::kBadRecoding;
    if (block.at < end || block.at > image_size || block.size > image_size - block.at) return Status::kBadRecoding;
    if (block.setting >= settings) return Status::kBadRecoding;
    end = block.at + block.size;
  }
  return Status::kOk;
}

Status decode_setting(ByteView bytes, CodecSetting& out) {
  SettingWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), bytes);
  if (wire.reserved != 0 || !boot::all_bytes_are(wire.reserved_too, 0)) return Status::kReservedNotZero;
  if (wire.codec == 0 || wire.codec > kCodecLast) return Status::kCodecMissing;
  out = {static_cast<Codec>(wire.codec), wire.level, wire.filter, wire.version.get(), wire.dictionary.get()};
  return check_setting(out);
}

}  // namespace

// SECURITY(T-42): what an encoder may ask for is bounded here, before one is made.
Status check_setting(const CodecSetting& setting) {
  constexpr std::uint8_t kFilterFirst = 4;  // x86 … SPARC of the xz file format
  constexpr std::uint8_t kFilterLast = 9;
  constexpr std::uint32_t kDictionaryMin = 4096;
  std::uint8_t level_max = 0;
  switch (setting.codec) {
    case Codec::kZlib:
    case Codec::kDeflate:
    case Codec::kXz:
      level_max = 9;
      break;
    case Codec::kZstd:
      level_max = 22;
      break;
    case Codec::kLz4:
      break;
    case Codec::kLz4Cluster:
      break;
    case Codec::kLz4Hc:
    case Codec::kLz4HcCluster:
      level_max = 12;
      break;
  }
  if (setting.level > level_max) return Status::kBadRecoding;
  if (codes_clusters(setting.codec)) {
    return setting.filter != 0 && setting.dictionary <= kFollowingMax ? Status::kOk : Status::kBadRecoding;
  }
  if (setting.codec != Codec::kXz) return setting.filter == 0 && setting.dictionary == 0 ? Status::kOk : Status::kBadRecoding;
  if (setting.filter != 0 && (setting.filter < kFilterFirst || setting.filter > kFilterLast)) return Status::kBadRecoding;
  return setting.dictionary >= kDictionaryMin && setting.dictionary <= kBlockTextMax ? Status::kOk : Status::kBadRecoding;
}

std::size_t ImageText::first_behind(std::uint64_t at) const {
  return first_that_ends_behind(blocks, at, [](const RecodedBlock& block) { return block.at + block.size; });
}
std::size_t ImageText::first_behind_text(std::uint64_t text_at) const {
  return first_that_ends_behind(blocks, text_at, [](const RecodedBlock& block) { return block.text_at + block.text_size; });
}
std::uint64_t ImageText::text_of(std::uint64_t at) const {
  const std::size_t i = first_behind(at);
  if (i == 0) return at;
  const RecodedBlock& before = blocks[i - 1];
  return before.text_at + before.text_size + (at - before.at - before.size);
}

Status chunk_text(const ImageText& image, std::uint64_t at, std::uint64_t size, Carry carry, ChunkText& out) {
  const std::uint64_t end = at + size;
  std::size_t first = image.first_behind(at);
  std::uint64_t from = 0;
  if (first < image.blocks.size() && image.blocks[first].at < at) {  // a block reaches into the chunk
    const RecodedBlock& block = image.blocks[first];
    from = block.text_at;
    if (carry == Carry::kFromChunkBefore) {
      from += block.text_size;
      ++first;
    }
  } else {
    from = image.text_of(at);
  }
  // First block that starts at the end or behind it.
  std::size_t last = image.first_behind(end);
  std::uint64_t to = 0;
  if (last < image.blocks.size() && image.blocks[last].at < end) {  // a block reaches out of the chunk
    to = image.blocks[last].text_at + image.blocks[last].text_size;
    ++last;
  } else {
    to = image.text_of(end);
  }
  if (to < from || to - from > kChunkTextMax) return Status::kDeltaLimit;
  out = {from, to - from, first, last};
  return Status::kOk;
}

bool has_recoding(ByteView section) {
  return section.size() >= 8 && boot::equal(section.first(8), magic_bytes());
}

Status decode_recoding_header(ByteView section, RecodingHeader& out) {
  if (section.size() < kRecodingHeaderSize) return Status::kBadLength;
  RecodingWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), section.first(kRecodingHeaderSize));
  if (!boot::equal(wire.magic, magic_bytes())) return Status::kBadMagic;
  if (wire.format.get() != kRecodingFormat) return Status::kBadDeltaHeader;
  if (!boot::all_bytes_are(wire.reserved, 0)) return Status::kReservedNotZero;
  const RecodingHeader header{wire.settings.get(), wire.old_blocks.get(), wire.new_blocks.get(), wire.lists_size.get()};
  // SECURITY(T-42): limits first; no memory is ever asked for by a larger number.
  if (header.settings == 0 || header.settings > kCodecSettingsMax || header.new_blocks == 0 ||
      header.old_blocks > kRecodedBlocksMax || header.new_blocks > kRecodedBlocksMax)
    return Status::kDeltaLimit;
  if (header.size() > section.size()) return Status::kBadLength;
  out = header;
  return Status::kOk;
}

Status decode_recoding(ByteView section, std::uint64_t old_size, std::uint64_t new_size, const RecodingLists& lists) {
  RecodingHeader header;
  ASEPTIC_PAYLOAD_TRY(decode_recoding_header(section, header));
  if (lists.settings.size() != header.settings || lists.old_blocks.size() != header.old_blocks ||
      lists.new_blocks.size() != header.new_blocks)
    return Status::kBufferSize;
  std::size_t at = kRecodingHeaderSize;
  for (CodecSetting& setting : lists.settings) {
    ASEPTIC_PAYLOAD_TRY(decode_setting(section.subspan(at, kCodecSettingSize), setting));
    at += kCodecSettingSize;
  }
  RangeDecoder coder(section.subspan(at, header.lists_size));
  recoding::BlockModels models;
  recoding::code_blocks(coder, models, lists.old_blocks);
  recoding::code_blocks(coder, models, lists.new_blocks);
  if (!coder.is_consumed()) return Status::kBadRecoding;
  ASEPTIC_PAYLOAD_TRY(check_blocks(lists.old_blocks, old_size, header.settings));
  return check_blocks(lists.new_blocks, new_size, header.settings);
}

void encode_recoding_header(const RecodingHeader& header, std::span<const CodecSetting> settings, MutableBytes out) {
  RecodingWire wire{};
  boot::copy_bytes(wire.magic, magic_bytes());
  wire.format.set(kRecodingFormat);
  wire.settings.set(static_cast<std::uint16_t>(header.settings));
  wire.old_blocks.set(header.old_blocks);
  wire.new_blocks.set(header.new_blocks);
  wire.lists_size.set(header.lists_size);
  boot::copy_bytes(out.first(kRecodingHeaderSize), boot::bytes_of(wire));
  std::size_t at = kRecodingHeaderSize;
  for (const CodecSetting& setting : settings) {
    SettingWire entry{};
    entry.codec = static_cast<std::uint8_t>(setting.codec);
    entry.level = setting.level;
    entry.filter = setting.filter;
    entry.version.set(setting.version);
    entry.dictionary.set(setting.dictionary);
    boot::copy_bytes(out.subspan(at, kCodecSettingSize), boot::bytes_of(entry));
    at += kCodecSettingSize;
  }
}

}  // namespace aseptic::payload
