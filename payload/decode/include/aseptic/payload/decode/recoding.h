// SPDX-License-Identifier: Apache-2.0
// Which parts of two images are compressed, and how a delta sees them decoded (docs/formats/delta.md, "Recoded blocks").
// A *text* is an image in which each listed block is replaced by what it decodes to; copy map and chunks of such a delta speak
// of texts. Called by payload/apply, payload/make, fuzz targets; microcontrollers have no part in it. Invariants after
// decode_recoding: blocks ascend without overlap inside their image, have a size, decode to at most kBlockTextMax, and name
// a setting that exists; settings are inside their limits. Security: pure; nothing is parsed before its digest was checked;
// memory belongs to the caller and is sized by limits. Freestanding.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/payload/decode/entropy.h"
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {

inline constexpr char kRecodingMagic[] = "ASPTRCOD";
inline constexpr std::uint16_t kRecodingFormat = 1;
inline constexpr std::size_t kRecodingHeaderSize = 32;
inline constexpr std::size_t kCodecSettingSize = 16;
inline constexpr std::uint32_t kCodecSettingsMax = 16;          // an image has few kinds of compressed parts
inline constexpr std::uint32_t kRecodedBlocksMax = 64U * 1024U;  // 32 bytes each on the device, for old and new
inline constexpr std::uint32_t kBlockTextMax = 1U << 20U;        // as large as squashfs has them; the window of any codec
inline constexpr std::uint64_t kChunkTextMax = 4U << 20U;        // of all blocks that a chunk touches: one buffer

enum class Codec : std::uint8_t {
  kZlib = 1,     // deflate in a zlib envelope: squashfs gzip
  kXz = 2,       // one xz stream with CRC-32, LZMA2, at most one filter for branches
  kZstd = 3,     // one zstd frame
  kLz4 = 4,      // one LZ4 block
  kLz4Hc = 5,    // the same by the slow search
  kDeflate = 6,  // bare deflate: inside a gzip member
  kLz4Cluster = 7,    // LZ4 block behind zeros that fill a cluster, cut off where the cluster was full: erofs
  kLz4HcCluster = 8,  // the same by the slow search
};
inline constexpr std::uint8_t kCodecLast = 8;

// Codecs whose encoder stops where the block is full, and looks at what follows on the way there.
constexpr bool codes_clusters(Codec codec) {
  return codec == Codec::kLz4Cluster || codec == Codec::kLz4HcCluster;
}
inline constexpr std::uint32_t kClusterUnit = 4096;
inline constexpr std::uint32_t kFollowingMax = 128U << 10U;  // LZ4 works otherwise on texts of 64 KiB and more

// With what a block was coded: the library's version is part of it, for another one may choose other codes.
struct CodecSetting {
  Codec codec = Codec::kZstd;
  std::uint8_t level = 0;
  std::uint8_t filter = 0;       // xz: identifier of the filter for branches, or 0; clusters: units of the encoder's room
  std::uint32_t version = 0;     // as the library numbers itself; see recoder.h
  std::uint32_t dictionary = 0;  // xz: bytes; clusters: how many bytes behind the text the encoder sees
  bool operator==(const CodecSetting&) const = default;
};
Status check_setting(const CodecSetting& setting);

struct RecodedBlock {
  std::uint64_t at = 0;  // in the image
  std::uint64_t text_at = 0;
  std::uint32_t size = 0;
  std::uint32_t text_size = 0;
  std::uint8_t setting = 0;
};

// One image and its text. `blocks` ascend.
struct ImageText {
  std::span<const RecodedBlock> blocks;
  std::uint64_t image_size = 0;

  // Index of the first block that ends behind `at` of the image.
  [[nodiscard]] std::size_t first_behind(std::uint64_t at) const;
  // Where the image's byte `at`, which lies in no block, or a block's first byte is in the text.
  [[nodiscard]] std::uint64_t text_of(std::uint64_t at) const;
  [[nodiscard]] std::uint64_t text_size() const { return text_of(image_size); }
  // Index of the first block whose text ends behind `text_at`.
  [[nodiscard]] std::size_t first_behind_text(std::uint64_t text_at) const;
};

// What chunk [at, at + size) of the new image is made of.
struct ChunkText {
  std::uint64_t text_at = 0;
  std::uint64_t text_size = 0;
  std::size_t first_block = 0;  // of those that are coded here
  std::size_t end_block = 0;
};
enum class Carry : std::uint8_t { kNone, kFromChunkBefore };  // the end of a block that began in the chunk before is at hand
// Without it, a block that reaches into the chunk is made again. A block that reaches out of it is made whole.
Status chunk_text(const ImageText& image, std::uint64_t at, std::uint64_t size, Carry carry, ChunkText& out);

// Calls raw(offset, image_at, count) and block(offset, index, skip, count) for the parts of text [text_at, text_at + size).
template <class Raw, class Block>
void for_each_text_part(const ImageText& image, std::uint64_t text_at, std::uint64_t size, Raw&& raw, Block&& block) {
  const std::uint64_t end = text_at + size;
  std::uint64_t at = text_at;
  for (std::size_t i = image.first_behind_text(text_at); at < end; ++i) {
    const bool has_block = i < image.blocks.size();
    const std::uint64_t start = has_block && image.blocks[i].text_at < end ? image.blocks[i].text_at : end;
    if (start > at) {
      // Behind the block before, or from the image's start on, text and image go together.
      const std::uint64_t from = i == 0 ? at : image.blocks[i - 1].at + image.blocks[i - 1].size +
                                                   (at - image.blocks[i - 1].text_at - image.blocks[i - 1].text_size);
      raw(at - text_at, from, start - at);
      at = start;
    }
    if (at == end) return;
    const std::uint64_t skip = at - image.blocks[i].text_at;
    std::uint64_t count = image.blocks[i].text_size - skip;
    if (count > end - at) count = end - at;
    block(at - text_at, i, skip, count);
    at += count;
  }
}

struct RecodingHeader {
  std::uint32_t settings = 0;
  std::uint32_t old_blocks = 0;
  std::uint32_t new_blocks = 0;
  std::uint32_t lists_size = 0;
  [[nodiscard]] std::size_t size() const {  // the copy map's section begins behind it
    return kRecodingHeaderSize + settings * kCodecSettingSize + lists_size;
  }
};

// Whether the section starts with one: a delta without recoded blocks has the copy map alone.
bool has_recoding(ByteView section);
Status decode_recoding_header(ByteView section, RecodingHeader& out);

struct RecodingLists {
  std::span<CodecSetting> settings;
  std::span<RecodedBlock> old_blocks;
  std::span<RecodedBlock> new_blocks;
};
// `lists` brings memory for exactly the header's counts.
Status decode_recoding(ByteView section, std::uint64_t old_size, std::uint64_t new_size, const RecodingLists& lists);
void encode_recoding_header(const RecodingHeader& header, std::span<const CodecSetting> settings, MutableBytes out);

namespace recoding {

struct BlockModels {
  NumberModel<6> gap;
  NumberModel<6> size;
  NumberModel<6> text;
  BitModel setting[kCodecSettingsMax];
};

// One list; the same for both directions. Offsets in the text follow from the rest.
template <class Coder>
void code_blocks(Coder& coder, BlockModels& models, std::span<RecodedBlock> blocks) {
  std::uint64_t end = 0;
  std::uint64_t shift = 0;  // text - image, behind the block before
  std::int64_t text_before = 0;
  for (RecodedBlock& block : blocks) {
    const std::uint64_t gap = code_number(coder, models.gap, block.at - end);
    const std::uint64_t size = code_number(coder, models.size, block.size);
    const std::int64_t text = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(text_before) +
        static_cast<std::uint64_t>(code_signed(coder, models.text, std::int64_t{block.text_size} - text_before)));
    block.setting = static_cast<std::uint8_t>(code_tree(coder, models.setting, 4, block.setting));
    if constexpr (!Coder::kEncodes) {
      block.at = end + gap;
      // SECURITY(T-35): what does not fit must not come back as something that does.
      block.size = size > 0xFFFFFFFFU || gap > (1ULL << 48U) ? 0 : static_cast<std::uint32_t>(size);
      block.text_size = text < 0 || text > std::int64_t{kBlockTextMax} ? 0 : static_cast<std::uint32_t>(text);
      block.text_at = block.at + shift;
    }
    end = block.at + block.size;
    shift += static_cast<std::uint64_t>(block.text_size) - block.size;
    text_before = block.text_size;
  }
}

}  // namespace recoding
}  // namespace aseptic::payload
