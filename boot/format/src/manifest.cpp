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

Status check_version(const std::array<char, kVersionSize>& version) {
  std::size_t length = 0;
  while (length < kVersionSize && version[length] != '\0')
    ++length;
  if (length == 0) return Status::kBadText;
  for (std::size_t i = 0; i < kVersionSize; ++i) {
    if (i < length && !is_version_character(version[i])) return Status::kBadText;
    if (i >= length && version[i] != '\0') return Status::kBadText;
  }
  return Status::kOk;
}

bool is_tree(RegionKind kind) {
  return kind == RegionKind::kTreeVerified || kind == RegionKind::kVerity;
}

Status check_region(const Region& region, std::uint64_t free_from) {
  if (region.kind != RegionKind::kExecCopied && !is_tree(region.kind)) return Status::kBadEnumerator;
  // SECURITY(T-35): each bound is checked before any sum is made; kImageSizeMax keeps sums far from wrapping.
  if (region.offset > kImageSizeMax || region.size > kImageSizeMax || region.size == 0)
    return Status::kBadRegionTable;
  if (region.offset % kImageBlockSize != 0 || region.offset < free_from) return Status::kBadRegionTable;
  if (is_tree(region.kind) && region.size % kImageBlockSize != 0) return Status::kBadRegionTable;
  if (is_zero(region.digest)) return Status::kBadRegionTable;
  return Status::kOk;
}

// An application has exactly one executable region, the first; data has none.
Status check_kinds(const Manifest& m) {
  for (std::size_t i = 0; i < m.region_count; ++i) {
    const bool exec = m.regions[i].kind == RegionKind::kExecCopied;
    if (exec != (m.image_type == ImageType::kApplication && i == 0)) return Status::kBadRegionTable;
  }
  return Status::kOk;
}

Status check_regions(const Manifest& m) {
  if (m.region_count == 0 || m.region_count > kRegionCountMax) return Status::kBadRegionTable;
  std::uint64_t end = kFirstRegionOffset;
  for (std::size_t i = 0; i < m.region_count; ++i) {
    ASEPTIC_BOOT_TRY(check_region(m.regions[i], end));
    end = m.regions[i].offset + m.regions[i].size;
  }
  for (std::size_t i = m.region_count; i < kRegionCountMax; ++i) {
    const Region& r = m.regions[i];
    if (r.kind != RegionKind::kUnused || r.offset != 0 || r.size != 0 || !is_zero(r.digest))
      return Status::kReservedNotZero;
  }
  ASEPTIC_BOOT_TRY(check_kinds(m));
  if (m.image_size > kImageSizeMax || m.image_size != round_up_to_block(end)) return Status::kBadImageSize;
  return Status::kOk;
}

// Tree parameters are there exactly when a region needs them: no byte of a manifest is without a meaning.
Status check_tree(const Manifest& m) {
  bool any_tree = false;
  bool any_verity = false;
  for (const auto& region : m.regions) {
    any_tree = any_tree || is_tree(region.kind);
    any_verity = any_verity || region.kind == RegionKind::kVerity;
  }
  if (m.tree_hash != (any_tree ? TreeHash::kSha256 : TreeHash::kNone)) return Status::kBadTree;
  if (!any_tree && !is_zero(m.tree_salt)) return Status::kBadTree;
  if (any_verity == is_zero(m.verity_root)) return Status::kBadTree;
  if (!any_verity && !is_zero(m.verity_salt)) return Status::kBadTree;
  return Status::kOk;
}

Status check_entry(const Manifest& m) {
  if (m.image_type == ImageType::kData)
    return m.load_address == 0 && m.entry == 0 ? Status::kOk : Status::kBadEntry;
  if (m.entry < m.load_address || m.entry - m.load_address >= m.regions[0].size) return Status::kBadEntry;
  if (m.load_address > ~0ULL - m.regions[0].size) return Status::kBadEntry;
  return Status::kOk;
}

Status check_dependencies(const Manifest& m) {
  if (m.dependency_count > kDependencyCountMax) return Status::kBadDependency;
  for (std::size_t i = 0; i < kDependencyCountMax; ++i) {
    const Dependency& d = m.dependencies[i];
    const bool named = !all_bytes_are(d.component, 0);
    if (i < m.dependency_count ? !named : (named || d.sequence_min != 0)) return Status::kBadDependency;
  }
  return Status::kOk;
}

Status check_scalars(const Manifest& m) {
  if (m.image_type != ImageType::kApplication && m.image_type != ImageType::kData)
    return Status::kBadEnumerator;
  if (m.life_cycle != LifeCycle::kDevelopment && m.life_cycle != LifeCycle::kProduction)
    return Status::kBadEnumerator;
  if (m.hardware_revision_min > m.hardware_revision_max) return Status::kBadRange;
  if (m.sequence == 0) return Status::kBadRange;
  if ((m.policy_flags & ~kPolicyFlagsKnown) != 0) return Status::kPolicyFlagUnknown;
  if ((m.key_revoke_mask >> kKeySlotCount) != 0) return Status::kPolicyFlagUnknown;
  return check_version(m.version);
}

Status check(const Manifest& m) {
  ASEPTIC_BOOT_TRY(check_scalars(m));
  ASEPTIC_BOOT_TRY(check_regions(m));
  ASEPTIC_BOOT_TRY(check_tree(m));
  ASEPTIC_BOOT_TRY(check_entry(m));
  return check_dependencies(m);
}

Status check_fixed_fields(const ManifestWire& w) {
  if (!equal(w.magic, domain(kManifestMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kManifestFormat) return Status::kBadFormat;
  if (w.header_length.get() != kManifestRegionSize) return Status::kBadLength;
  if (w.classic_algorithm.get() != static_cast<std::uint8_t>(ClassicAlgorithm::kEcdsaP256) ||
      w.post_quantum_algorithm.get() != static_cast<std::uint8_t>(PostQuantumAlgorithm::kSlhDsaSha2_128s))
    return Status::kBadAlgorithm;
  if (!all_bytes_are(w.reserved_tree, 0) || !all_bytes_are(w.reserved_min, 0) ||
      !all_bytes_are(w.reserved_algorithm, 0) || !all_bytes_are(w.reserved_tail, 0))
    return Status::kReservedNotZero;
  for (const auto& region : w.regions)
    if (!all_bytes_are(region.reserved, 0)) return Status::kReservedNotZero;
  const bool tree = w.tree_hash.get() != static_cast<std::uint8_t>(TreeHash::kNone);
  if (w.tree_block_log2.get() != (tree ? kTreeBlockLog2 : 0)) return Status::kBadTree;
  return Status::kOk;
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

Status encode_manifest(const Manifest& m, std::span<std::uint8_t, kManifestRegionSize> out) {
  ASEPTIC_BOOT_TRY(check(m));
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
  w.post_quantum_algorithm.set(static_cast<std::uint8_t>(PostQuantumAlgorithm::kSlhDsaSha2_128s));
  w.classic_key_id = m.classic_key_id;
  w.post_quantum_key_id = m.post_quantum_key_id;
  copy_bytes(out, bytes_of(w));
  return Status::kOk;
}

Status decode_manifest(std::span<const std::uint8_t, kManifestRegionSize> bytes, Manifest& out) {
  ManifestWire w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  ASEPTIC_BOOT_TRY(check_fixed_fields(w));
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
  m.classic_key_id = w.classic_key_id;
  m.post_quantum_key_id = w.post_quantum_key_id;
  ASEPTIC_BOOT_TRY(check(m));
  out = m;
  return Status::kOk;
}

// SECURITY(T-35): every later read is bounded by image_size, so this one comparison bounds them to the slot.
Status check_fits_slot(const Manifest& manifest, std::uint64_t slot_size) {
  return manifest.image_size <= slot_size ? Status::kOk : Status::kTooLargeForSlot;
}

Status check_signature_block(std::span<const std::uint8_t, kSignatureBlockSize> block, LifeCycle life_cycle) {
  const auto reserved = block.subspan(offsetof(SignatureBlockWire, reserved));
  if (!all_bytes_are(reserved, 0)) return Status::kReservedNotZero;
  const auto slh_dsa = block.subspan(offsetof(SignatureBlockWire, slh_dsa), kSlhDsaSignatureSize);
  if (life_cycle == LifeCycle::kDevelopment && !all_bytes_are(slh_dsa, 0)) return Status::kPostQuantumNotZero;
  return Status::kOk;
}

Digest manifest_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region) {
  return hash_of(hasher, region);
}

Digest p256_message_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region) {
  return hash_of(hasher, domain(kP256Domain), region);
}

Digest image_digest(Hasher& hasher, const Manifest& manifest) {
  RegionWire table[kRegionCountMax] = {};
  for (std::size_t i = 0; i < kRegionCountMax; ++i)
    encode_region(manifest.regions[i], table[i]);
  Le64 size{};
  size.set(manifest.image_size);
  return hash_of(hasher, domain(kImageDomain), {reinterpret_cast<const std::uint8_t*>(table), sizeof(table)},
                 bytes_of(size));
}

}  // namespace aseptic::boot
