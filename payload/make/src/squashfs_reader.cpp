// SPDX-License-Identifier: Apache-2.0
// Just enough of squashfs 4.0 to find its compressed blocks and where the bytes of files lie in them. Layout: the kernel's
// fs/squashfs/squashfs_fs.h. All of it is little-endian.
#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>

#include "aseptic/payload/make/compressed_parts.h"

namespace aseptic::payload {
namespace {

constexpr std::uint32_t kMagic = 0x73717368;  // "hsqs"
constexpr std::uint64_t kSuperblockSize = 96;
constexpr std::uint32_t kMetadataSize = 8192;
constexpr std::uint16_t kPlainMetadata = 0x8000;
constexpr std::uint32_t kPlainData = 1U << 24U;
constexpr std::uint32_t kNoFragment = 0xFFFFFFFFU;
constexpr std::uint64_t kNoTable = ~std::uint64_t{0};
constexpr std::uint16_t kHasOptions = 0x0400;
// A file system of real size has far fewer; what a damaged one claims is not followed.
constexpr std::size_t kMetadataBytesMax = 256U << 20U;
constexpr std::size_t kPiecesMax = 8U << 20U;

class Squashfs {
 public:
  Squashfs(core::ByteView image, std::uint64_t start, CompressedParts& out) : image_(image), start_(start), out_(out) {}

  bool read() {
    if (!read_superblock()) return false;
    out_.file_systems.push_back({start_, size_});
    if (codec_) {
      read_options();
      read_tables();
      read_inodes();
    }
    return true;
  }

 private:
  [[nodiscard]] bool fits(std::uint64_t at, std::uint64_t size) const {
    return at <= image_.size() && size <= image_.size() - at;
  }
  template <class T>
  static T number(core::ByteView bytes, std::size_t at) {
    T value{};
    if (at <= bytes.size() && sizeof value <= bytes.size() - at) std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  template <class T>
  [[nodiscard]] T get(std::uint64_t at) const {  // by offset in the file system
    return at > size_ ? T{} : number<T>(image_.subspan(static_cast<std::size_t>(start_), static_cast<std::size_t>(size_)), static_cast<std::size_t>(at));
  }

  bool read_superblock() {
    if (!fits(start_, kSuperblockSize)) return false;
    const auto s = image_.subspan(static_cast<std::size_t>(start_), kSuperblockSize);
    if (number<std::uint32_t>(s, 0) != kMagic || number<std::uint16_t>(s, 28) != 4) return false;
    block_size_ = number<std::uint32_t>(s, 12);
    if (block_size_ < 4096 || block_size_ > kBlockTextMax || !std::has_single_bit(block_size_)) return false;
    fragments_ = number<std::uint32_t>(s, 16);
    flags_ = number<std::uint16_t>(s, 24);
    ids_ = number<std::uint16_t>(s, 26);
    inodes_ = number<std::uint32_t>(s, 4);
    size_ = number<std::uint64_t>(s, 40);
    id_table_ = number<std::uint64_t>(s, 48);
    inode_table_ = number<std::uint64_t>(s, 64);
    directory_table_ = number<std::uint64_t>(s, 72);
    fragment_table_ = number<std::uint64_t>(s, 80);
    export_table_ = number<std::uint64_t>(s, 88);
    if (size_ < kSuperblockSize || !fits(start_, size_)) return false;
    if (inode_table_ < kSuperblockSize || inode_table_ > directory_table_ || directory_table_ > size_) return false;
    switch (number<std::uint16_t>(s, 20)) {
      case 1: codec_ = Codec::kZlib; level_ = 9; break;
      case 4: codec_ = Codec::kXz; level_ = 6; break;
      case 5: codec_ = Codec::kLz4; break;
      case 6: codec_ = Codec::kZstd; level_ = 15; break;
      default: break;  // LZMA, LZO: plain bytes
    }
    return true;
  }

  // What mksquashfs says about its compressor when it is not the default; always stored plain.
  void read_options() {
    if ((flags_ & kHasOptions) == 0) return;
    const std::uint16_t header = get<std::uint16_t>(kSuperblockSize);
    if ((header & kPlainMetadata) == 0) return;
    const std::uint32_t first = get<std::uint32_t>(kSuperblockSize + 2);
    const std::uint32_t second = get<std::uint32_t>(kSuperblockSize + 6);
    if (*codec_ == Codec::kZstd && first >= 1 && first <= 22) level_ = static_cast<std::uint8_t>(first);
    if (*codec_ == Codec::kZlib && first >= 1 && first <= 9) level_ = static_cast<std::uint8_t>(first);
    if (*codec_ == Codec::kLz4 && (second & 1U) != 0) {
      codec_ = Codec::kLz4Hc;
      level_ = 12;
    }
    if (*codec_ == Codec::kXz && first >= 4096 && first <= kBlockTextMax) dictionary_ = first;
  }

  void add_block(std::uint64_t at, std::uint32_t size, std::uint32_t room) {
    if (size == 0 || at > size_ || size > size_ - at || !seen_.insert(at).second) return;
    CodecSetting likely{*codec_, level_, 0, Recoder::version_of(*codec_), 0};
    if (*codec_ == Codec::kXz) likely.dictionary = room == kMetadataSize ? kMetadataSize : dictionary_ != 0 ? dictionary_ : block_size_;
    out_.blocks.push_back({start_ + at, size, room, likely});
  }

  // One metadata block; `at` moves behind it. Its decoded bytes are appended when `content` is given.
  bool read_metadata(std::uint64_t& at, core::Bytes* content) {
    if (at > size_ || size_ - at < 2) return false;
    const std::uint16_t header = get<std::uint16_t>(at);
    const std::uint32_t size = header & 0x7FFFU;
    if (size == 0 || size > kMetadataSize || size > size_ - at - 2) return false;
    const bool is_plain = (header & kPlainMetadata) != 0;
    const auto stored = image_.subspan(static_cast<std::size_t>(start_ + at + 2), size);
    if (!is_plain) add_block(at + 2, size, kMetadataSize);
    if (content != nullptr) {
      if (content->size() > kMetadataBytesMax) return false;
      if (is_plain) {
        content->insert(content->end(), stored.begin(), stored.end());
      } else {
        const std::size_t before = content->size();
        content->resize(before + kMetadataSize);
        const auto decoded = recoder_.decode(*codec_, stored, core::ByteSpan(*content).subspan(before));
        content->resize(before + (decoded ? decoded->produced : 0));
        if (!decoded) return false;
      }
    }
    at += 2 + std::uint64_t{size};
    return true;
  }

  // A table whose offsets of metadata blocks stand at `table`; the first of them ends what lies in front.
  core::Bytes read_indirect(std::uint64_t table, std::uint64_t bytes) {
    core::Bytes content;
    if (table == kNoTable || bytes == 0) return content;
    const std::uint64_t blocks = (bytes + kMetadataSize - 1) / kMetadataSize;
    if (table > size_ || blocks > (size_ - table) / 8) return content;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      std::uint64_t at = get<std::uint64_t>(table + i * 8);
      if (i == 0 && at > directory_table_) directory_end_ = std::min(directory_end_, at);
      if (!read_metadata(at, &content)) return {};
    }
    return content;
  }

  void read_tables() {
    directory_end_ = size_;
    for (const std::uint64_t table : {id_table_, fragment_table_, export_table_})
      if (table > directory_table_) directory_end_ = std::min(directory_end_, table);
    const core::Bytes fragments = read_indirect(fragment_table_, std::uint64_t{fragments_} * 16);
    static_cast<void>(read_indirect(export_table_, std::uint64_t{inodes_} * 8));
    static_cast<void>(read_indirect(id_table_, std::uint64_t{ids_} * 4));
    for (std::size_t i = 0; i + 16 <= fragments.size(); i += 16) {
      const auto at = number<std::uint64_t>(fragments, i);
      const auto size = number<std::uint32_t>(fragments, i + 8);
      fragment_places_.push_back({at, size});
      if ((size & kPlainData) == 0) add_block(at, size, block_size_);
    }
    std::uint64_t at = directory_table_;
    while (at < directory_end_ && read_metadata(at, nullptr)) {
    }
  }

  void read_inodes() {
    core::Bytes table;
    std::uint64_t at = inode_table_;
    while (at < directory_table_ && read_metadata(at, &table)) {
    }
    for (std::size_t i = 0; i + 16 <= table.size();) {
      const std::uint64_t size = inode_size(table, i);
      if (size == 0 || size > table.size() - i) return;
      i += static_cast<std::size_t>(size);
    }
  }

  // The inode at `i`, its file's blocks on the way; 0 when it is none.
  std::uint64_t inode_size(core::ByteView table, std::size_t i) {
    const auto u32 = [&](std::size_t at) { return std::uint64_t{number<std::uint32_t>(table, i + at)}; };
    switch (number<std::uint16_t>(table, i)) {
      case 1: return 32;
      case 2: return file(table, i + 32, {u32(16), u32(28), u32(20), u32(24)}, 32);
      case 3: return 24 + u32(20);
      case 4:
      case 5: return 24;
      case 6:
      case 7: return 20;
      case 8: return directory_size(table, i);
      case 9:
        return file(table, i + 56, {number<std::uint64_t>(table, i + 16), number<std::uint64_t>(table, i + 24), u32(44), u32(48)}, 56);
      case 10: return 28 + u32(20);
      case 11:
      case 12: return 28;
      case 13:
      case 14: return 24;
      default: return 0;
    }
  }
  static std::uint64_t directory_size(core::ByteView table, std::size_t i) {
    std::uint64_t size = 40;
    for (std::uint32_t left = number<std::uint16_t>(table, i + 32); left != 0; --left) {
      if (i + size + 12 > table.size()) return 0;
      const std::uint64_t name = number<std::uint32_t>(table, i + static_cast<std::size_t>(size) + 8);
      size += 12 + name + 1;
    }
    return size;
  }

  struct FileInode {
    std::uint64_t start, size, fragment, fragment_skip;
  };
  std::uint64_t file(core::ByteView table, std::size_t sizes_at, const FileInode& inode, std::uint64_t fixed) {
    const bool has_fragment = inode.fragment != kNoFragment;
    const std::uint64_t blocks = inode.size / block_size_ + (!has_fragment && inode.size % block_size_ != 0 ? 1 : 0);
    if (sizes_at > table.size() || blocks > (table.size() - sizes_at) / 4) return 0;
    FilePieces pieces;
    std::uint64_t at = inode.start;
    std::uint64_t file_at = 0;
    for (std::uint64_t b = 0; b < blocks; ++b) {
      const auto word = number<std::uint32_t>(table, sizes_at + static_cast<std::size_t>(b) * 4);
      const std::uint32_t stored = word & (kPlainData - 1);
      const bool is_plain = (word & kPlainData) != 0;
      const std::uint64_t content = std::min<std::uint64_t>(block_size_, inode.size - file_at);
      if (stored != 0 && at <= size_ && stored <= size_ - at) {
        if (!is_plain) add_block(at, stored, block_size_);
        const std::uint64_t here = is_plain ? std::min<std::uint64_t>(content, stored) : content;
        pieces.push_back({file_at, start_ + at, 0, here, is_plain ? FilePiece::Kind::kPlain : FilePiece::Kind::kBlock});
      }
      at += stored;
      file_at += content;
    }
    if (has_fragment && inode.fragment < fragment_places_.size() && inode.size > file_at && inode.fragment_skip < block_size_)
      add_fragment(fragment_places_[static_cast<std::size_t>(inode.fragment)], inode, file_at, pieces);
    pieces_ += pieces.size();
    if (!pieces.empty() && pieces_ <= kPiecesMax) out_.files.push_back(std::move(pieces));
    return fixed + blocks * 4;
  }

  struct FragmentPlace {
    std::uint64_t at;
    std::uint32_t size;
  };
  void add_fragment(const FragmentPlace& place, const FileInode& inode, std::uint64_t file_at, FilePieces& pieces) const {
    const std::uint32_t stored = place.size & (kPlainData - 1);
    if (place.at > size_ || stored > size_ - place.at) return;
    const std::uint64_t rest = inode.size - file_at;
    if ((place.size & kPlainData) == 0) {
      pieces.push_back({file_at, start_ + place.at, inode.fragment_skip, rest, FilePiece::Kind::kFragment});
    } else if (inode.fragment_skip <= stored && rest <= stored - inode.fragment_skip) {
      pieces.push_back({file_at, start_ + place.at + inode.fragment_skip, 0, rest, FilePiece::Kind::kPlain});
    }
  }

  core::ByteView image_;
  std::uint64_t start_;
  CompressedParts& out_;
  Recoder recoder_;
  std::optional<Codec> codec_;
  std::uint8_t level_ = 0;
  std::uint32_t dictionary_ = 0;
  std::uint32_t block_size_ = 0;
  std::uint32_t fragments_ = 0;
  std::uint32_t inodes_ = 0;
  std::uint16_t flags_ = 0;
  std::uint16_t ids_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t id_table_ = 0;
  std::uint64_t inode_table_ = 0;
  std::uint64_t directory_table_ = 0;
  std::uint64_t directory_end_ = 0;
  std::uint64_t fragment_table_ = 0;
  std::uint64_t export_table_ = 0;
  std::size_t pieces_ = 0;
  std::set<std::uint64_t> seen_;
  std::vector<FragmentPlace> fragment_places_;
};

}  // namespace

bool read_squashfs(core::ByteView image, std::uint64_t start, CompressedParts& out) {
  return Squashfs(image, start, out).read();
}

}  // namespace aseptic::payload
