// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/read_back.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "aligned_buffer.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/core/assert.h"
#include "aseptic/core/sha256_pair.h"
#include "aseptic/payload/apply/codes.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::payload {
namespace {

core::Error differs(const std::string& what) {
  return core::Error(PayloadCode::kReadBack,
                     "read back from the slot: " + what + "; the slot must not be used");
}

// The digest of one region, fed in order.
class RegionDigest {
 public:
  RegionDigest(boot::Hasher& hasher, const boot::Manifest& manifest, const boot::Region& region)
      : hasher_(hasher), region_(region), salt_(manifest.tree_salt) {
    if (region.kind == boot::RegionKind::kExecCopied) {
      hasher_.reset();
    } else {
      tree_.emplace(hasher, salt_);
      leaf_prefix_[0] = boot::kTreeLeafTag;
      std::copy(salt_.begin(), salt_.end(), leaf_prefix_.begin() + 1);
    }
  }

  void update(core::ByteView bytes) {
    if (!tree_) return hasher_.update(bytes);
    for (; bytes.size() >= 2 * boot::kImageBlockSize; bytes = bytes.subspan(2 * boot::kImageBlockSize))
      add_two(bytes.first<boot::kImageBlockSize>(), bytes.subspan<boot::kImageBlockSize, boot::kImageBlockSize>());
    if (!bytes.empty()) tree_->add_leaf(leaf_of(bytes.first<boot::kImageBlockSize>()));
  }

  bool matches() {
    boot::Digest measured{};
    if (!tree_) {
      hasher_.finish(measured);
    } else if (!boot::ok(tree_->root(measured))) {
      return false;
    }
    return boot::equal(measured, region_.digest);
  }

 private:
  void add_two(boot::TreeBlock first, boot::TreeBlock second) {
    if (is_all_zero(first) || is_all_zero(second)) {
      tree_->add_leaf(leaf_of(first));
      return tree_->add_leaf(leaf_of(second));
    }
    const auto leaves = core::sha256_pair(leaf_prefix_, first, second);
    tree_->add_leaf(leaves.first.bytes);
    tree_->add_leaf(leaves.second.bytes);
  }

  // A third of a file system is zero, and all zero blocks have one leaf.
  boot::Digest leaf_of(boot::TreeBlock block) {
    if (!is_all_zero(block)) return boot::tree_leaf(hasher_, salt_, block);
    if (!zero_leaf_) zero_leaf_ = boot::tree_leaf(hasher_, salt_, block);
    return *zero_leaf_;
  }

  boot::Hasher& hasher_;
  const boot::Region& region_;
  const boot::Digest salt_;
  std::array<std::uint8_t, 1 + boot::kDigestSize> leaf_prefix_{};
  std::optional<boot::TreeHasher> tree_;
  std::optional<boot::Digest> zero_leaf_;
};

}  // namespace

class SlotReader {
 public:
  SlotReader(platform::BlockDevice& slot, const ImageReference& expected)
      : slot_(slot), expected_(expected) {}

  core::Result<Measured> measure() {
    ASEPTIC_TRY_VOID(check_sizes());
    ASEPTIC_TRY_VOID(read_manifest());
    std::uint64_t at = boot::kFirstRegionOffset;
    for (std::size_t i = 0; i < manifest_.region_count; ++i) {
      const boot::Region& region = manifest_.regions[i];
      ASEPTIC_TRY_VOID(check_zero(at, region.offset));
      ASEPTIC_TRY_VOID(check_region(i));
      at = region.offset + region.size;
    }
    ASEPTIC_TRY_VOID(check_zero(at, slot_.size()));
    Measured measured;
    measured.manifest_digest_ = expected_.manifest_digest.value();
    measured.image_digest_ = expected_.image_digest.value();
    measured.image_size_ = expected_.image_size;
    measured.manifest_area_ = manifest_area_;
    return measured;
  }

 private:
  core::Result<void> check_sizes() {
    if (slot_.size() % kBlockSize != 0 || expected_.image_size < boot::kFirstRegionOffset ||
        expected_.image_size > slot_.size())
      return core::Error(PayloadCode::kSlotTooSmall, "the slot has " + std::to_string(slot_.size()) +
                                                         " bytes and cannot hold the image of " +
                                                         std::to_string(expected_.image_size));
    return {};
  }

  core::Result<void> read_manifest() {
    const core::ByteSpan head = buffer_.first(boot::kFirstRegionOffset);
    ASEPTIC_TRY_VOID(slot_.read_back(0, head).within("read back manifest"));
    // SECURITY(T-38): authentic first, parsed second.
    const auto region = core::ByteView(head).first<boot::kManifestRegionSize>();
    if (!expected_.manifest_digest.matches(core::Digest{boot::manifest_digest(hasher_, region)}))
      return differs("the boot manifest is not the signed one");
    if (const auto status = boot::decode_manifest(region, manifest_); !boot::ok(status))
      return differs(std::string("boot manifest: ") + boot::describe(status).sentence);
    if (manifest_.image_size != expected_.image_size ||
        !boot::ok(boot::check_fits_slot(manifest_, slot_.size())))
      return differs("the boot manifest states another image size than the release");
    if (!expected_.image_digest.matches(core::Digest{boot::image_digest(hasher_, manifest_)}))
      return differs("the boot manifest describes another image than the release");
    const auto block = core::ByteView(head).subspan<boot::kManifestRegionSize, boot::kSignatureBlockSize>();
    if (const auto status = boot::check_signature_block(block); !boot::ok(status))
      return differs(std::string("signature block: ") + boot::describe(status).sentence);
    manifest_area_.assign(head.begin(), head.begin() + boot::kManifestSize);
    return is_all_zero(head.subspan(boot::kManifestSize))
               ? core::Result<void>()
               : differs("the gap behind the manifest is not zero");
  }

  core::Result<void> check_region(std::size_t index) {
    const boot::Region& region = manifest_.regions[index];
    RegionDigest digest(hasher_, manifest_, region);
    std::uint64_t at = region.offset;
    const std::uint64_t end = region.offset + region.size;
    while (at < end) {
      ASEPTIC_TRY(const core::ByteView bytes, read(at, end));
      digest.update(bytes);
      at += bytes.size();
    }
    if (!digest.matches())
      return differs("region " + std::to_string(index) + " does not match its signed digest");
    return {};
  }

  // SECURITY(T-34): no byte of the slot outside the signed regions may carry anything.
  core::Result<void> check_zero(std::uint64_t at, std::uint64_t end) {
    while (at < end) {
      ASEPTIC_TRY(const core::ByteView bytes, read(at, end));
      if (!is_all_zero(bytes))
        return differs("bytes outside the signed regions are not zero near offset " + std::to_string(at));
      at += bytes.size();
    }
    return {};
  }

  // The bytes [at, end), at most a buffer of them. Transfers are whole blocks; a region that ends inside a
  // block is followed by a gap that starts there.
  core::Result<core::ByteView> read(std::uint64_t at, std::uint64_t end) {
    const std::uint64_t start = at / kBlockSize * kBlockSize;
    const std::uint64_t whole = (end - start + kBlockSize - 1) / kBlockSize * kBlockSize;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(whole, kReadBackBufferSize));
    ASEPTIC_TRY_VOID(slot_.read_back(start, buffer_.first(size)).within("read back slot"));
    const std::uint64_t stop = std::min<std::uint64_t>(end, start + size);
    return core::ByteView(buffer_.span())
        .subspan(static_cast<std::size_t>(at - start), static_cast<std::size_t>(stop - at));
  }

  platform::BlockDevice& slot_;
  const ImageReference& expected_;
  AlignedBuffer buffer_{kReadBackBufferSize};
  CoreHasher hasher_;
  boot::Manifest manifest_;
  core::Bytes manifest_area_;
};

core::Result<Measured> measure_slot(platform::BlockDevice& slot, const ImageReference& expected) {
  return SlotReader(slot, expected).measure();
}

}  // namespace aseptic::payload
