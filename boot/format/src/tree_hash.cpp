// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/tree_hash.h"

namespace aseptic::boot {
namespace {
constexpr std::uint8_t kLeafTag[1] = {kTreeLeafTag};
constexpr std::uint8_t kNodeTag[1] = {kTreeNodeTag};
}  // namespace

Digest tree_leaf(Hasher& hasher, const Digest& salt, TreeBlock block) {
  return hash_of(hasher, kLeafTag, salt, block);
}

void begin_tree_leaf(Hasher& hasher, const Digest& salt) {
  hasher.reset();
  hasher.update(kLeafTag);
  hasher.update(salt);
}

Digest tree_node(Hasher& hasher, const Digest& left, const Digest& right) {
  return hash_of(hasher, kNodeTag, left, right);
}

void TreeHasher::add_leaf(const Digest& leaf) {
  Digest carry = leaf;
  std::size_t level = 0;
  while (level + 1 < kTreeLevelsMax && ((count_ >> level) & 1U) != 0) {
    carry = tree_node(hasher_, levels_[level], carry);
    ++level;
  }
  levels_[level] = carry;
  ++count_;
}

Status TreeHasher::root(Digest& out) const {
  if (count_ == 0) return Status::kBadTree;
  std::size_t level = 0;
  while (((count_ >> level) & 1U) == 0)
    ++level;
  Digest carry = levels_[level];  // the rightmost full subtree; as an odd node it moves up unchanged
  for (++level; level < kTreeLevelsMax; ++level)
    if (((count_ >> level) & 1U) != 0) carry = tree_node(hasher_, levels_[level], carry);
  out = carry;
  return Status::kOk;
}

Status TreeBlockReader::open(std::span<Digest> leaves, const Digest& root) {
  leaves_ = {};
  std::array<std::uint8_t, kImageBlockSize> block;
  TreeHasher tree(hasher_, salt_);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    ASEPTIC_BOOT_TRY(source_.read_block(i, block));
    leaves[i] = tree_leaf(hasher_, salt_, block);
    tree.add_leaf(leaves[i]);
  }
  Digest measured{};
  ASEPTIC_BOOT_TRY(tree.root(measured));
  if (!equal(measured, root)) return Status::kRegionDigest;
  leaves_ = leaves;
  return Status::kOk;
}

Status TreeBlockReader::read(std::uint64_t index, std::span<std::uint8_t, kImageBlockSize> out) {
  if (index >= leaves_.size()) return Status::kOutOfRange;
  ASEPTIC_BOOT_TRY(source_.read_block(index, out));
  if (equal(tree_leaf(hasher_, salt_, out), leaves_[static_cast<std::size_t>(index)])) return Status::kOk;
  fill_bytes(out, 0);
  return Status::kRegionDigest;
}

}  // namespace aseptic::boot
