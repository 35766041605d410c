// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <spanstream>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/boot/signatures/lms.h"
#include "aseptic/boot/signatures/slh_dsa.h"
#include "aseptic/publish/codes.h"
#include "aseptic/publish/file_tree.h"
#include "aseptic/publish/review.h"
#include "aseptic/trust/release_manifest.h"
#include "boot_hasher.h"

namespace aseptic::publish {
namespace {

using Region = std::array<std::uint8_t, boot::kManifestRegionSize>;
using SignatureBlock = std::array<std::uint8_t, boot::kSignatureBlockSize>;

core::Error image_error(const Path& image, std::string_view what) { return {PublishCode::kImage, image.string() + ": " + std::string(what)}; }
core::Error image_error(const Path& image, boot::Status status) { return image_error(image, boot::describe(status).sentence); }

core::Digest core_digest(const boot::Digest& digest) { return {digest}; }

// The manifest of a file, with its raw bytes.
struct Head {
  Region region{};
  SignatureBlock block{};
  boot::Manifest manifest;
};

core::Result<Head> read_head(const Path& image) {
  std::ifstream file(image, std::ios::binary);
  if (!file) return core::Error(PublishCode::kFileIo, "cannot read " + image.string());
  Head head;
  file.read(reinterpret_cast<char*>(head.region.data()), static_cast<std::streamsize>(head.region.size()));
  file.read(reinterpret_cast<char*>(head.block.data()), static_cast<std::streamsize>(head.block.size()));
  if (!file) return image_error(image, "it is shorter than a boot manifest, so it is not an image");
  if (const boot::Status status = boot::decode_manifest(head.region, head.manifest); !boot::ok(status)) return image_error(image, status);
  return head;
}

ImageInfo info_of(const Head& head) {
  BootHasher hasher;
  const boot::Manifest& m = head.manifest;
  ImageInfo info;
  info.product.bytes = m.product;
  info.hardware.bytes = m.hardware;
  info.hardware_revision_min = m.hardware_revision_min;
  info.hardware_revision_max = m.hardware_revision_max;
  info.version = std::string(m.version.data(), strnlen(m.version.data(), m.version.size()));
  info.sequence = m.sequence;
  info.epoch = m.epoch;
  info.image_size = m.image_size;
  info.manifest_digest = core_digest(boot::manifest_digest(hasher, head.region));
  info.image_digest = core_digest(boot::image_digest(hasher, m));
  info.set_digest = core_digest(m.set_digest);
  info.builder_key_id = core_digest(m.classic_key_id);
  info.release_key_id = core_digest(m.post_quantum_key_id);
  info.tree_salt = core_digest(m.tree_salt);
  info.sbom = core_digest(m.sbom_digest);
  info.key_revoke_mask = m.key_revoke_mask;
  info.revocation = (m.policy_flags & boot::kPolicyRevokeNow) != 0 ? Revocation::kNow : Revocation::kAfterPolicyDelay;
  info.is_development = m.life_cycle == boot::LifeCycle::kDevelopment;
  info.has_builder_signature = !boot::all_bytes_are(core::ByteView(head.block).first(boot::kP256SignatureSize), 0);
  info.has_release_signature = !boot::all_bytes_are(core::ByteView(head.block).subspan(boot::kP256SignatureSize), 0);
  for (std::size_t i = 0; i < m.region_count; ++i)
    info.regions.push_back({m.regions[i].kind == boot::RegionKind::kExecCopied ? ImageRegionKind::kExecCopied : ImageRegionKind::kTreeVerified,
                            m.regions[i].offset, m.regions[i].size, core_digest(m.regions[i].digest)});
  return info;
}

// Digests what a region holds while it passes by: flat for exec-copied, tree root for tree-verified.
class RegionDigester {
 public:
  RegionDigester(boot::RegionKind kind, const boot::Digest& salt) : kind_(kind), tree_(hasher_, salt) {}
  // Full blocks of 4,096 bytes, except that the last one of an exec-copied region may be shorter.
  void add(boot::ByteView block) {
    if (kind_ == boot::RegionKind::kExecCopied)
      flat_.update(block);
    else
      tree_.add_block(boot::TreeBlock(block));
  }
  core::Result<boot::Digest> finish() {
    if (kind_ == boot::RegionKind::kExecCopied) return flat_.finish().bytes;
    boot::Digest root{};
    if (!boot::ok(tree_.root(root))) return core::Error(PublishCode::kImage, "a tree-verified region is empty");
    return root;
  }

 private:
  boot::RegionKind kind_;
  BootHasher hasher_;
  core::Sha256 flat_;
  boot::TreeHasher tree_;
};

core::Result<void> check_static_elf(const Path& file, core::ByteView head) {
  // SECURITY(T-46): boot runs the verified copy and nothing else; an interpreter would be read from outside of it.
  static constexpr std::uint8_t kElf[] = {0x7f, 'E', 'L', 'F'};
  if (head.size() < 64 || !std::equal(std::begin(kElf), std::end(kElf), head.begin()))
    return image_error(file, "an exec-copied region must be a static ELF program");
  const auto word = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | head[at + i];
    return value;
  };
  const bool is_64 = head[4] == 2;
  const std::uint64_t table = is_64 ? word(32, 8) : word(28, 4);
  const std::uint64_t entry_size = is_64 ? word(54, 2) : word(42, 2);
  const std::uint64_t count = is_64 ? word(56, 2) : word(44, 2);
  if (table > head.size() || count * entry_size > head.size() - table)
    return image_error(file, "its program headers do not stand in its first 4096 bytes, so it cannot be checked");
  for (std::uint64_t i = 0; i < count; ++i)
    if (word(static_cast<std::size_t>(table + i * entry_size), 4) == 3)
      return image_error(file, "it needs a program interpreter (PT_INTERP); link it statically");
  return {};
}

// Copies one region to `out`, block by block, and fills in the manifest's entry.
core::Result<boot::Region> copy_region(const ImageRegionSource& source, const boot::Digest& salt, std::uint64_t offset, std::ostream& out) {
  std::ifstream disk;
  if (source.content.empty()) disk.open(source.file, std::ios::binary);
  std::ispanstream memory(std::span(reinterpret_cast<const char*>(source.content.data()), source.content.size()));
  std::istream& file = source.content.empty() ? static_cast<std::istream&>(disk) : memory;
  if (!file || (source.content.empty() && !disk.is_open())) return core::Error(PublishCode::kFileIo, "cannot read " + source.file.string());
  boot::Region region{.kind = source.kind == ImageRegionKind::kExecCopied ? boot::RegionKind::kExecCopied : boot::RegionKind::kTreeVerified,
                      .offset = offset};
  RegionDigester digester(region.kind, salt);
  std::array<std::uint8_t, boot::kImageBlockSize> block{};
  while (true) {
    file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    if (count == 0) break;
    if (region.size == 0 && region.kind == boot::RegionKind::kExecCopied && source.form == ProgramForm::kStaticElf)
      ASEPTIC_TRY_VOID(check_static_elf(source.file, core::ByteView(block).first(count)));
    // A file system image whose size is no multiple of the block is completed with zeros, which the tree covers.
    std::fill(block.begin() + static_cast<std::ptrdiff_t>(count), block.end(), std::uint8_t{0});
    const bool is_tree = region.kind == boot::RegionKind::kTreeVerified;
    digester.add(boot::ByteView(block).first(is_tree ? block.size() : count));
    region.size += is_tree ? block.size() : count;
    out.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size()));
  }
  if (file.bad()) return core::Error(PublishCode::kFileIo, "cannot read " + source.file.string());
  if (region.size == 0) return image_error(source.file, "it is empty");
  ASEPTIC_TRY(region.digest, digester.finish());
  return region;
}

// A region's source as one file: a folder is packed beside the image, into a file that goes with this object.
class SourceFile {
 public:
  static core::Result<SourceFile> of(const ImageRegionSource& source, const Path& packed) {
    std::error_code error;
    if (!std::filesystem::is_directory(source.file, error)) return SourceFile(source, {});
    if (source.kind != ImageRegionKind::kTreeVerified) return image_error(source.file, "a folder can only be a tree-verified region");
    SourceFile made({source.kind, packed, source.form}, packed);
    ASEPTIC_TRY_VOID(pack_file_tree(source.file, packed));
    return made;
  }
  SourceFile(SourceFile&& other) noexcept : source_(std::move(other.source_)), packed_(std::exchange(other.packed_, {})) {}
  SourceFile& operator=(SourceFile&&) = delete;
  ~SourceFile() {
    std::error_code ignored;
    if (!packed_.empty()) std::filesystem::remove(packed_, ignored);
  }
  [[nodiscard]] const ImageRegionSource& source() const { return source_; }

 private:
  SourceFile(ImageRegionSource source, Path packed) : source_(std::move(source)), packed_(std::move(packed)) {}
  ImageRegionSource source_;
  Path packed_;
};

core::Result<boot::Manifest> manifest_of(const ImagePlan& plan, const ImageKeys& keys) {
  boot::Manifest m;
  m.life_cycle = plan.profile == Profile::kProduction ? boot::LifeCycle::kProduction : boot::LifeCycle::kDevelopment;
  m.product = plan.product.bytes;
  m.hardware = plan.hardware.bytes;
  m.hardware_revision_min = plan.hardware_revision_min;
  m.hardware_revision_max = plan.hardware_revision_max;
  if (plan.version.size() > m.version.size()) return core::Error(PublishCode::kInput, "the version text has more than 24 characters");
  std::ranges::copy(plan.version, m.version.begin());
  m.sequence = plan.sequence;
  m.epoch = plan.epoch;
  m.policy_flags = plan.revocation == Revocation::kNow ? boot::kPolicyRevokeNow : 0;
  m.key_revoke_mask = plan.key_revoke_mask;
  m.load_address = plan.load_address;
  m.entry = plan.entry;
  m.min_boot_version = plan.min_boot_version;
  m.min_root_version = plan.min_root_version;
  m.build_id = plan.build_id.bytes;
  m.sbom_digest = plan.sbom.bytes;
  if (plan.dependencies.size() > m.dependencies.size()) return core::Error(PublishCode::kInput, "an image has at most 4 dependencies");
  for (const ImageDependency& dependency : plan.dependencies)
    m.dependencies[m.dependency_count++] = {dependency.component.bytes, dependency.sequence_min};
  if (plan.regions.empty() || plan.regions.size() > m.regions.size()) return core::Error(PublishCode::kInput, "an image has 1 to 4 regions");
  m.image_type = plan.regions.front().kind == ImageRegionKind::kExecCopied ? boot::ImageType::kApplication : boot::ImageType::kData;
  const bool has_tree = std::ranges::any_of(plan.regions, [](const auto& region) { return region.kind == ImageRegionKind::kTreeVerified; });
  if (has_tree) {
    m.tree_hash = boot::TreeHash::kSha256;
    m.tree_salt = plan.tree_salt.bytes;
  }
  m.classic_key_id = builder_key_id(keys.builder).bytes;
  m.post_quantum_algorithm = static_cast<boot::PostQuantumAlgorithm>(keys.release.algorithm());
  m.post_quantum_key_id = keys.release.key_id().bytes;
  return m;
}

core::Digest set_digest_of(const ImagePlan& plan, const core::Digest& image_digest) {
  std::vector<trust::Component> components;
  const auto add = [&](const SetMember& member) {
    trust::Component component;
    component.id = member.component;
    component.sequence = member.sequence;
    component.epoch = member.epoch;
    component.image_digest = member.image_digest;
    components.push_back(std::move(component));
  };
  add({plan.component, plan.sequence, plan.epoch, image_digest});
  for (const SetMember& member : plan.others) add(member);
  return trust::release_set_digest(components);
}

// What a custodian's key signs: its own domain string, then the whole region.
core::Bytes signed_message(const Head& head, ImageCustodian custodian) {
  const boot::ByteView domain = custodian == ImageCustodian::kBuilder ? boot::domain(boot::kP256Domain)
                                                                      : boot::post_quantum_domain(head.manifest.post_quantum_algorithm);
  core::Bytes message(domain.begin(), domain.end());
  message.insert(message.end(), head.region.begin(), head.region.end());
  return message;
}

bool verify_release_signature(const core::PostQuantumPublicKey& key, core::ByteView message, boot::SignatureBytes& signature) {
  BootHasher hasher;
  const boot::SignedMessage signed_bytes{{}, message};
  const core::ByteView raw(key.raw());
  return boot::ok(key.algorithm() == core::PostQuantumAlgorithm::kLmsSha256
                      ? boot::verify_lms(hasher, raw.first<boot::kLmsPublicKeySize>(), signed_bytes, signature)
                      : boot::verify_slh_dsa(hasher, raw.first<boot::kSlhDsaPublicKeySize>(), signed_bytes, signature));
}

core::Result<void> check_builder_signature(const Path& image, const Head& head, const core::PublicKey& builder) {
  if (builder_key_id(builder) != core_digest(head.manifest.classic_key_id))
    return image_error(image, "it was built for a key that is not among the given ones");
  if (!builder.verify_raw(signed_message(head, ImageCustodian::kBuilder), core::ByteView(head.block).first(boot::kP256SignatureSize)))
    return image_error(image, boot::Status::kBadSignature);
  return {};
}

// A signature stands alone in its place: a torn write leaves an image that does not verify.
core::Result<void> write_signature(const Path& image, core::ByteView signature, std::size_t offset) {
  const int descriptor = ::open(image.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = descriptor >= 0 &&
                       ::pwrite(descriptor, signature.data(), signature.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(signature.size()) &&
                       ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return {};
  return core::Error(PublishCode::kFileIo, "cannot write the signature into " + image.string());
}

core::Result<void> sync_path(const Path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (done) return {};
  return core::Error(PublishCode::kFileIo, "cannot make " + path.string() + " durable");
}

core::Result<void> check_bytes_between(const Path& image, std::istream& file, std::uint64_t from, std::uint64_t to) {
  core::Bytes chunk(1u << 16);
  file.seekg(static_cast<std::streamoff>(from));
  while (from < to) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), to - from));
    if (!file.read(reinterpret_cast<char*>(chunk.data()), static_cast<std::streamsize>(count))) return image_error(image, "it is shorter than its manifest says");
    // SECURITY(T-34): nothing hides between the signed regions.
    if (!boot::all_bytes_are(core::ByteView(chunk).first(count), 0)) return image_error(image, boot::Status::kDirtySlot);
    from += count;
  }
  return {};
}

core::Result<void> verify_region(const Path& image, std::istream& file, const boot::Manifest& m, const boot::Region& region) {
  RegionDigester digester(region.kind, m.tree_salt);
  std::array<std::uint8_t, boot::kImageBlockSize> block{};
  file.seekg(static_cast<std::streamoff>(region.offset));
  for (std::uint64_t left = region.size; left > 0;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), left));
    if (!file.read(reinterpret_cast<char*>(block.data()), static_cast<std::streamsize>(count))) return image_error(image, "it is shorter than its manifest says");
    digester.add(boot::ByteView(block).first(count));
    left -= count;
  }
  ASEPTIC_TRY(const boot::Digest digest, digester.finish());
  if (!boot::equal(digest, region.digest)) return image_error(image, boot::Status::kRegionDigest);
  return {};
}

core::Result<void> verify_content(const Path& image, const Head& head) {
  std::ifstream file(image, std::ios::binary);
  if (!file) return core::Error(PublishCode::kFileIo, "cannot read " + image.string());
  std::uint64_t covered = boot::kManifestSize;
  for (std::size_t i = 0; i < head.manifest.region_count; ++i) {
    const boot::Region& region = head.manifest.regions[i];
    ASEPTIC_TRY_VOID(check_bytes_between(image, file, covered, region.offset));
    ASEPTIC_TRY_VOID(verify_region(image, file, head.manifest, region));
    covered = region.offset + region.size;
  }
  ASEPTIC_TRY_VOID(check_bytes_between(image, file, covered, head.manifest.image_size));
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(image, error);
  if (error || size < head.manifest.image_size) return image_error(image, "it is shorter than its manifest says");
  return check_bytes_between(image, file, head.manifest.image_size, size);
}

}  // namespace

core::Digest builder_key_id(const core::PublicKey& builder) {
  const auto point = builder.p256_point();
  return point ? core::sha256(*point) : core::Digest{};
}

core::Result<ImageInfo> build_image(const ImagePlan& plan, const ImageKeys& keys, const Path& out) {
  ASEPTIC_TRY_VOID(check_admissible(keys.builder, platform::KeyCustody::kToken, plan.profile).within("builder key"));
  ASEPTIC_TRY_VOID(check_admissible(keys.release, platform::KeyCustody::kToken, plan.profile).within("release key"));
  if (keys.builder.algorithm() != core::KeyAlgorithm::kEcdsaP256) return core::Error(PublishCode::kInput, "the builder key must be a P-256 key");
  ASEPTIC_TRY(boot::Manifest m, manifest_of(plan, keys));
  const Path temporary = out.string() + ".new";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    const std::vector<char> head(boot::kFirstRegionOffset, 0);
    file.write(head.data(), static_cast<std::streamsize>(head.size()));
    std::uint64_t offset = boot::kFirstRegionOffset;
    for (const ImageRegionSource& source : plan.regions) {
      ASEPTIC_TRY(const SourceFile one, SourceFile::of(source, out.string() + ".tree"));
      ASEPTIC_TRY(m.regions[m.region_count], copy_region(one.source(), m.tree_salt, offset, file));
      const boot::Region& region = m.regions[m.region_count++];
      offset = (region.offset + region.size + boot::kImageBlockSize - 1) / boot::kImageBlockSize * boot::kImageBlockSize;
    }
    m.image_size = offset;
    BootHasher hasher;
    m.set_digest = set_digest_of(plan, core_digest(boot::image_digest(hasher, m))).bytes;
    Region region{};
    if (const boot::Status status = boot::encode_manifest(m, region); !boot::ok(status))
      return core::Error(PublishCode::kInput, std::string("the image cannot be described: ") + boot::describe(status).sentence);
    file.seekp(0);
    file.write(reinterpret_cast<const char*>(region.data()), static_cast<std::streamsize>(region.size()));
    file.flush();
    if (!file) return core::Error(PublishCode::kFileIo, "cannot write " + temporary.string());
  }
  ASEPTIC_TRY_VOID(sync_path(temporary));
  std::error_code error;
  std::filesystem::rename(temporary, out, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot write " + out.string() + ": " + error.message());
  return read_image(out);
}

core::Result<ImageInfo> read_image(const Path& image) {
  ASEPTIC_TRY(const Head head, read_head(image));
  return info_of(head);
}

core::Result<Presentation> review_image(const Path& image, ImageCustodian custodian, const std::optional<Path>& previous) {
  ASEPTIC_TRY(const Head head, read_head(image));
  // What a builder signs must be whole: regions match, nothing hides between them.
  ASEPTIC_TRY_VOID(verify_content(image, head));
  const ImageInfo info = info_of(head);
  std::optional<ImageInfo> before;
  if (previous) {
    ASEPTIC_TRY(before, read_image(*previous));
  }
  const auto was = [&](const std::string& old) { return before ? "  (before: " + old + ")" : std::string(); };
  std::string text = custodian == ImageCustodian::kBuilder ? "About to be signed: an image, as its builder\n"
                                                            : "About to be released: an image, by the release role's own key. Devices will run it\n";
  text += "  product " + info.product.text() + ", hardware " + info.hardware.text() + ", revisions " + std::to_string(info.hardware_revision_min) +
          " to " + std::to_string(info.hardware_revision_max) + "\n";
  text += "  version " + printable(info.version) + was(before ? printable(before->version) : "") + "\n";
  text += "  sequence " + std::to_string(info.sequence) + was(before ? std::to_string(before->sequence) : "") + "\n";
  text += "  epoch " + std::to_string(info.epoch) + was(before ? std::to_string(before->epoch) : "") + "\n";
  text += "  life cycle " + std::string(info.is_development ? "DEVELOPMENT" : "production") + "\n";
  text += "  size " + grouped(info.image_size) + " bytes" + was(before ? grouped(before->image_size) : "") + "\n";
  for (const ImageRegionInfo& region : info.regions)
    text += "  region " + std::string(region.kind == ImageRegionKind::kExecCopied ? "exec-copied" : "tree-verified") + ", " + grouped(region.size) +
            " bytes, " + region.digest.hex() + "\n";
  if (info.key_revoke_mask != 0)
    text += "  REVOKES key slots, mask " + std::to_string(info.key_revoke_mask) +
            (info.revocation == Revocation::kNow ? ", AT ONCE: accepts the loss of the way back\n" : ", after the policy delay\n");
  text += "  SBOM sha256 " + info.sbom.hex() + "\n  image digest " + info.image_digest.hex() + "\n  set digest " + info.set_digest.hex() +
          "\n  manifest digest " + info.manifest_digest.hex() + "\n";
  return Presentation{"image " + printable(info.version) + " sequence " + std::to_string(info.sequence), std::move(text),
                      core::sha256(signed_message(head, custodian))};
}

core::Result<void> sign_image(const Path& image, const Agreement& agreement, BuilderSigner& signer, const SigningDesk& desk) {
  ASEPTIC_TRY(const Head head, read_head(image));
  const core::Bytes message = signed_message(head, ImageCustodian::kBuilder);
  // SECURITY(T-82): the manifest is the one that was shown.
  if (core::sha256(message) != agreement.presentation().signed_digest) return image_error(image, "it changed after it was shown; nothing was signed");
  if (builder_key_id(signer.public_key()) != core_digest(head.manifest.classic_key_id))
    return core::Error(PublishCode::kKeyNotInRole, image.string() + " was built for another builder key");
  ASEPTIC_TRY_VOID(desk.log.append({desk.now, agreement.presentation().what, key_id(signer.public_key()), core::sha256(message),
                                    core::sha256(agreement.presentation().text), signer.custody()}));
  ASEPTIC_TRY(const core::Bytes signature, signer.sign_raw(message));
  ASEPTIC_TRY_VOID(signer.public_key().verify_raw(message, signature).within("the signature just made"));
  return write_signature(image, signature, boot::kManifestRegionSize);
}

core::Result<void> release_image(const Path& image, const Agreement& agreement, const core::PublicKey& builder, ImageReleaseSigner& signer,
                                 const SigningDesk& desk) {
  ASEPTIC_TRY(const Head head, read_head(image));
  const core::Bytes message = signed_message(head, ImageCustodian::kRelease);
  if (core::sha256(message) != agreement.presentation().signed_digest) return image_error(image, "it changed after it was shown; nothing was signed");
  // Two custodians, in this order: the release role never signs what no builder answers for.
  ASEPTIC_TRY_VOID(check_builder_signature(image, head, builder));
  if (signer.public_key().key_id() != core_digest(head.manifest.post_quantum_key_id))
    return core::Error(PublishCode::kKeyNotInRole, image.string() + " was built for another release key");
  ASEPTIC_TRY_VOID(desk.log.append({desk.now, agreement.presentation().what + ", released", signer.public_key().key_id().hex(), core::sha256(message),
                                    core::sha256(agreement.presentation().text), signer.custody()}));
  ASEPTIC_TRY(core::Bytes signature, signer.sign(message));
  boot::SignatureBytes source(signature);
  if (signature.size() > boot::kSlhDsaSignatureSize || !verify_release_signature(signer.public_key(), message, source) || source.left() != 0)
    return image_error(image, "the signature just made does not verify; nothing was written");
  signature.resize(boot::kSlhDsaSignatureSize, 0);  // a longer one may have stood there
  return write_signature(image, signature, boot::kManifestRegionSize + boot::kP256SignatureSize);
}

core::Result<ImageInfo> verify_image(const Path& image, const std::vector<ImageKeys>& pairs) {
  ASEPTIC_TRY(const Head head, read_head(image));
  const auto pair = std::ranges::find_if(pairs, [&](const ImageKeys& keys) {
    return builder_key_id(keys.builder) == core_digest(head.manifest.classic_key_id) &&
           keys.release.key_id() == core_digest(head.manifest.post_quantum_key_id) &&
           static_cast<boot::PostQuantumAlgorithm>(keys.release.algorithm()) == head.manifest.post_quantum_algorithm;
  });
  if (pair == pairs.end()) return image_error(image, "it was built for a pair of keys that is not among the given ones");
  ASEPTIC_TRY_VOID(check_builder_signature(image, head, pair->builder));
  if (const boot::Status status = boot::check_signature_block(head.block); !boot::ok(status)) return image_error(image, status);
  boot::SignatureBytes signature(core::ByteView(head.block).subspan(boot::kP256SignatureSize, boot::kSlhDsaSignatureSize));
  if (!verify_release_signature(pair->release, signed_message(head, ImageCustodian::kRelease), signature))
    return image_error(image, boot::Status::kBadPostQuantumSignature);
  if (!boot::all_bytes_are(core::ByteView(head.block).last(boot::kSignatureBlockSize - boot::kP256SignatureSize - boot::kSlhDsaSignatureSize + signature.left()), 0))
    return image_error(image, boot::Status::kReservedNotZero);
  ASEPTIC_TRY_VOID(verify_content(image, head));
  return info_of(head);
}

}  // namespace aseptic::publish
