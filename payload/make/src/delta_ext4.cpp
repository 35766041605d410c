// SPDX-License-Identifier: Apache-2.0
// Just enough of ext4 to find where the bytes of program files lie.
#include <cstring>

#include "delta_elements.h"

namespace aseptic::payload {
namespace {

class Ext4 {
 public:
  Ext4(core::ByteView image, std::uint64_t start) : image_(image), start_(start) {}

  bool open() {
    const std::uint64_t s = start_ + 1024;
    if (!fits(s, 1024) || get<std::uint16_t>(s + 56) != 0xEF53) return false;
    const std::uint32_t log_block = get<std::uint32_t>(s + 24);
    if (log_block > 6) return false;
    block_size_ = 1024ULL << log_block;
    const std::uint32_t incompatible = get<std::uint32_t>(s + 96);
    const bool is_64 = (incompatible & 0x80U) != 0;
    blocks_ = get<std::uint32_t>(s + 4);
    if (is_64) blocks_ |= static_cast<std::uint64_t>(get<std::uint32_t>(s + 336)) << 32U;
    inodes_ = get<std::uint32_t>(s);
    inodes_per_group_ = get<std::uint32_t>(s + 40);
    inode_size_ = get<std::uint32_t>(s + 76) == 0 ? 128 : get<std::uint16_t>(s + 88);
    first_block_ = get<std::uint32_t>(s + 20);
    descriptor_size_ = is_64 ? get<std::uint16_t>(s + 254) : 32;
    if (inodes_per_group_ > 8 * block_size_) return false;
    if (inodes_per_group_ == 0 || inode_size_ < 128 || descriptor_size_ < 32 || blocks_ == 0) return false;
    if (blocks_ > (1ULL << 40U) || !fits(start_, block_size_ * 2)) return false;
    // The last block may be cut off: an image file holds no more than its file system.
    return blocks_ * block_size_ <= image_.size() - start_;
  }
  [[nodiscard]] std::uint64_t end() const { return start_ + blocks_ * block_size_; }

  std::vector<FileExtents> programs() {
    std::vector<FileExtents> out;
    const std::uint64_t descriptors = start_ + (first_block_ + 1) * block_size_;
    const std::uint64_t groups = (inodes_ + inodes_per_group_ - 1) / inodes_per_group_;
    for (std::uint64_t group = 0; group < groups; ++group) {
      const std::uint64_t d = descriptors + group * descriptor_size_;
      if (!fits(d, descriptor_size_)) break;
      std::uint64_t table = get<std::uint32_t>(d + 8);
      if (descriptor_size_ >= 64) table |= static_cast<std::uint64_t>(get<std::uint32_t>(d + 40)) << 32U;
      for (std::uint64_t i = 0; i < inodes_per_group_; ++i)
        read_inode(start_ + table * block_size_ + i * inode_size_, out);
    }
    return out;
  }

 private:
  [[nodiscard]] bool fits(std::uint64_t at, std::uint64_t size) const {
    return at <= image_.size() && size <= image_.size() - at;
  }
  template <class T>
  [[nodiscard]] T get(std::uint64_t at) const {
    T value{};
    if (fits(at, sizeof value)) std::memcpy(&value, image_.data() + at, sizeof value);
    return value;
  }

  void read_inode(std::uint64_t inode, std::vector<FileExtents>& out) {
    if (!fits(inode, inode_size_)) return;
    constexpr std::uint32_t kExtentsFlag = 0x80000;
    if ((get<std::uint16_t>(inode) & 0xF000U) != 0x8000U) return;  // regular file
    if ((get<std::uint32_t>(inode + 32) & kExtentsFlag) == 0) return;
    const std::uint64_t size =
        get<std::uint32_t>(inode + 4) | static_cast<std::uint64_t>(get<std::uint32_t>(inode + 108)) << 32U;
    if (size < 64) return;
    FileExtents extents;
    if (!read_tree(inode + 40, 60, 0, extents) || extents.empty() || extents.front().file_at != 0) return;
    FileExtents clipped;
    for (FileExtent extent : extents) {
      if (extent.file_at >= size) break;
      if (extent.size > size - extent.file_at) extent.size = size - extent.file_at;
      if (!clipped.empty() && clipped.back().file_at + clipped.back().size > extent.file_at) return;
      clipped.push_back(extent);
    }
    if (clipped.empty() || std::memcmp(image_.data() + clipped.front().at, "\x7f" "ELF", 4) != 0) return;
    out.push_back(std::move(clipped));
  }

  bool read_tree(std::uint64_t node, std::uint64_t room, unsigned depth, FileExtents& out) {
    constexpr unsigned kDepthMax = 5;
    if (depth > kDepthMax || !fits(node, room) || get<std::uint16_t>(node) != 0xF30A) return false;
    const std::uint16_t entries = get<std::uint16_t>(node + 2);
    const std::uint16_t levels = get<std::uint16_t>(node + 6);
    if (12 + std::uint64_t{entries} * 12 > room || levels > kDepthMax) return false;
    for (std::uint16_t i = 0; i < entries; ++i) {
      const std::uint64_t e = node + 12 + i * 12ULL;
      if (levels != 0) {
        const std::uint64_t block =
            get<std::uint32_t>(e + 4) | static_cast<std::uint64_t>(get<std::uint16_t>(e + 8)) << 32U;
        if (!read_tree(start_ + block * block_size_, block_size_, depth + 1, out)) return false;
        continue;
      }
      const std::uint64_t length = get<std::uint16_t>(e + 4);
      if (length > 32768) continue;  // allocated, never written: reads as zero
      const std::uint64_t block =
          get<std::uint32_t>(e + 8) | static_cast<std::uint64_t>(get<std::uint16_t>(e + 6)) << 32U;
      const FileExtent extent{get<std::uint32_t>(e) * block_size_, start_ + block * block_size_, length * block_size_};
      if (!fits(extent.at, extent.size)) return false;
      out.push_back(extent);
    }
    return true;
  }

  core::ByteView image_;
  std::uint64_t start_;
  std::uint64_t block_size_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t inodes_ = 0;
  std::uint64_t inodes_per_group_ = 0;
  std::uint64_t inode_size_ = 0;
  std::uint64_t first_block_ = 0;
  std::uint64_t descriptor_size_ = 0;
};

}  // namespace

std::vector<FileExtents> ext4_programs(core::ByteView image, std::uint64_t start, std::uint64_t& end) {
  Ext4 file_system(image, start);
  end = start;
  if (!file_system.open()) return {};
  end = file_system.end();
  return file_system.programs();
}

}  // namespace aseptic::payload
