// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/manifest.h"

namespace aseptic::boot {
namespace {

constexpr std::uint64_t round_up_to_block(std::uint64_t value) {
  return (value + kImageBlockSize - 1) / kImageBlockSize * kImageBlockSize;
}

bool is_version_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '+' ||
         c == '-';
}

Status check_version(std::span<const std::uint8_t, kVersionSize> version) {
  std::size_t length = 0;
  while (length < kVersionSize && is_version_character(static_cast<char>(version[length])))
    ++length;
  return length != 0 && all_bytes_are(version.subspan(length), 0) ? Status::kOk : Status::kBadText;
}

bool is_tree(const RegionWire& region) {
  return region.kind.get() == static_cast<std::uint8_t>(RegionKind::kTreeVerified) ||
         region.kind.get() == static_cast<std::uint8_t>(RegionKind::kVerity);
}
bool is_application(const ManifestWire& w) {
  return w.image_type.get() == static_cast<std::uint8_t>(ImageType::kApplication);
}

// An application has exactly one executable region, the first; data has none.
Status check_region(const RegionWire& region, bool executable, std::uint64_t free_from) {
  const bool exec = region.kind.get() == static_cast<std::uint8_t>(RegionKind::kExecCopied);
  if (!exec && !is_tree(region)) return Status::kBadEnumerator;
  const std::uint64_t offset = region.offset.get();
  const std::uint64_t size = region.size.get();
  // SECURITY(T-35): each bound is checked before any sum is made; kImageSizeMax keeps sums far from wrapping.
  if (offset > kImageSizeMax || size > kImageSizeMax || size == 0) return Status::kBadRegionTable;
  if (offset % kImageBlockSize != 0 || offset < free_from) return Status::kBadRegionTable;
  if (!exec && size % kImageBlockSize != 0) return Status::kBadRegionTable;
  if (is_zero(region.digest)) return Status::kBadRegionTable;
  return exec == executable ? Status::kOk : Status::kBadRegionTable;
}

Status check_regions(const ManifestWire& w) {
  const std::size_t count = w.region_count.get();
  if (count == 0 || count > kRegionCountMax) return Status::kBadRegionTable;
  std::uint64_t end = kFirstRegionOffset;
  for (std::size_t i = 0; i < kRegionCountMax; ++i) {
    const RegionWire& region = w.regions[i];
    if (i < count) {
      ASEPTIC_BOOT_TRY(check_region(region, i == 0 && is_application(w), end));
      end = region.offset.get() + region.size.get();
    } else if (!all_bytes_are(bytes_of(region), 0)) {
      return Status::kReservedNotZero;
    }
  }
  return w.image_size.get() == round_up_to_block(end) && w.image_size.get() <= kImageSizeMax ? Status::kOk
                                                                                             : Status::kBadImageSize;
}

// Tree parameters are there exactly when a region needs them: no byte of a manifest is without a meaning.
Status check_tree(const ManifestWire& w) {
  bool any_tree = false;
  bool any_verity = false;
  for (const auto& region : w.regions) {
    any_tree = any_tree || is_tree(region);
    any_verity = any_verity || region.kind.get() == static_cast<std::uint8_t>(RegionKind::kVerity);
  }
  if (w.tree_hash.get() != static_cast<std::uint8_t>(any_tree ? TreeHash::kSha256 : TreeHash::kNone) ||
      w.tree_block_log2.get() != (any_tree ? kTreeBlockLog2 : 0))
    return Status::kBadTree;
  if (!any_tree && !is_zero(w.tree_salt)) return Status::kBadTree;
  if (any_verity == is_zero(w.verity_root)) return Status::kBadTree;
  if (!any_verity && !is_zero(w.verity_salt)) return Status::kBadTree;
  return Status::kOk;
}

Status check_entry(const ManifestWire& w) {
  const std::uint64_t load_address = w.load_address.get();
  const std::uint64_t entry = w.entry.get();
  const std::uint64_t size = w.regions[0].size.get();
  const bool good = is_application(w)
                        ? entry >= load_address && entry - load_address < size && load_address <= ~0ULL - size
                        : load_address == 0 && entry == 0;
  return good ? Status::kOk : Status::kBadEntry;
}

Status check_dependencies(const ManifestWire& w) {
  if (w.dependency_count.get() > kDependencyCountMax) return Status::kBadDependency;
  for (std::size_t i = 0; i < kDependencyCountMax; ++i) {
    const DependencyWire& d = w.dependencies[i];
    const bool named = !all_bytes_are(d.component, 0);
    if (i < w.dependency_count.get() ? !named : !all_bytes_are(bytes_of(d), 0)) return Status::kBadDependency;
  }
  return Status::kOk;
}

Status check_scalars(const ManifestWire& w) {
  if (!is_application(w) && w.image_type.get() != static_cast<std::uint8_t>(ImageType::kData))
    return Status::kBadEnumerator;
  if (w.life_cycle.get() != static_cast<std::uint8_t>(LifeCycle::kDevelopment) &&
      w.life_cycle.get() != static_cast<std::uint8_t>(LifeCycle::kProduction))
    return Status::kBadEnumerator;
  if (w.post_quantum_algorithm.get() != static_cast<std::uint8_t>(PostQuantumAlgorithm::kSlhDsaSha2_128s) &&
      w.post_quantum_algorithm.get() != static_cast<std::uint8_t>(PostQuantumAlgorithm::kLmsSha256))
    return Status::kBadAlgorithm;
  if (w.hardware_revision_min.get() > w.hardware_revision_max.get()) return Status::kBadRange;
  if (w.sequence.get() == 0) return Status::kBadRange;
  if ((w.policy_flags.get() & ~kPolicyFlagsKnown) != 0) return Status::kPolicyFlagUnknown;
  if ((w.key_revoke_mask.get() >> kKeySlotCount) != 0) return Status::kPolicyFlagUnknown;
  return check_version(w.version);
}

Status check_fixed_fields(const ManifestWire& w) {
  if (!equal(w.magic, domain(kManifestMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kManifestFormat) return Status::kBadFormat;
  if (w.header_length.get() != kManifestRegionSize) return Status::kBadLength;
  if (w.classic_algorithm.get() != static_cast<std::uint8_t>(ClassicAlgorithm::kEcdsaP256)) return Status::kBadAlgorithm;
  bool zero = all_bytes_are(w.reserved_tree, 0) && all_bytes_are(w.reserved_min, 0) &&
              all_bytes_are(w.reserved_algorithm, 0) && all_bytes_are(w.reserved_tail, 0);
  for (const auto& region : w.regions)
    zero = zero && all_bytes_are(region.reserved, 0);
  return zero ? Status::kOk : Status::kReservedNotZero;
}

void encode_region(const Region& region, RegionWire& out) {
  out.kind.set(static_cast<std::uint8_t>(region.kind));
  out.offset.set(region.offset);
  out.size.set(region.size);
  out.digest = region.digest;
}

Region decode_region(const RegionWire& wire) {
  return {static_cast<RegionKind>(wire.kind.get()), wire.offset.get(), wire.size.get(), wire.digest};
}

}  // namespace

Status check_manifest(const ManifestWire& w) {
  ASEPTIC_BOOT_TRY(check_fixed_fields(w));
  ASEPTIC_BOOT_TRY(check_scalars(w));
  ASEPTIC_BOOT_TRY(check_regions(w));
  ASEPTIC_BOOT_TRY(check_tree(w));
  ASEPTIC_BOOT_TRY(check_entry(w));
  return check_dependencies(w);
}

Status encode_manifest(const Manifest& m, std::span<std::uint8_t, kManifestRegionSize> out) {
  ManifestWire w{};
  copy_bytes(w.magic, domain(kManifestMagic).first(8));
  w.format.set(kManifestFormat);
  w.header_length.set(kManifestRegionSize);
  w.image_type.set(static_cast<std::uint8_t>(m.image_type));
  w.life_cycle.set(static_cast<std::uint8_t>(m.life_cycle));
  w.region_count.set(m.region_count);
  w.dependency_count.set(m.dependency_count);
  w.product = m.product;
  w.hardware = m.hardware;
  w.hardware_revision_min.set(m.hardware_revision_min);
  w.hardware_revision_max.set(m.hardware_revision_max);
  for (std::size_t i = 0; i < kVersionSize; ++i)
    w.version[i] = static_cast<std::uint8_t>(m.version[i]);
  w.sequence.set(m.sequence);
  w.epoch.set(m.epoch);
  w.policy_flags.set(m.policy_flags);
  w.image_size.set(m.image_size);
  w.load_address.set(m.load_address);
  w.entry.set(m.entry);
  for (std::size_t i = 0; i < kRegionCountMax; ++i)
    encode_region(m.regions[i], w.regions[i]);
  w.tree_hash.set(static_cast<std::uint8_t>(m.tree_hash));
  w.tree_block_log2.set(m.tree_hash == TreeHash::kNone ? 0 : kTreeBlockLog2);
  w.tree_salt = m.tree_salt;
  w.verity_root = m.verity_root;
  w.verity_salt = m.verity_salt;
  w.set_digest = m.set_digest;
  for (std::size_t i = 0; i < kDependencyCountMax; ++i) {
    w.dependencies[i].component = m.dependencies[i].component;
    w.dependencies[i].sequence_min.set(m.dependencies[i].sequence_min);
  }
  w.key_revoke_mask.set(m.key_revoke_mask);
  w.min_boot_version.set(m.min_boot_version);
  w.min_root_version.set(m.min_root_version);
  w.build_id = m.build_id;
  w.sbom_digest = m.sbom_digest;
  w.classic_algorithm.set(static_cast<std::uint8_t>(ClassicAlgorithm::kEcdsaP256));
  w.post_quantum_algorithm.set(static_cast<std::uint8_t>(m.post_quantum_algorithm));
  w.classic_key_id = m.classic_key_id;
  w.post_quantum_key_id = m.post_quantum_key_id;
  ASEPTIC_BOOT_TRY(check_manifest(w));
  copy_bytes(out, bytes_of(w));
  return Status::kOk;
}

Status decode_manifest(std::span<const std::uint8_t, kManifestRegionSize> bytes, Manifest& out) {
  const ManifestWire& w = manifest_wire(bytes);
  ASEPTIC_BOOT_TRY(check_manifest(w));
  Manifest m;
  m.image_type = static_cast<ImageType>(w.image_type.get());
  m.life_cycle = static_cast<LifeCycle>(w.life_cycle.get());
  m.product = w.product;
  m.hardware = w.hardware;
  m.hardware_revision_min = w.hardware_revision_min.get();
  m.hardware_revision_max = w.hardware_revision_max.get();
  for (std::size_t i = 0; i < kVersionSize; ++i)
    m.version[i] = static_cast<char>(w.version[i]);
  m.sequence = w.sequence.get();
  m.epoch = w.epoch.get();
  m.policy_flags = w.policy_flags.get();
  m.image_size = w.image_size.get();
  m.load_address = w.load_address.get();
  m.entry = w.entry.get();
  m.region_count = w.region_count.get();
  for (std::size_t i = 0; i < kRegionCountMax; ++i)
    m.regions[i] = decode_region(w.regions[i]);
  m.tree_hash = static_cast<TreeHash>(w.tree_hash.get());
  m.tree_salt = w.tree_salt;
  m.verity_root = w.verity_root;
  m.verity_salt = w.verity_salt;
  m.set_digest = w.set_digest;
  m.dependency_count = w.dependency_count.get();
  for (std::size_t i = 0; i < kDependencyCountMax; ++i)
    m.dependencies[i] = {w.dependencies[i].component, w.dependencies[i].sequence_min.get()};
  m.key_revoke_mask = w.key_revoke_mask.get();
  m.min_boot_version = w.min_boot_version.get();
  m.min_root_version = w.min_root_version.get();
  m.build_id = w.build_id;
  m.sbom_digest = w.sbom_digest;
  m.post_quantum_algorithm = static_cast<PostQuantumAlgorithm>(w.post_quantum_algorithm.get());
  m.classic_key_id = w.classic_key_id;
  m.post_quantum_key_id = w.post_quantum_key_id;
  out = m;
  return Status::kOk;
}

// SECURITY(T-35): every later read is bounded by image_size, so this one comparison bounds them to the slot.
Status check_fits_slot(const Manifest& manifest, std::uint64_t slot_size) {
  return manifest.image_size <= slot_size ? Status::kOk : Status::kTooLargeForSlot;
}

Status check_signature_block(std::span<const std::uint8_t, kSignatureBlockSize> block) {
  if (!all_bytes_are(block.subspan(offsetof(SignatureBlockWire, reserved)), 0)) return Status::kReservedNotZero;
  if (all_bytes_are(block.first(kP256SignatureSize), 0)) return Status::kBadSignature;
  if (all_bytes_are(block.subspan(offsetof(SignatureBlockWire, post_quantum), kSlhDsaSignatureSize), 0))
    return Status::kBadPostQuantumSignature;
  return Status::kOk;
}

Digest manifest_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region) {
  return hash_of(hasher, region);
}

Digest p256_message_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region) {
  return hash_of(hasher, domain(kP256Domain), region);
}

Digest image_digest(Hasher& hasher, const ManifestWire& w) {
  return hash_of(hasher, domain(kImageDomain), ByteView{reinterpret_cast<const std::uint8_t*>(w.regions), sizeof w.regions},
                 bytes_of(w.image_size));
}

Digest image_digest(Hasher& hasher, const Manifest& manifest) {
  ManifestWire w{};
  for (std::size_t i = 0; i < kRegionCountMax; ++i)
    encode_region(manifest.regions[i], w.regions[i]);
  w.image_size.set(manifest.image_size);
  return image_digest(hasher, w);
}

}  // namespace aseptic::boot
