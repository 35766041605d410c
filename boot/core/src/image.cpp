// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/image.h"

#include "aseptic/boot/format/tree_hash.h"

namespace aseptic::boot {
namespace {
std::size_t piece(std::uint64_t left) {
  return static_cast<std::size_t>(left < kImageBlockSize ? left : kImageBlockSize);
}
}  // namespace

// SECURITY(T-24): product, hardware and revision range are signed and compared here, at every power-up.
Status ImageVerifier::match_device(const Manifest& m) const {
  // SECURITY(T-48): until the second signature exists in code, production is refused as a whole, and a
  // development image never runs on a production device.
  if (provisioning_.life_cycle != LifeCycle::kDevelopment) return Status::kProductionRefused;
  if (m.life_cycle != provisioning_.life_cycle) return Status::kWrongLifeCycle;
  if (m.image_type != ImageType::kApplication) return Status::kNotBootable;
  if (m.product != provisioning_.product) return Status::kWrongProduct;
  if (m.hardware != provisioning_.hardware) return Status::kWrongHardware;
  if (provisioning_.hardware_revision < m.hardware_revision_min ||
      provisioning_.hardware_revision > m.hardware_revision_max)
    return Status::kWrongRevision;
  if (m.min_boot_version > port_.boot_version) return Status::kBootTooOld;
  return Status::kOk;
}

Status ImageVerifier::find_key(const Manifest& m, std::uint8_t& slot) {
  for (std::size_t i = 0; i < kKeySlotCount; ++i) {
    const KeySlot& key = provisioning_.key_slots[i];
    if (!key.provisioned) continue;
    if (!equal(hash_of(port_.hasher, key.keys.p256), m.classic_key_id)) continue;
    if (!equal(hash_of(port_.hasher, key.keys.slh_dsa), m.post_quantum_key_id)) continue;
    slot = static_cast<std::uint8_t>(i);
    return Status::kOk;
  }
  return Status::kUnknownKey;
}

Status ImageVerifier::verify_signature(Area area, std::span<const std::uint8_t, kManifestRegionSize> region,
                                       std::uint8_t key_slot) {
  std::array<std::uint8_t, kP256SignatureSize> signature{};
  ASEPTIC_BOOT_TRY(port_.storage.read(area, kManifestRegionSize, signature));
  // Development life cycle: the post-quantum block and the reserved bytes are zero (check_signature_block,
  // streamed).
  if (!ok(check_zero(area, kManifestRegionSize + kP256SignatureSize, kManifestSize)))
    return Status::kPostQuantumNotZero;
  const Digest message = p256_message_digest(port_.hasher, region);
  return port_.verifier.verify_p256(provisioning_.key_slots[key_slot].keys.p256, message, signature);
}

Status ImageVerifier::verify_flat(Area area, const Region& region) {
  port_.hasher.reset();
  for (std::uint64_t done = 0; done < region.size;) {
    const auto part = MutableBytes(block_).first(piece(region.size - done));
    ASEPTIC_BOOT_TRY(port_.storage.read(area, region.offset + done, part));
    port_.hasher.update(part);
    done += part.size();
  }
  Digest measured{};
  port_.hasher.finish(measured);
  return equal(measured, region.digest) ? Status::kOk : Status::kRegionDigest;
}

Status ImageVerifier::verify_tree(Area area, const Region& region, const Digest& salt) {
  TreeHasher tree(port_.hasher, salt);
  for (std::uint64_t done = 0; done < region.size; done += kImageBlockSize) {
    ASEPTIC_BOOT_TRY(port_.storage.read(area, region.offset + done, block_));
    tree.add_block(block_);
  }
  Digest measured{};
  ASEPTIC_BOOT_TRY(tree.root(measured));
  return equal(measured, region.digest) ? Status::kOk : Status::kRegionDigest;
}

// SECURITY(T-34): every byte outside the signed regions is erased value or zero.
Status ImageVerifier::check_blank(Area area, std::uint64_t from, std::uint64_t to) {
  const std::uint8_t erased = port_.storage.erased_value();
  while (from < to) {
    const std::uint64_t hole = port_.storage.known_zero(area, from);
    if (hole != 0) {
      from += hole < to - from ? hole : to - from;
      continue;
    }
    const auto part = MutableBytes(block_).first(piece(to - from));
    ASEPTIC_BOOT_TRY(port_.storage.read(area, from, part));
    for (const auto byte : part)
      if (byte != 0 && byte != erased) return Status::kDirtySlot;
    from += part.size();
  }
  return Status::kOk;
}

Status ImageVerifier::check_zero(Area area, std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const auto part = MutableBytes(block_).first(piece(to - from));
    ASEPTIC_BOOT_TRY(port_.storage.read(area, from, part));
    if (!all_bytes_are(part, 0)) return Status::kReservedNotZero;
    from += part.size();
  }
  return Status::kOk;
}

Status ImageVerifier::verify_regions(Area area, const Manifest& m) {
  std::uint64_t covered = kManifestSize;
  for (std::size_t i = 0; i < m.region_count; ++i) {
    const Region& region = m.regions[i];
    ASEPTIC_BOOT_TRY(check_blank(area, covered, region.offset));
    ASEPTIC_BOOT_TRY(region.kind == RegionKind::kExecCopied ? verify_flat(area, region)
                                                            : verify_tree(area, region, m.tree_salt));
    covered = region.offset + region.size;
  }
  return check_blank(area, covered, m.image_size);
}

Status ImageVerifier::verify(Area area, Extent extent, ImageFacts& out) {
  const std::uint64_t area_size = port_.storage.size(area);
  if (area_size < kFirstRegionOffset) return Status::kNotFound;
  std::array<std::uint8_t, kManifestRegionSize> region{};
  ASEPTIC_BOOT_TRY(port_.storage.read(area, 0, region));
  Manifest m;
  ASEPTIC_BOOT_TRY(decode_manifest(region, m));
  ASEPTIC_BOOT_TRY(check_fits_slot(m, area_size));
  ASEPTIC_BOOT_TRY(match_device(m));
  std::uint8_t key_slot = 0;
  ASEPTIC_BOOT_TRY(find_key(m, key_slot));
  ASEPTIC_BOOT_TRY(verify_signature(area, region, key_slot));
  ASEPTIC_BOOT_TRY(verify_regions(area, m));
  if (extent == Extent::kWholeSlot) ASEPTIC_BOOT_TRY(check_blank(area, m.image_size, area_size));
  ImageFacts facts;
  facts.info = {manifest_digest(port_.hasher, region), m.set_digest, m.sequence, m.epoch, m.min_root_version};
  facts.image_digest = image_digest(port_.hasher, m);
  facts.image_size = m.image_size;
  facts.load_address = m.load_address;
  facts.entry = m.entry;
  facts.exec = m.regions[0];
  facts.key_revoke_mask = m.key_revoke_mask;
  facts.policy_flags = m.policy_flags;
  facts.key_slot = key_slot;
  out = facts;
  return Status::kOk;
}

Status ImageVerifier::load(Area area, const ImageFacts& facts) {
  const Region& exec = facts.exec;
  ASEPTIC_BOOT_TRY(port_.memory.check_placement(facts.load_address, exec.size));
  ASEPTIC_BOOT_TRY(port_.memory.begin(exec.size));
  for (std::uint64_t done = 0; done < exec.size;) {
    const auto part = MutableBytes(block_).first(piece(exec.size - done));
    ASEPTIC_BOOT_TRY(port_.storage.read(area, exec.offset + done, part));
    ASEPTIC_BOOT_TRY(port_.memory.write(done, part));
    done += part.size();
  }
  ByteView sealed;
  ASEPTIC_BOOT_TRY(port_.memory.seal(sealed));
  if (sealed.size() != exec.size) return Status::kLoaderFailed;
  // SECURITY(T-30): what is verified is the sealed copy that runs, not the medium it came from.
  return equal(hash_of(port_.hasher, sealed), exec.digest) ? Status::kOk : Status::kRegionDigest;
}

Status is_acceptable(const ImageFacts& facts, const MonotonicState& store) {
  // SECURITY(T-47, T-53): one choke point for trial, confirmed, auto-revert, recovery and last resort.
  if (facts.info.epoch < store.floor) return Status::kBelowFloor;
  if (((store.revoked >> facts.key_slot) & 1U) != 0) return Status::kRevokedKey;
  return Status::kOk;
}

}  // namespace aseptic::boot
