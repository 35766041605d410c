// SPDX-License-Identifier: Apache-2.0
// The read-back of one slot in little memory: a page at a time, one digest per tree level.
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/boot/installer/installer.h"

namespace aseptic::boot {
namespace {

// What of the signed region is needed further on.
struct Layout {
  std::array<Region, kRegionCountMax> regions{};
  std::size_t region_count = 0;
  std::uint64_t image_size = 0;
  Digest tree_salt{};
};

class SlotReader {
 public:
  SlotReader(Storage& storage, Hasher& hasher, Area slot) : storage_(storage), hasher_(hasher), slot_(slot) {}

  Status verify(const Digest& manifest, SlotExtent extent) {
    Layout layout;
    ASEPTIC_BOOT_TRY(read_layout(manifest, layout));
    std::uint64_t covered = kManifestSize;
    for (std::size_t i = 0; i < layout.region_count; ++i) {
      const Region& region = layout.regions[i];
      ASEPTIC_BOOT_TRY(check_blank(covered, region.offset));
      ASEPTIC_BOOT_TRY(region.kind == RegionKind::kExecCopied ? check_flat(region)
                                                              : check_tree(region, layout.tree_salt));
      covered = region.offset + region.size;
    }
    return check_blank(covered, extent == SlotExtent::kWholeSlot ? storage_.size(slot_) : layout.image_size);
  }

 private:
  // Its own frame: the signed region is gone before the tree needs the memory. It was decoded and judged
  // before its digest was asked for here, so that the table is read without decoding it again; the bounds are
  // checked anyway.
  [[gnu::noinline]] Status read_layout(const Digest& manifest, Layout& out) {
    ManifestWire w{};
    ASEPTIC_BOOT_TRY(storage_.read(slot_, 0, mutable_bytes_of(w)));
    if (!equal(hash_of(hasher_, bytes_of(w)), manifest)) return Status::kNotFound;
    out.image_size = w.image_size.get();
    out.region_count = w.region_count.get();
    out.tree_salt = w.tree_salt;
    if (out.image_size > storage_.size(slot_) || out.region_count > kRegionCountMax)
      return Status::kTooLargeForSlot;
    std::uint64_t covered = kManifestSize;
    for (std::size_t i = 0; i < out.region_count; ++i) {
      Region& region = out.regions[i];
      region.kind = static_cast<RegionKind>(w.regions[i].kind.get());
      region.offset = w.regions[i].offset.get();
      region.size = w.regions[i].size.get();
      region.digest = w.regions[i].digest;
      if (region.offset < covered || region.offset > out.image_size ||
          region.size > out.image_size - region.offset)
        return Status::kBadRegionTable;
      covered = region.offset + region.size;
    }
    return Status::kOk;
  }
  Status read(std::uint64_t offset, std::uint64_t left, ByteView& out) {
    const auto part =
        MutableBytes(page_).first(left < page_.size() ? static_cast<std::size_t>(left) : page_.size());
    ASEPTIC_BOOT_TRY(storage_.read(slot_, static_cast<AreaOffset>(offset), part));  // within the slot: see read_layout
    out = part;
    return Status::kOk;
  }
  Status hash(std::uint64_t offset, std::uint64_t size) {
    for (std::uint64_t done = 0; done < size;) {
      ByteView part;
      ASEPTIC_BOOT_TRY(read(offset + done, size - done, part));
      hasher_.update(part);
      done += part.size();
    }
    return Status::kOk;
  }
  Status check_flat(const Region& region) {
    Digest measured{};
    hasher_.reset();
    ASEPTIC_BOOT_TRY(hash(region.offset, region.size));
    hasher_.finish(measured);
    return equal(measured, region.digest) ? Status::kOk : Status::kRegionDigest;
  }
  // As tree_leaf, without the whole block in memory.
  [[gnu::noinline]] Status check_tree(const Region& region, const Digest& salt) {
    constexpr std::uint8_t kLeaf[] = {0};
    TreeHasher tree(hasher_, salt);
    Digest digest{};
    for (std::uint64_t done = 0; done < region.size; done += kImageBlockSize) {
      hasher_.reset();
      hasher_.update(kLeaf);
      hasher_.update(salt);
      ASEPTIC_BOOT_TRY(hash(region.offset + done, kImageBlockSize));
      hasher_.finish(digest);
      tree.add_leaf(digest);
    }
    ASEPTIC_BOOT_TRY(tree.root(digest));
    return equal(digest, region.digest) ? Status::kOk : Status::kRegionDigest;
  }
  Status check_blank(std::uint64_t from, std::uint64_t to) {
    const std::uint8_t erased = storage_.erased_value();
    while (from < to) {
      ByteView part;
      ASEPTIC_BOOT_TRY(read(from, to - from, part));
      for (const auto byte : part)
        if (byte != 0 && byte != erased) return Status::kDirtySlot;
      from += part.size();
    }
    return Status::kOk;
  }

  Storage& storage_;
  Hasher& hasher_;
  Area slot_;
  std::array<std::uint8_t, kInstallerPage> page_{};
};

}  // namespace

// SECURITY(T-34, T-46): what is announced to boot is what lies on the medium, read again, not what was sent.
Status verify_slot(Storage& storage, Hasher& hasher, Area slot, const Digest& manifest, SlotExtent extent) {
  return SlotReader(storage, hasher, slot).verify(manifest, extent);
}

}  // namespace aseptic::boot
