// SPDX-License-Identifier: Apache-2.0
// The boot manifest: what the builder signs about one image. One form for MCU and Linux-class devices.
// Format: docs/formats/boot_manifest.md. Little-endian, fixed offsets, no optional parts: every byte has one
// meaning, and reserved bytes are zero and checked. Called by boot/core (decode), publish (encode, sign),
// agent (staging check), inspect. Security: `decode_manifest` is given untrusted bytes; it reads no more than
// its fixed-size view and either returns a Manifest that obeys every rule of the format document or an error.
// It does not verify the signature. Pure functions; no allocation.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

inline constexpr std::size_t kManifestRegionSize = 1024;  // signed
inline constexpr std::size_t kSignatureBlockSize = 8192;
inline constexpr std::size_t kManifestSize = kManifestRegionSize + kSignatureBlockSize;
inline constexpr std::uint64_t kImageBlockSize = 4096;      // region alignment and tree block
inline constexpr std::uint64_t kFirstRegionOffset = 12288;  // manifest, rounded up to blocks
inline constexpr std::size_t kRegionCountMax = 4;
inline constexpr std::size_t kDependencyCountMax = 4;
inline constexpr std::size_t kVersionSize = 24;
inline constexpr std::size_t kP256SignatureSize = 64;  // r‖s, raw
inline constexpr std::size_t kP256PublicKeySize = 64;  // x‖y
inline constexpr std::size_t kSlhDsaSignatureSize = 7856;
inline constexpr std::size_t kSlhDsaPublicKeySize = 32;
inline constexpr std::size_t kLmsPublicKeySize = 60;  // HSS with one level, see boot/signatures/lms.h
inline constexpr std::size_t kPostQuantumPublicKeySizeMax = 64;
inline constexpr std::size_t kKeySlotCount = 4;              // bit i of key_revoke_mask = key slot i
inline constexpr std::uint64_t kImageSizeMax = 1ULL << 48U;  // keeps every offset sum far from wrapping

inline constexpr char kManifestMagic[] = "ASPTBOOT";
inline constexpr std::uint16_t kManifestFormat = 1;
inline constexpr char kP256Domain[] = "aseptic-boot-p256-v1";  // hashed with its terminating zero
inline constexpr char kSlhDsaDomain[] = "aseptic-boot-slhdsa-v1";
inline constexpr char kLmsDomain[] = "aseptic-boot-lms-v1";
inline constexpr char kImageDomain[] = "aseptic-image-v1";

enum class ImageType : std::uint8_t { kApplication = 1, kData = 2 };
enum class LifeCycle : std::uint8_t { kDevelopment = 1, kProduction = 2 };
enum class RegionKind : std::uint8_t { kUnused = 0, kExecCopied = 1, kTreeVerified = 2, kVerity = 3 };
enum class ClassicAlgorithm : std::uint8_t { kEcdsaP256 = 1 };
enum class PostQuantumAlgorithm : std::uint8_t { kSlhDsaSha2_128s = 1, kLmsSha256 = 2 };  // 2: profile cnsa2
enum class TreeHash : std::uint8_t { kNone = 0, kSha256 = 1 };
inline constexpr std::uint32_t kPolicyRevokeNow = 1U
                                                  << 0U;  // emergency: burn the revocations without waiting
inline constexpr std::uint32_t kPolicyFlagsKnown = kPolicyRevokeNow;
inline constexpr std::uint8_t kTreeBlockLog2 = 12;

struct RegionWire {
  Le8 kind;
  std::uint8_t reserved[7];
  Le64 offset;  // from slot offset 0
  Le64 size;
  Digest digest;  // exec: SHA-256 of the bytes; tree and verity: root of tree_hash.h
};
static_assert(sizeof(RegionWire) == 56 && alignof(RegionWire) == 1);

struct DependencyWire {
  Uuid component;
  Le64 sequence_min;
};
static_assert(sizeof(DependencyWire) == 24);

struct ManifestWire {
  std::uint8_t magic[8];
  Le16 format;
  Le16 header_length;
  Le8 image_type;
  Le8 life_cycle;
  Le8 region_count;
  Le8 dependency_count;
  Uuid product;
  Uuid hardware;
  Le32 hardware_revision_min;
  Le32 hardware_revision_max;
  std::uint8_t version[kVersionSize];  // text, zero padded
  Le64 sequence;
  Le32 epoch;
  Le32 policy_flags;
  Le64 image_size;
  Le64 load_address;
  Le64 entry;
  RegionWire regions[kRegionCountMax];
  Le8 tree_hash;
  Le8 tree_block_log2;
  std::uint8_t reserved_tree[6];
  Digest tree_salt;
  Digest verity_root;
  Digest verity_salt;
  Digest set_digest;
  DependencyWire dependencies[kDependencyCountMax];
  Le32 key_revoke_mask;
  Le32 min_boot_version;
  Le32 min_root_version;
  std::uint8_t reserved_min[4];
  Digest build_id;
  Digest sbom_digest;
  Le8 classic_algorithm;
  Le8 post_quantum_algorithm;
  std::uint8_t reserved_algorithm[6];
  Digest classic_key_id;
  Digest post_quantum_key_id;
  std::uint8_t reserved_tail[296];
};
static_assert(sizeof(ManifestWire) == kManifestRegionSize && alignof(ManifestWire) == 1);
static_assert(offsetof(ManifestWire, format) == 8 && offsetof(ManifestWire, header_length) == 10);
static_assert(offsetof(ManifestWire, image_type) == 12 && offsetof(ManifestWire, life_cycle) == 13);
static_assert(offsetof(ManifestWire, region_count) == 14 && offsetof(ManifestWire, dependency_count) == 15);
static_assert(offsetof(ManifestWire, product) == 16 && offsetof(ManifestWire, hardware) == 32);
static_assert(offsetof(ManifestWire, hardware_revision_min) == 48 && offsetof(ManifestWire, version) == 56);
static_assert(offsetof(ManifestWire, sequence) == 80 && offsetof(ManifestWire, epoch) == 88);
static_assert(offsetof(ManifestWire, policy_flags) == 92 && offsetof(ManifestWire, image_size) == 96);
static_assert(offsetof(ManifestWire, load_address) == 104 && offsetof(ManifestWire, entry) == 112);
static_assert(offsetof(ManifestWire, regions) == 120 && offsetof(ManifestWire, tree_hash) == 344);
static_assert(offsetof(ManifestWire, tree_salt) == 352 && offsetof(ManifestWire, verity_root) == 384);
static_assert(offsetof(ManifestWire, verity_salt) == 416 && offsetof(ManifestWire, set_digest) == 448);
static_assert(offsetof(ManifestWire, dependencies) == 480 && offsetof(ManifestWire, key_revoke_mask) == 576);
static_assert(offsetof(ManifestWire, min_boot_version) == 580 &&
              offsetof(ManifestWire, min_root_version) == 584);
static_assert(offsetof(ManifestWire, build_id) == 592 && offsetof(ManifestWire, sbom_digest) == 624);
static_assert(offsetof(ManifestWire, classic_algorithm) == 656 &&
              offsetof(ManifestWire, classic_key_id) == 664);
static_assert(offsetof(ManifestWire, post_quantum_key_id) == 696 &&
              offsetof(ManifestWire, reserved_tail) == 728);

struct SignatureBlockWire {
  std::uint8_t p256[kP256SignatureSize];
  std::uint8_t post_quantum[kSlhDsaSignatureSize];  // an LMS signature is shorter; the rest is zero
  std::uint8_t reserved[272];
};
static_assert(sizeof(SignatureBlockWire) == kSignatureBlockSize &&
              offsetof(SignatureBlockWire, post_quantum) == 64);
static_assert(offsetof(SignatureBlockWire, reserved) == 7920);

// The post-quantum half of a pair. The bytes behind the algorithm's own size are zero.
struct PostQuantumKey {
  std::array<std::uint8_t, kPostQuantumPublicKeySizeMax> bytes{};
  PostQuantumAlgorithm algorithm = PostQuantumAlgorithm::kSlhDsaSha2_128s;

  ByteView view() const {
    return ByteView(bytes).first(algorithm == PostQuantumAlgorithm::kLmsSha256 ? kLmsPublicKeySize : kSlhDsaPublicKeySize);
  }
};

struct Region {
  RegionKind kind = RegionKind::kUnused;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  Digest digest{};
};
struct Dependency {
  Uuid component{};
  std::uint64_t sequence_min = 0;
};

// The decoded manifest. Only `decode_manifest` and the publisher fill it.
struct Manifest {
  ImageType image_type = ImageType::kApplication;
  LifeCycle life_cycle = LifeCycle::kDevelopment;
  Uuid product{};
  Uuid hardware{};
  std::uint32_t hardware_revision_min = 0;
  std::uint32_t hardware_revision_max = 0;
  std::array<char, kVersionSize> version{};  // zero padded; [0-9A-Za-z.+-], at least one character
  std::uint64_t sequence = 0;                // of the release; at least 1
  std::uint32_t epoch = 0;                   // security epoch, compared with the floor
  std::uint32_t policy_flags = 0;
  std::uint64_t image_size = 0;  // from slot offset 0 to the end of the last region, rounded up to 4096
  std::uint64_t load_address = 0;
  std::uint64_t entry = 0;  // in [load_address, load_address + size of the exec region)
  std::uint8_t region_count = 0;
  std::array<Region, kRegionCountMax> regions{};
  TreeHash tree_hash = TreeHash::kNone;  // kSha256 exactly when a tree-verified or verity region exists
  Digest tree_salt{};
  Digest verity_root{};
  Digest verity_salt{};
  Digest set_digest{};
  std::uint8_t dependency_count = 0;
  std::array<Dependency, kDependencyCountMax> dependencies{};
  std::uint32_t key_revoke_mask = 0;
  std::uint32_t min_boot_version = 0;
  std::uint32_t min_root_version = 0;
  Digest build_id{};
  Digest sbom_digest{};
  PostQuantumAlgorithm post_quantum_algorithm = PostQuantumAlgorithm::kSlhDsaSha2_128s;
  Digest classic_key_id{};       // SHA-256 of the 64-byte P-256 public key x‖y
  Digest post_quantum_key_id{};  // SHA-256 of the post-quantum public key (32 bytes, LMS 60)
};

// A signed region seen as its fields; nothing is checked by this.
inline const ManifestWire& manifest_wire(std::span<const std::uint8_t, kManifestRegionSize> bytes) {
  return *reinterpret_cast<const ManifestWire*>(bytes.data());
}

// Every rule of the format (structure only: signature, device match and slot bounds are other calls). Boot reads the
// fields of a checked region in place; everybody else decodes.
Status check_manifest(const ManifestWire& manifest);

// Writes the signed region. Refuses a manifest that `decode_manifest` would refuse.
Status encode_manifest(const Manifest& manifest, std::span<std::uint8_t, kManifestRegionSize> out);

// Checks and reads the signed region.
Status decode_manifest(std::span<const std::uint8_t, kManifestRegionSize> bytes, Manifest& out);

// Checks that the image fits into a slot of `slot_size` bytes.
Status check_fits_slot(const Manifest& manifest, std::uint64_t slot_size);

// What may be said about the signature block without keys: its reserved bytes are zero, and neither signature is
// missing. An image that was built but not released is refused here already.
Status check_signature_block(std::span<const std::uint8_t, kSignatureBlockSize> block);

// Names an image everywhere: SHA-256 of the signed region.
Digest manifest_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region);

// What the P-256 signature is made over: SHA-256(domain ‖ region).
Digest p256_message_digest(Hasher& hasher, std::span<const std::uint8_t, kManifestRegionSize> region);

// What the post-quantum signature is made over, by the algorithm of the key.
inline ByteView post_quantum_domain(PostQuantumAlgorithm algorithm) {
  return algorithm == PostQuantumAlgorithm::kLmsSha256 ? domain(kLmsDomain) : domain(kSlhDsaDomain);
}

// SHA-256(domain ‖ region table as encoded ‖ image size): changes when any byte of any region changes,
// because the table holds each region's digest.
Digest image_digest(Hasher& hasher, const ManifestWire& manifest);
Digest image_digest(Hasher& hasher, const Manifest& manifest);

}  // namespace aseptic::boot
