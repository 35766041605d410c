// SPDX-License-Identifier: Apache-2.0
// The binary Merkle tree over a region, and a reader that checks every block at every read.
// Format: docs/formats/tree_hash.md. leaf = SHA-256(0x00 ‖ salt ‖ 4096-byte block); node = SHA-256(0x01 ‖
// left ‖ right); an odd node moves up unchanged. Called by boot/core, agent (read-back), publish (manifest).
// Memory: one digest per tree level (incremental hasher); 32 bytes per block (reader, the caller's memory).
// Not thread safe.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

// kImageSizeMax / kImageBlockSize has 36 bits. On a 32-bit port regions end at 128 MiB (2^15 blocks), because each level
// costs 32 bytes of memory; a larger one is refused by its root.
inline constexpr std::size_t kTreeLevelsMax = sizeof(std::size_t) > 4 ? 40 : 16;

// Leaves and nodes are hashed under different first bytes: a node can never be taken for a block.
inline constexpr std::uint8_t kTreeLeafTag = 0x00;
inline constexpr std::uint8_t kTreeNodeTag = 0x01;

using TreeBlock = std::span<const std::uint8_t, kImageBlockSize>;

Digest tree_leaf(Hasher& hasher, const Digest& salt, TreeBlock block);
// The same for a block that comes in pieces: `begin`, `update` the hasher with all of it, `finish` the hasher.
void begin_tree_leaf(Hasher& hasher, const Digest& salt);
Digest tree_node(Hasher& hasher, const Digest& left, const Digest& right);

// Feeds blocks in order, gives the root at the end; memory O(log n).
class TreeHasher {
 public:
  TreeHasher(Hasher& hasher, const Digest& salt) : hasher_(hasher), salt_(salt) {}

  void add_block(TreeBlock block) { add_leaf(tree_leaf(hasher_, salt_, block)); }
  void add_leaf(const Digest& leaf);
  std::uint64_t leaf_count() const { return count_; }
  // The root over all leaves so far; kBadTree when there is none. More leaves may follow.
  Status root(Digest& out) const;

 private:
  Hasher& hasher_;
  Digest salt_;
  std::size_t count_ = 0;
  // INVARIANT: level i holds a full subtree of 2^i leaves exactly when bit i of count_ is set.
  std::array<Digest, kTreeLevelsMax> levels_;
};

// Where the reader gets its blocks from.
class BlockSource {
 public:
  virtual Status read_block(std::uint64_t index, std::span<std::uint8_t, kImageBlockSize> out) = 0;

 protected:
  ~BlockSource() = default;
};

// SECURITY(T-46): the medium is untrusted at every read, not only when it was first verified.
class TreeBlockReader {
 public:
  TreeBlockReader(Hasher& hasher, const Digest& salt, BlockSource& source)
      : hasher_(hasher), salt_(salt), source_(source) {}

  // Reads the whole region once, fills `leaves` (one per block) and compares with the signed root. Until this
  // succeeded, `read` refuses. `leaves` must outlive the reader and lie in memory that only the reader's
  // owner writes.
  Status open(std::span<Digest> leaves, const Digest& root);

  // One verified block; on any difference `out` is zeroed and kRegionDigest returned: the caller stops the
  // device.
  Status read(std::uint64_t index, std::span<std::uint8_t, kImageBlockSize> out);

 private:
  Hasher& hasher_;
  Digest salt_;
  BlockSource& source_;
  std::span<const Digest> leaves_;
};

}  // namespace aseptic::boot
