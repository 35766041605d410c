// SPDX-License-Identifier: Apache-2.0
// Images as a slot holds them: boot manifest (signed region and signature block), then the regions.
//
// Called by `aseptic image` and by releases. Layout: protocol.md section 2, docs/formats/boot_manifest.md. Regions are
// laid out in order from offset 12,288, each aligned to 4,096; everything between is zero.
// Security: two custodians. The builder signs with P-256; then the release role signs, offline and on another machine, with
// its post-quantum key, and only what the builder has signed. Boot demands both: an image that was built but not released does
// not boot. Each signature is checked as boot does it before it is written into the file.
// Memory: one block at a time. Thread contract: one thread at a time per file.
#pragma once

#include "aseptic/core/uuid.h"
#include "aseptic/publish/signing.h"

namespace aseptic::publish {

enum class ImageRegionKind : std::uint8_t { kExecCopied, kTreeVerified };

enum class ProgramForm : std::uint8_t { kStaticElf, kRaw };  // raw: linked for one address, for a microcontroller

struct ImageRegionSource {
  ImageRegionKind kind = ImageRegionKind::kExecCopied;
  Path file;  // or, of a tree-verified region, a folder: see file_tree.h
  ProgramForm form = ProgramForm::kStaticElf;
  core::Bytes content = {};  // when not empty, instead of the file: an imported program
};

// One further component of the set, as far as the set digest needs it.
struct SetMember {
  core::Uuid component;
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  core::Digest image_digest;
};

// A pair of keys: what one key slot of a device holds.
struct ImageKeys {
  core::PublicKey builder;             // P-256
  core::PostQuantumPublicKey release;  // SLH-DSA, or LMS in profile cnsa2
};

struct ImageDependency {
  core::Uuid component;
  std::uint64_t sequence_min = 0;
};

enum class Revocation : std::uint8_t { kAfterPolicyDelay, kNow };

struct ImagePlan {
  core::Uuid product, hardware, component;
  std::uint32_t hardware_revision_min = 0, hardware_revision_max = 0;
  std::string version;
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  std::vector<ImageRegionSource> regions;
  std::vector<SetMember> others;              // the rest of the set; none for a device with one component
  std::vector<ImageDependency> dependencies;
  std::uint32_t key_revoke_mask = 0;
  Revocation revocation = Revocation::kAfterPolicyDelay;
  std::uint32_t min_boot_version = 0, min_root_version = 0;
  core::Digest tree_salt;                     // random, from the caller; used when a region is tree-verified
  core::Digest build_id;
  core::Digest sbom;
  std::uint64_t load_address = 0, entry = 0;  // of a raw program linked for one address (microcontroller); 0: a static ELF
  Profile profile = Profile::kDevelopment;    // becomes the life cycle: a production device refuses development for ever
};

struct ImageRegionInfo {
  ImageRegionKind kind;
  std::uint64_t offset, size;
  core::Digest digest;
};

struct ImageInfo {
  core::Uuid product, hardware;
  std::uint32_t hardware_revision_min = 0, hardware_revision_max = 0;
  std::string version;
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  std::uint64_t image_size = 0;
  core::Digest manifest_digest, image_digest, set_digest;
  core::Digest builder_key_id;  // SHA-256 of x || y
  core::Digest release_key_id;  // SHA-256 of the post-quantum public key
  core::Digest tree_salt;
  core::Digest sbom;
  std::uint32_t key_revoke_mask = 0;
  Revocation revocation = Revocation::kAfterPolicyDelay;
  bool is_development = true;
  bool has_builder_signature = false;  // not all zero; says nothing about its validity
  bool has_release_signature = false;
  std::vector<ImageRegionInfo> regions;
};

// Composes an unsigned image for this pair of keys. In the production profile no key of it may be publicly known.
core::Result<ImageInfo> build_image(const ImagePlan& plan, const ImageKeys& keys, const Path& out);

// Structure of the manifest, which is not authenticated by this.
core::Result<ImageInfo> read_image(const Path& image);

enum class ImageCustodian : std::uint8_t { kBuilder, kRelease };

// What the custodian is shown. Both see the same image; each agrees to the message that its own key signs.
core::Result<Presentation> review_image(const Path& image, ImageCustodian custodian, const std::optional<Path>& previous);
core::Result<void> sign_image(const Path& image, const Agreement& agreement, BuilderSigner& signer, const SigningDesk& desk);
// Refuses an image that `builder` has not signed.
core::Result<void> release_image(const Path& image, const Agreement& agreement, const core::PublicKey& builder, ImageReleaseSigner& signer,
                                 const SigningDesk& desk);

// As boot would: structure, both signatures by one of the pairs, every region against its digest, nothing else in the file.
core::Result<ImageInfo> verify_image(const Path& image, const std::vector<ImageKeys>& pairs);

core::Digest builder_key_id(const core::PublicKey& builder);

}  // namespace aseptic::publish
