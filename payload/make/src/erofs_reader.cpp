// SPDX-License-Identifier: Apache-2.0
// Just enough of erofs to find its LZ4 clusters and where the bytes of files lie in them. Layout: the kernel's
// fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst. All of it is little-endian.
#include <algorithm>
#include <cstring>
#include <set>

#include "aseptic/payload/make/compressed_parts.h"

namespace aseptic::payload {
namespace {

constexpr std::uint64_t kSuperblockAt = 1024;
constexpr std::uint64_t kSuperblockSize = 128;
constexpr std::uint32_t kMagic = 0xE0F5E1E2;
constexpr std::uint64_t kUnit = 4096;  // of clusters, logical and physical: larger blocks are plain bytes
constexpr std::uint8_t kUnitBits = 12;
constexpr std::uint64_t kSlot = 32;  // of inodes
// Features: zeros in front of what was coded; algorithms named; chunks; devices or a second kind of head; tails in inodes; fragments.
constexpr std::uint32_t kZerosInFront = 1;
constexpr std::uint32_t kFragments = 0x20;
constexpr std::uint32_t kKnownFeatures = 0x37;
constexpr std::uint16_t kFolder = 0x4000;
constexpr std::uint16_t kFile = 0x8000;
constexpr std::uint16_t kKindMask = 0xF000;
// How an inode's bytes lie.
constexpr unsigned kPlainLayout = 0;
constexpr unsigned kFullIndex = 1;
constexpr unsigned kInlineTail = 2;
constexpr unsigned kPackedIndex = 3;
// What an index says of itself.
constexpr std::uint16_t kTwoByteEntries = 1;
constexpr std::uint16_t kBigClusters = 2;
constexpr std::uint16_t kTailInInode = 8;
constexpr std::uint16_t kTailIsFragment = 0x20;
constexpr std::uint16_t kCountOfUnits = 0x800;
// A file system of real size has fewer; what a damaged one claims is not followed.
constexpr std::size_t kInodesMax = 1U << 20U;
constexpr std::uint64_t kUnitsMax = 64U << 20U;
constexpr std::uint64_t kFolderMax = 64U << 20U;

enum class Sort : std::uint8_t { kPlain = 0, kHead = 1, kInside = 2, kOtherHead = 3 };

// One logical unit of a file, as its index has it.
struct Unit {
  Sort sort = Sort::kInside;
  std::uint16_t offset = 0;  // of a head: where its extent begins in the unit; inside: a distance or a count of units
  std::uint64_t at = 0;      // of a head: physical unit
};

class Erofs {
 public:
  Erofs(core::ByteView image, std::uint64_t start, CompressedParts& out) : image_(image), start_(start), out_(out) {}

  bool read() {
    if (!read_superblock()) return false;
    out_.file_systems.push_back({start_, size_});
    if (!is_understood_) return true;
    visit(root_);
    if (packed_ != 0) visit(packed_);
    while (!folders_.empty()) {
      const Inode folder = folders_.back();
      folders_.pop_back();
      read_folder(folder);
    }
    return true;
  }

 private:
  struct Inode {
    std::uint64_t at = 0;     // in the file system
    std::uint64_t end = 0;    // behind it and its attributes
    std::uint64_t size = 0;   // of the file
    std::uint64_t first = 0;  // physical unit of plain layouts
    unsigned layout = 0;
    std::uint16_t mode = 0;
  };

  template <class T>
  static T number(core::ByteView bytes, std::size_t at) {
    T value{};
    if (at <= bytes.size() && sizeof value <= bytes.size() - at) std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  [[nodiscard]] bool fits(std::uint64_t at, std::uint64_t size) const { return at <= size_ && size <= size_ - at; }
  template <class T>
  [[nodiscard]] T get(std::uint64_t at) const {  // by offset in the file system
    return fits(at, sizeof(T)) ? number<T>(image_.subspan(static_cast<std::size_t>(start_ + at), sizeof(T)), 0) : T{};
  }

  bool read_superblock() {
    constexpr std::uint64_t kWhole = kSuperblockAt + kSuperblockSize;
    if (start_ > image_.size() || image_.size() - start_ < kWhole) return false;
    const auto s = image_.subspan(static_cast<std::size_t>(start_ + kSuperblockAt), kSuperblockSize);
    if (number<std::uint32_t>(s, 0) != kMagic || s[12] != kUnitBits) return false;
    size_ = std::uint64_t{number<std::uint32_t>(s, 36)} * kUnit;
    if (size_ < kWhole || size_ > image_.size() - start_) return false;
    const auto features = number<std::uint32_t>(s, 80);
    is_understood_ = (features & ~kKnownFeatures) == 0 && (features & kZerosInFront) != 0;
    inodes_ = std::uint64_t{number<std::uint32_t>(s, 40)} * kUnit;
    root_ = number<std::uint16_t>(s, 14);
    if ((features & kFragments) != 0) packed_ = number<std::uint64_t>(s, 96);
    return true;
  }

  bool read_inode(std::uint64_t id, Inode& inode) const {
    if (id > size_ / kSlot) return false;
    inode.at = inodes_ + id * kSlot;
    if (!fits(inode.at, kSlot)) return false;
    const auto format = get<std::uint16_t>(inode.at);
    const bool is_long = (format & 1U) != 0;
    const std::uint64_t attributes = get<std::uint16_t>(inode.at + 2);
    inode.layout = (format >> 1U) & 7U;
    inode.mode = get<std::uint16_t>(inode.at + 4);
    inode.size = is_long ? get<std::uint64_t>(inode.at + 8) : get<std::uint32_t>(inode.at + 8);
    inode.first = get<std::uint32_t>(inode.at + 16);
    inode.end = inode.at + (is_long ? 64 : 32) + (attributes == 0 ? 0 : 12 + 4 * (attributes - 1));
    return fits(inode.at, inode.end - inode.at);
  }

  void visit(std::uint64_t id) {
    if (seen_inodes_.size() >= kInodesMax || !seen_inodes_.insert(id).second) return;
    Inode inode;
    if (!read_inode(id, inode)) return;
    const auto kind = static_cast<std::uint16_t>(inode.mode & kKindMask);
    if (inode.layout == kFullIndex || inode.layout == kPackedIndex) {
      read_clusters(inode);
    } else if (kind == kFolder && inode.size <= kFolderMax) {
      folders_.push_back(inode);
    } else if (kind == kFile) {
      FilePieces pieces = plain_pieces(inode);
      if (!pieces.empty()) out_.files.push_back(std::move(pieces));
    }
  }

  // Where the bytes of a file that is not compressed are.
  [[nodiscard]] FilePieces plain_pieces(const Inode& inode) const {
    if (inode.layout != kPlainLayout && inode.layout != kInlineTail) return {};
    const std::uint64_t tail = inode.layout == kInlineTail ? inode.size % kUnit : 0;
    const std::uint64_t whole = inode.size - tail;
    FilePieces pieces;
    if (whole != 0) {
      if (!fits(inode.first * kUnit, whole)) return {};
      pieces.push_back({0, start_ + inode.first * kUnit, 0, whole, FilePiece::Kind::kPlain});
    }
    if (tail != 0) {
      if (!fits(inode.end, tail)) return {};
      pieces.push_back({whole, start_ + inode.end, 0, tail, FilePiece::Kind::kPlain});
    }
    return pieces;
  }

  // A folder's blocks: entries of 12 bytes, the first of which says where the names begin.
  void read_folder(const Inode& folder) {
    constexpr std::uint64_t kEntry = 12;
    for (const FilePiece& piece : plain_pieces(folder)) {
      for (std::uint64_t done = 0; done < piece.size; done += kUnit) {
        const std::uint64_t at = piece.at - start_ + done;
        const std::uint64_t size = std::min(kUnit, piece.size - done);
        const std::uint64_t names = get<std::uint16_t>(at + 8);
        if (names > size) return;
        for (std::uint64_t entry = 0; entry + kEntry <= names; entry += kEntry)
          visit(get<std::uint64_t>(at + entry));
      }
    }
  }

  // The index of a compressed file, and its extents on the way.
  void read_clusters(const Inode& inode) {
    const std::uint64_t header = (inode.end + 7) / 8 * 8;
    if (!fits(header, 8)) return;
    const auto advice = get<std::uint16_t>(header + 4);
    const auto algorithms = get<std::uint8_t>(header + 6);
    const auto bits = get<std::uint8_t>(header + 7);
    const std::uint64_t units = inode.size / kUnit + (inode.size % kUnit != 0 ? 1 : 0);
    // Logical units of 4 KiB and the first algorithm, LZ4, only; a whole file in the fragments has no index.
    if (bits != 0 || (algorithms & 15U) != 0 || units > kUnitsMax - units_) return;
    units_ += units;
    FilePieces pieces;
    Unit head;
    std::uint64_t head_at = 0;  // in the file
    std::uint64_t size = 0;     // of the head's cluster
    bool has_head = false;
    const auto end_extent = [&](std::uint64_t end) {
      if (has_head && end > head_at) add_extent(head, size, head_at, end, pieces);
    };
    for (std::uint64_t i = 0; i < units; ++i) {
      Unit unit;
      if (!(inode.layout == kFullIndex ? full_unit(header + 16, i, unit) : packed_unit(header + 8, advice, units, i, unit))) return;
      if (unit.sort == Sort::kInside) {
        if (head_at / kUnit + 1 == i && (advice & kBigClusters) != 0 && (unit.offset & kCountOfUnits) != 0)
          size = std::uint64_t{unit.offset & (kCountOfUnits - 1U)} * kUnit;
        continue;
      }
      end_extent(i * kUnit + unit.offset);
      head = unit;
      head_at = i * kUnit + unit.offset;
      size = kUnit;
      has_head = unit.sort != Sort::kOtherHead;
    }
    if ((advice & (kTailInInode | kTailIsFragment)) == 0) end_extent(inode.size);
    if (!pieces.empty() && (inode.mode & kKindMask) == kFile) out_.files.push_back(std::move(pieces));
  }

  void add_extent(const Unit& head, std::uint64_t size, std::uint64_t from, std::uint64_t to, FilePieces& pieces) {
    const std::uint64_t at = head.at * kUnit;
    if (size == 0 || !fits(at, size)) return;
    if (head.sort == Sort::kPlain) {
      pieces.push_back({from, start_ + at, 0, std::min(to - from, kUnit), FilePiece::Kind::kPlain});
      return;
    }
    if (to - from > kBlockTextMax || size > kBlockTextMax) return;
    pieces.push_back({from, start_ + at, 0, to - from, FilePiece::Kind::kBlock});
    if (!seen_clusters_.insert(at).second) return;
    const CodecSetting likely{Codec::kLz4Cluster, 0, 1, Recoder::version_of(Codec::kLz4Cluster), 0};
    out_.blocks.push_back({start_ + at, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(to - from), likely});
  }

  // Entries of eight bytes.
  bool full_unit(std::uint64_t table, std::uint64_t i, Unit& unit) const {
    const std::uint64_t at = table + i * 8;
    if (!fits(at, 8)) return false;
    unit.sort = static_cast<Sort>(get<std::uint16_t>(at) & 3U);
    if (unit.sort == Sort::kInside) {
      unit.offset = get<std::uint16_t>(at + 4);
    } else {
      unit.offset = get<std::uint16_t>(at + 2);
      unit.at = get<std::uint32_t>(at + 4);
    }
    return unit.offset < kUnit;
  }

  // Packs of two units in 8 bytes or sixteen in 32, with one physical unit at the end of each.
  bool packed_unit(std::uint64_t table, std::uint16_t advice, std::uint64_t units, std::uint64_t i, Unit& unit) const {
    const std::uint64_t before = (32 - table % 32) % 32 / 4;  // units up to where packs of 32 bytes are aligned
    const std::uint64_t short_ones = (advice & kTwoByteEntries) != 0 && before < units ? (units - before) / 16 * 16 : 0;
    std::uint64_t pack = 0;
    unsigned index = 0;
    bool is_short = false;
    if (i < before) {
      pack = (table + i * 4) / 8 * 8;
      index = static_cast<unsigned>((table + i * 4) % 8 / 4);
    } else if (i - before < short_ones) {
      is_short = true;
      pack = table + before * 4 + (i - before) / 16 * 32;
      index = static_cast<unsigned>((i - before) % 16);
    } else {
      const std::uint64_t rest = table + before * 4 + short_ones * 2 + (i - before - short_ones) * 4;
      pack = rest / 8 * 8;
      index = static_cast<unsigned>(rest % 8 / 4);
    }
    const unsigned bits = is_short ? 14 : 16;
    const std::uint64_t pack_size = is_short ? 32 : 8;
    if (!fits(pack, pack_size)) return false;
    const auto entry = [&](unsigned k, Sort& sort) {
      const std::uint64_t bit = std::uint64_t{bits} * k;
      const std::uint32_t word = get<std::uint32_t>(pack + bit / 8) >> (bit % 8);
      sort = static_cast<Sort>((word >> kUnitBits) & 3U);
      return static_cast<std::uint16_t>(word & (kUnit - 1));
    };
    unit.offset = entry(index, unit.sort);
    if (unit.sort == Sort::kInside) return true;
    // The pack's number counts the clusters in front of this one in the pack.
    const bool is_big = (advice & kBigClusters) != 0;
    std::uint64_t clusters = is_big ? 0 : 1;
    for (unsigned k = index; k > 0;) {
      Sort sort{};
      const std::uint16_t low = entry(--k, sort);
      if (sort != Sort::kInside) {
        ++clusters;
      } else if (!is_big) {
        if (low > k) break;  // its head is in an earlier pack
        k -= low;
        ++clusters;
      } else if ((low & kCountOfUnits) != 0) {
        clusters += low & (kCountOfUnits - 1U);
        if (k == 0) break;
        --k;
      } else {
        if (low <= 1) return false;
        if (low - 2U > k) break;
        k -= low - 2U;
      }
    }
    unit.at = get<std::uint32_t>(pack + pack_size - 4) + clusters;
    return true;
  }

  core::ByteView image_;
  std::uint64_t start_;
  CompressedParts& out_;
  bool is_understood_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t inodes_ = 0;
  std::uint64_t root_ = 0;
  std::uint64_t packed_ = 0;
  std::uint64_t units_ = 0;
  std::vector<Inode> folders_;
  std::set<std::uint64_t> seen_inodes_;
  std::set<std::uint64_t> seen_clusters_;
};

}  // namespace

bool read_erofs(core::ByteView image, std::uint64_t start, CompressedParts& out) {
  return Erofs(image, start, out).read();
}

}  // namespace aseptic::payload
