// SPDX-License-Identifier: Apache-2.0
// The reader of erofs images, on what Debian's mkfs.erofs makes and on damaged ones.
#include <gtest/gtest.h>

#include "file_systems.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::size_t kBlock = 40000;

CompressedParts parts_of(const core::Bytes& image) {
  CompressedParts parts;
  read_erofs(image, 0, parts);
  return parts;
}

// Packed indexes from every alignment, inodes of both sizes, large clusters, and a place inside of an image.
TEST(ErofsReader, FindsEveryByteOfEveryFile) {
  std::uint64_t seed = 0;
  for (const char* options : {"-zlz4", "-zlz4hc,12 -C65536", "-zlz4 -Eforce-inode-extended", "-zlz4hc -C8192 -Eforce-inode-compact", "-zlz4 --max-extent-bytes 9000"}) {
    const FileTree tree = make_tree(++seed, kBlock);
    const core::Bytes image = make_erofs(tree, options);
    ASSERT_FALSE(image.empty()) << "mkfs.erofs is missing: './dev setup test' installs it";
    core::Bytes shifted(3 * 4096, 0x5A);
    shifted.insert(shifted.end(), image.begin(), image.end());
    const CompressedParts parts = find_compressed_parts(shifted);
    ASSERT_EQ(parts.file_systems.size(), 1U);
    EXPECT_EQ(parts.file_systems[0].at, 3U * 4096U);
    EXPECT_EQ(parts.file_systems[0].size, image.size());
    EXPECT_GT(parts.blocks.size(), 10U);
    SCOPED_TRACE(options);
    expect_every_file(parts, shifted, tree);
  }
}

// Tails that lie elsewhere are no clusters; what is found decodes.
TEST(ErofsReader, LeavesOutWhatItDoesNotKnow) {
  const FileTree tree = make_tree(7, kBlock);
  const auto plain = parts_of(make_erofs(tree, "-zlz4"));
  const auto tails = parts_of(make_erofs(tree, "-zlz4 -Eztailpacking"));
  EXPECT_GT(tails.blocks.size(), plain.blocks.size() / 2);
  EXPECT_LE(tails.blocks.size(), plain.blocks.size());
  const auto old_kernels = parts_of(make_erofs(tree, "-zlz4 -Elegacy-compress"));
  EXPECT_EQ(old_kernels.file_systems.size(), 1U);
  EXPECT_TRUE(old_kernels.blocks.empty()) << "zeros behind what was coded, not in front";
  const auto uncompressed = parts_of(make_erofs(tree, ""));
  EXPECT_EQ(uncompressed.file_systems.size(), 1U);
  EXPECT_TRUE(uncompressed.blocks.empty());
}

// The same index in the form of eight bytes an entry, as old tools and de-duplication write it.
TEST(ErofsReader, ReadsIndexesThatAreNotPacked) {
  constexpr std::size_t kUnit = 4096;
  core::Bytes image(kUnit * 8);
  put<std::uint32_t>(image, 1024, 0xE0F5E1E2);
  image[1024 + 12] = 12;
  put<std::uint16_t>(image, 1024 + 14, 64);  // root: slot 64 of the first unit
  put<std::uint32_t>(image, 1024 + 36, 8);
  put<std::uint32_t>(image, 1024 + 80, 3);
  const std::size_t inode = 64 * 32;
  put<std::uint16_t>(image, inode, 1U << 1U);  // short inode, full index
  put<std::uint16_t>(image, inode + 4, 0x81A4);
  put<std::uint32_t>(image, inode + 8, 5 * kUnit - 100);
  const std::size_t header = inode + 32;
  put<std::uint16_t>(image, header + 4, 2);  // large clusters
  struct Entry {
    std::uint16_t sort, offset;
    std::uint32_t word;
  };
  const Entry entries[] = {{1, 0, 2}, {2, 0, 0x802}, {2, 0, 2}, {1, 96, 4}, {0, 100, 5}};
  for (std::size_t i = 0; i < std::size(entries); ++i) {
    put<std::uint16_t>(image, header + 16 + i * 8, entries[i].sort);
    put<std::uint16_t>(image, header + 18 + i * 8, entries[i].offset);
    put<std::uint32_t>(image, header + 20 + i * 8, entries[i].word);
  }
  const CompressedParts parts = parts_of(image);
  ASSERT_EQ(parts.blocks.size(), 2U);
  EXPECT_EQ(parts.blocks[0].at, 2 * kUnit);
  EXPECT_EQ(parts.blocks[0].size, 2 * kUnit) << "as the second entry says";
  EXPECT_EQ(parts.blocks[0].room, 3 * kUnit + 96);
  EXPECT_EQ(parts.blocks[1].at, 4 * kUnit);
  EXPECT_EQ(parts.blocks[1].size, kUnit);
  EXPECT_EQ(parts.blocks[1].room, kUnit + 4);
  ASSERT_EQ(parts.files.size(), 1U);
  ASSERT_EQ(parts.files[0].size(), 3U);
  EXPECT_EQ(parts.files[0][2].kind, FilePiece::Kind::kPlain);
  EXPECT_EQ(parts.files[0][2].at, 5 * kUnit);
  EXPECT_EQ(parts.files[0][2].size, kUnit - 200);
}

// Zeros compress to next to nothing: a cluster may claim to decode to more than the device has room for.
TEST(ErofsReader, LeavesOutClustersThatDecodeToMoreThanABlockMay) {
  constexpr std::size_t kUnit = 4096;
  const auto blocks_with = [](std::uint32_t size) {
    core::Bytes image(kUnit * 8);
    put<std::uint32_t>(image, 1024, 0xE0F5E1E2);
    image[1024 + 12] = 12;
    put<std::uint16_t>(image, 1024 + 14, 64);
    put<std::uint32_t>(image, 1024 + 36, 8);
    put<std::uint32_t>(image, 1024 + 80, 1);
    const std::size_t inode = 64 * 32;
    put<std::uint16_t>(image, inode, 1U << 1U);
    put<std::uint16_t>(image, inode + 4, 0x81A4);
    put<std::uint32_t>(image, inode + 8, size);
    const std::size_t entries = inode + 32 + 16;
    put<std::uint16_t>(image, entries, 1);
    put<std::uint32_t>(image, entries + 4, 7);
    for (std::size_t i = 1; i < 257; ++i)
      put<std::uint16_t>(image, entries + i * 8, 2);
    return parts_of(image).blocks.size();
  };
  EXPECT_EQ(blocks_with(kBlockTextMax), 1U);
  EXPECT_EQ(blocks_with(kBlockTextMax + 1), 0U);
}

// Each class of damage: no file system, or no parts; never a byte outside.
TEST(ErofsReader, RefusesDamagedSuperblocks) {
  const core::Bytes image = make_erofs(make_tree(1, kBlock), "-zlz4");
  ASSERT_FALSE(image.empty());
  const auto with = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    core::Bytes changed = image;
    for (std::size_t i = 0; i < size; ++i)
      changed[1024 + at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    return parts_of(changed);
  };
  EXPECT_FALSE(with(0, 0xE0F5E1E2, 4).blocks.empty());
  EXPECT_TRUE(with(0, 0xE2E1F5E0, 4).file_systems.empty()) << "magic of the other byte order";
  EXPECT_TRUE(with(12, 9, 1).file_systems.empty()) << "blocks of 512 bytes";
  EXPECT_TRUE(with(36, image.size() / 4096 + 1, 4).file_systems.empty()) << "ends behind the image";
  EXPECT_TRUE(with(36, 0xFFFFFFFF, 4).file_systems.empty());
  EXPECT_TRUE(with(36, 0, 4).file_systems.empty()) << "ends inside its own superblock";
  EXPECT_TRUE(with(80, 0x41, 4).blocks.empty()) << "a feature of the future";
  EXPECT_TRUE(with(80, 0, 4).blocks.empty()) << "zeros behind what was coded";
  EXPECT_TRUE(with(14, 0xFFFF, 2).blocks.empty()) << "no root";
  EXPECT_TRUE(with(40, 0xFFFFFFFF, 4).blocks.empty()) << "inodes behind the end";
  CompressedParts parts;
  EXPECT_FALSE(read_erofs(core::ByteView(image).first(1024 + 127), 0, parts));
  EXPECT_FALSE(read_erofs(image, image.size() + 1, parts));
  EXPECT_FALSE(read_erofs(image, ~std::uint64_t{0} - 100, parts));
  EXPECT_TRUE(parts.blocks.empty());
}

TEST(ErofsReader, EveryDamagedByteLeavesPartsInsideTheImage) {
  const core::Bytes image = make_erofs(make_tree(2, 9000), "-zlz4 -C8192");
  ASSERT_FALSE(image.empty());
  std::mt19937_64 random(3);
  std::size_t systems = 0;
  std::size_t changed_parts = 0;
  const auto whole = parts_of(image).blocks.size();
  for (int i = 0; i < 600; ++i) {
    core::Bytes changed = image;
    // Superblock, or the inodes and their indexes, which lie in front.
    const std::size_t at = i % 8 == 0 ? 1024 + random() % 128 : 1024 + random() % 6000;
    changed[at] = static_cast<std::uint8_t>(random());
    const CompressedParts parts = parts_of(changed);
    systems += parts.file_systems.size();
    if (parts.blocks.size() != whole) ++changed_parts;
    for (const CompressedBlock& block : parts.blocks) {
      ASSERT_LE(block.size, changed.size());
      ASSERT_LE(block.at, changed.size() - block.size);
      ASSERT_LE(block.room, kBlockTextMax);
    }
    for (const FilePieces& file : parts.files)
      for (const FilePiece& piece : file)
        ASSERT_LT(piece.at, changed.size());
  }
  EXPECT_GT(systems, 400U);
  EXPECT_GT(changed_parts, 20U) << "the damage was seen";
}

// A folder that holds itself, and one that claims to be larger than the image, end the walk.
TEST(ErofsReader, EndsInFoldersThatHoldThemselves) {
  constexpr std::size_t kUnit = 4096;
  core::Bytes image(kUnit * 4);
  put<std::uint32_t>(image, 1024, 0xE0F5E1E2);
  image[1024 + 12] = 12;
  put<std::uint16_t>(image, 1024 + 14, 64);
  put<std::uint32_t>(image, 1024 + 36, 4);
  put<std::uint32_t>(image, 1024 + 80, 1);
  const std::size_t inode = 64 * 32;
  put<std::uint16_t>(image, inode + 4, 0x41ED);
  put<std::uint32_t>(image, inode + 8, kUnit);
  put<std::uint32_t>(image, inode + 16, 3);
  put<std::uint64_t>(image, 3 * kUnit, 64);
  put<std::uint16_t>(image, 3 * kUnit + 8, 12);
  EXPECT_EQ(parts_of(image).file_systems.size(), 1U);
  put<std::uint32_t>(image, inode + 8, 0xFFFFFFFFU);
  EXPECT_EQ(parts_of(image).file_systems.size(), 1U);
  EXPECT_TRUE(parts_of(image).files.empty());
}

}  // namespace
}  // namespace aseptic::payload::tests
