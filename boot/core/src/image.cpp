// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/core/image.h"

#include "aseptic/boot/format/publicly_known_keys.h"
#include "aseptic/boot/format/tree_hash.h"

namespace aseptic::boot {
namespace {

// The post-quantum signature where it lies: each byte is read once, from the medium, and none outside its field.
class AreaSignature final : public SignatureSource {
 public:
  AreaSignature(Storage& storage, Area area) : storage_(storage), area_(area) {}
  Status next(MutableBytes out) override {
    if (out.size() > kEnd - at_) return Status::kOutOfRange;
    ASEPTIC_BOOT_TRY(storage_.read(area_, at_, out));
    at_ += static_cast<AreaOffset>(out.size());
    return Status::kOk;
  }
  AreaOffset at() const { return at_; }

 private:
  static constexpr AreaOffset kBegin = kManifestRegionSize + offsetof(SignatureBlockWire, post_quantum);
  static constexpr AreaOffset kEnd = kBegin + kSlhDsaSignatureSize;
  Storage& storage_;
  Area area_;
  AreaOffset at_ = kBegin;
};

}  // namespace

// SECURITY(T-24): product, hardware and revision range are signed and compared here, at every power-up.
Status ImageVerifier::match_device(const ManifestWire& m) const {
  // SECURITY(T-48): a development image never runs on a production device, nor the other way round.
  if (m.life_cycle.get() != static_cast<std::uint8_t>(provisioning_.life_cycle)) return Status::kWrongLifeCycle;
  if (m.image_type.get() != static_cast<std::uint8_t>(ImageType::kApplication)) return Status::kNotBootable;
  if (!equal(m.product, provisioning_.product)) return Status::kWrongProduct;
  if (!equal(m.hardware, provisioning_.hardware)) return Status::kWrongHardware;
  if (provisioning_.hardware_revision < m.hardware_revision_min.get() ||
      provisioning_.hardware_revision > m.hardware_revision_max.get())
    return Status::kWrongRevision;
  return m.min_boot_version.get() > port_.boot_version ? Status::kBootTooOld : Status::kOk;
}

Status ImageVerifier::find_key(const ManifestWire& m, std::uint8_t& slot) {
  for (std::size_t i = 0; i < kKeySlotCount; ++i) {
    const KeySlot& key = provisioning_.key_slots[i];
    if (!key.provisioned || !equal(hash_of(port_.hasher, key.keys.p256), m.classic_key_id)) continue;
    // SECURITY(T-44): the key slot says which algorithms are needed; an image can only agree.
    if (m.post_quantum_algorithm.get() != static_cast<std::uint8_t>(key.keys.post_quantum.algorithm)) continue;
    if (!equal(hash_of(port_.hasher, key.keys.post_quantum.view()), m.post_quantum_key_id)) continue;
    // SECURITY(T-48): whatever the factory did, published keys open no production device.
    if (provisioning_.life_cycle == LifeCycle::kProduction &&
        (is_publicly_known(m.classic_key_id) || is_publicly_known(m.post_quantum_key_id)))
      return Status::kPubliclyKnownKey;
    slot = static_cast<std::uint8_t>(i);
    return Status::kOk;
  }
  return Status::kUnknownKey;
}

// SECURITY(T-44): both signatures, always: there is no life cycle, flag or key slot with one of them only. Two
// custodians made them (builder, release role), so an image that was built but not released does not run.
Status ImageVerifier::verify_signature(Area area, std::uint8_t key_slot) {
  const KeyPairPublic& keys = provisioning_.key_slots[key_slot].keys;
  std::array<std::uint8_t, kP256SignatureSize> signature;
  ASEPTIC_BOOT_TRY(port_.storage.read_into(area, kManifestRegionSize, signature));
  ASEPTIC_BOOT_TRY(port_.verifier.verify_p256(keys.p256, p256_message_digest(port_.hasher, region_), signature));
  AreaSignature second(port_.storage, area);
  const SignedMessage message{post_quantum_domain(keys.post_quantum.algorithm), region_};
  ASEPTIC_BOOT_TRY(port_.verifier.verify_post_quantum(keys.post_quantum, message, second));
  return stream(area, second.at(), kManifestSize, Use::kZero);
}

// The one loop that reads a slot: block by block through `block_`.
Status ImageVerifier::stream(Area area, AreaOffset from, AreaOffset to, Use use) {
  const std::uint8_t blank = use == Use::kBlank ? port_.storage.erased_value() : std::uint8_t{0};
  const AreaOffset start = from;
  while (from < to) {
    const AreaOffset left = to - from;
    const AreaOffset hole = use == Use::kBlank ? port_.storage.known_zero(area, from) : 0;
    if (hole != 0) {
      from += hole < left ? hole : left;
      continue;
    }
    const auto part = MutableBytes(block_).first(left < block_.size() ? left : block_.size());
    ASEPTIC_BOOT_TRY(port_.storage.read_into(area, from, part));
    if (use == Use::kHash) {
      port_.hasher.update(part);
    } else if (use == Use::kCopy) {
      ASEPTIC_BOOT_TRY(port_.memory.write(from - start, part));
    } else {
      for (const auto byte : part)
        if (byte != 0 && byte != blank) return use == Use::kBlank ? Status::kDirtySlot : Status::kReservedNotZero;
    }
    from += part.size();
  }
  return Status::kOk;
}

Status ImageVerifier::hash_flat(Area area, const RegionWire& region, Digest& measured) {
  const auto offset = static_cast<AreaOffset>(region.offset.get());
  port_.hasher.reset();
  ASEPTIC_BOOT_TRY(stream(area, offset, offset + static_cast<AreaOffset>(region.size.get()), Use::kHash));
  port_.hasher.finish(measured);
  return Status::kOk;
}

Status ImageVerifier::hash_tree(Area area, const RegionWire& region, Digest& measured) {
  const Digest& salt = manifest().tree_salt;
  TreeHasher tree(port_.hasher, salt);
  const auto size = static_cast<AreaOffset>(region.size.get());
  for (AreaOffset done = 0; done < size; done += kImageBlockSize) {
    const AreaOffset offset = static_cast<AreaOffset>(region.offset.get()) + done;
    begin_tree_leaf(port_.hasher, salt);
    ASEPTIC_BOOT_TRY(stream(area, offset, offset + kImageBlockSize, Use::kHash));
    port_.hasher.finish(measured);
    tree.add_leaf(measured);
  }
  return tree.root(measured);
}

// SECURITY(T-34): every byte outside the signed regions is erased value or zero.
Status ImageVerifier::verify_regions(Area area) {
  const ManifestWire& m = manifest();
  AreaOffset covered = kManifestSize;
  for (std::size_t i = 0; i < m.region_count.get(); ++i) {
    const RegionWire& region = m.regions[i];
    const auto offset = static_cast<AreaOffset>(region.offset.get());
    ASEPTIC_BOOT_TRY(stream(area, covered, offset, Use::kBlank));
    const bool exec = region.kind.get() == static_cast<std::uint8_t>(RegionKind::kExecCopied);
    Digest measured;
    ASEPTIC_BOOT_TRY(exec ? hash_flat(area, region, measured) : hash_tree(area, region, measured));
    if (!equal(measured, region.digest)) return Status::kRegionDigest;
    covered = offset + static_cast<AreaOffset>(region.size.get());
  }
  return stream(area, covered, static_cast<AreaOffset>(m.image_size.get()), Use::kBlank);
}

Status ImageVerifier::verify(Area area, Extent extent, ImageFacts& out) {
  const AreaOffset area_size = port_.storage.size(area);
  if (area_size < kFirstRegionOffset) return Status::kNotFound;
  ASEPTIC_BOOT_TRY(port_.storage.read_into(area, 0, region_));
  const ManifestWire& m = manifest();
  ASEPTIC_BOOT_TRY(check_manifest(m));
  // SECURITY(T-35): every later read is bounded by image_size, so this one comparison bounds them to the slot.
  if (m.image_size.get() > area_size) return Status::kTooLargeForSlot;
  ASEPTIC_BOOT_TRY(match_device(m));
  std::uint8_t key_slot = 0;
  ASEPTIC_BOOT_TRY(find_key(m, key_slot));
  ASEPTIC_BOOT_TRY(verify_signature(area, key_slot));
  if (extent != Extent::kSigned) ASEPTIC_BOOT_TRY(verify_regions(area));
  const auto image_size = static_cast<AreaOffset>(m.image_size.get());
  if (extent == Extent::kWholeSlot) ASEPTIC_BOOT_TRY(stream(area, image_size, area_size, Use::kBlank));
  out.info.manifest = manifest_digest(port_.hasher, region_);
  copy_digest(out.info.set, m.set_digest);
  out.info.sequence = m.sequence.get();
  out.info.epoch = m.epoch.get();
  out.info.min_root_version = m.min_root_version.get();
  out.image_digest = image_digest(port_.hasher, m);
  out.image_size = image_size;
  out.load_address = m.load_address.get();
  out.entry = m.entry.get();
  out.exec_offset = static_cast<AreaOffset>(m.regions[0].offset.get());
  out.exec_size = static_cast<AreaOffset>(m.regions[0].size.get());
  copy_digest(out.exec_digest, m.regions[0].digest);
  out.key_revoke_mask = m.key_revoke_mask.get();
  out.policy_flags = m.policy_flags.get();
  out.key_slot = key_slot;
  return Status::kOk;
}

Status ImageVerifier::load(Area area, const ImageFacts& facts, Digest& measured, ByteView& sealed) {
  ASEPTIC_BOOT_TRY(port_.memory.check_placement(facts.load_address, facts.exec_size));
  ASEPTIC_BOOT_TRY(port_.memory.begin(facts.exec_size));
  ASEPTIC_BOOT_TRY(stream(area, facts.exec_offset, facts.exec_offset + facts.exec_size, Use::kCopy));
  ASEPTIC_BOOT_TRY(port_.memory.seal(sealed));
  if (sealed.size() != facts.exec_size) return Status::kLoaderFailed;
  // SECURITY(T-30): what is verified is the sealed copy that runs, not the medium it came from.
  measured = hash_of(port_.hasher, sealed);
  return equal(measured, facts.exec_digest) ? Status::kOk : Status::kRegionDigest;
}

// The block with the manifest comes last: a copy that was cut off does not even look like an image.
Status ImageVerifier::copy(Area from, AreaOffset size, Area to) {
  ASEPTIC_BOOT_TRY(port_.storage.erase(to, 0, port_.storage.size(to)));
  for (AreaOffset offset = size; offset > 0;) {
    offset -= kWorkBlockSize;  // divides every image size
    ASEPTIC_BOOT_TRY(port_.storage.read_into(from, offset, block_));
    ASEPTIC_BOOT_TRY(port_.storage.program(to, offset, block_));
  }
  return Status::kOk;
}

Status is_acceptable(const ImageFacts& facts, std::uint32_t floor, std::uint32_t revoked) {
  // SECURITY(T-47, T-53): one choke point for trial, confirmed, auto-revert, recovery and last resort.
  if (facts.info.epoch < floor) return Status::kBelowFloor;
  if (((revoked >> facts.key_slot) & 1U) != 0) return Status::kRevokedKey;
  return Status::kOk;
}

}  // namespace aseptic::boot
