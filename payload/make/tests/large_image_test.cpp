// SPDX-License-Identifier: Apache-2.0
// An image beyond 4 GiB, sparse on both sides: regions straddle the 2 GiB and the 4 GiB boundary.
#include <gtest/gtest.h>

#include "aseptic/payload/apply/zero_blocks.h"
#include "support.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::uint64_t kGib = 1ULL << 30U;

class SparseImage final : public ImageSource {
 public:
  explicit SparseImage(SparseDevice& device) : device_(device) {}
  [[nodiscard]] std::uint64_t size() const override { return device_.size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    return device_.read(offset, out);
  }

 private:
  SparseDevice& device_;
};

void put(SparseDevice& device, std::uint64_t offset, core::Bytes bytes) {
  bytes.resize((bytes.size() + kBlockSize - 1) / kBlockSize * kBlockSize);
  ASSERT_TRUE(device.write(offset, bytes));
}

// Answers: MF-06, T-35
TEST(PayloadBeyond4GiB, InstallsAndReadsBackEveryRegion) {
  CoreHasher hasher;
  boot::Manifest manifest = basic_manifest();
  const core::Bytes exec = mixed_bytes(20'001, 1);
  const core::Bytes tree = mixed_bytes(4 * kBlockSize, 2);
  manifest.tree_hash = boot::TreeHash::kSha256;
  manifest.tree_salt.fill(9);
  boot::TreeHasher tree_hash(hasher, manifest.tree_salt);
  for (std::size_t at = 0; at < tree.size(); at += kBlockSize)
    tree_hash.add_block(core::ByteView(tree).subspan(at).first<boot::kImageBlockSize>());
  manifest.region_count = 2;
  manifest.regions[0] = {boot::RegionKind::kExecCopied, 2 * kGib - 2 * kBlockSize, exec.size(),
                         boot::hash_of(hasher, exec)};
  manifest.regions[1] = {boot::RegionKind::kTreeVerified, 4 * kGib - 2 * kBlockSize, tree.size(), {}};
  ASSERT_TRUE(boot::ok(tree_hash.root(manifest.regions[1].digest)));
  manifest.image_size = 4 * kGib + 2 * kBlockSize;
  core::Bytes head(boot::kFirstRegionOffset);
  ASSERT_TRUE(
      boot::ok(boot::encode_manifest(manifest, core::ByteSpan(head).first<boot::kManifestRegionSize>())));
  std::fill_n(head.begin() + boot::kManifestRegionSize, boot::kP256SignatureSize + boot::kSlhDsaSignatureSize, std::uint8_t{0x66});
  SparseDevice image(manifest.image_size);
  put(image, 0, head);
  put(image, manifest.regions[0].offset, exec);
  put(image, manifest.regions[1].offset, tree);

  SparseImage source(image);
  MemoryPayload out;
  const auto summary = make_payload(source, out, {});
  ASSERT_TRUE(summary) << summary.error().sentence();
  EXPECT_EQ(summary->image_size, manifest.image_size);
  EXPECT_LT(out.content.size(), 4U << 20U);

  const ImageReference reference{trust::DigestIssuer::issue(summary->manifest_digest),
                                 trust::DigestIssuer::issue(summary->image_digest), summary->image_size};
  SparseDevice slot(manifest.image_size + kBlockSize);
  ASSERT_TRUE(slot.write(4 * kGib, core::Bytes(kBlockSize, 0xEE)));  // dirty before
  const auto installed = install(out.content, resign(out.content).reference(), reference, slot, 1U << 20U);
  ASSERT_TRUE(installed) << installed.error().sentence();
  std::erase_if(image.blocks, [](const auto& block) { return is_all_zero(block.second); });
  EXPECT_TRUE(slot.blocks == image.blocks);
  slot.blocks.rbegin()->second[5] ^= 1;  // beyond 4 GiB
  EXPECT_FALSE(measure_slot(slot, reference));
}

}  // namespace
}  // namespace aseptic::payload::tests
