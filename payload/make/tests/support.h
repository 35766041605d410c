// SPDX-License-Identifier: Apache-2.0
// What the payload tests share: slot images with a valid boot manifest, payloads in memory, a medium in
// memory, and the stand-in for trust that issues authenticated digests.
#pragma once

#include <algorithm>
#include <map>
#include <random>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/payload/format/page.h"
#include "aseptic/payload/make/maker.h"

// The tests of payload do not link trust; this is the friend that core/authenticated_digest.h names.
namespace aseptic::trust {
class DigestIssuer {
 public:
  static core::AuthenticatedDigest issue(const core::Digest& digest) {
    return core::AuthenticatedDigest(digest);
  }
};
}  // namespace aseptic::trust

namespace aseptic::payload::tests {

class MemoryImage final : public ImageSource {
 public:
  explicit MemoryImage(const core::Bytes& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    if (offset + out.size() > bytes_.size()) return core::Error(PayloadCode::kSourceIo, "beyond the end");
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }

 private:
  const core::Bytes& bytes_;
};

class MemoryPayload final : public PayloadFile {
 public:
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    if (offset + out.size() > content.size()) return core::Error(PayloadCode::kSourceIo, "beyond the end");
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  core::Bytes content;
};

// A medium of any size that stores only blocks that were written; checks the interface's rules.
class SparseDevice : public platform::BlockDevice {
 public:
  explicit SparseDevice(std::uint64_t size) : size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    if (offset > size_ || out.size() > size_ - offset) return range_error();
    for (std::size_t i = 0; i < out.size();) {
      const std::uint64_t at = offset + i;
      const std::size_t inside = at % kBlockSize;
      const std::size_t take = std::min<std::size_t>(kBlockSize - inside, out.size() - i);
      const auto found = blocks.find(at / kBlockSize);
      if (found == blocks.end()) {
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(i), take, std::uint8_t{0});
      } else {
        std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(inside), take,
                    out.begin() + static_cast<std::ptrdiff_t>(i));
      }
      i += take;
    }
    return {};
  }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override {
    if (offset % kAlignment != 0 || out.size() % kAlignment != 0 ||
        reinterpret_cast<std::uintptr_t>(out.data()) % kAlignment != 0)
      return range_error();
    ++read_backs;
    return read(offset, out);
  }
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    if (offset % kBlockSize != 0 || bytes.size() % kBlockSize != 0) return range_error();
    if (offset > size_ || bytes.size() > size_ - offset) return range_error();
    ++writes;
    for (std::size_t i = 0; i < bytes.size(); i += kBlockSize)
      blocks[(offset + i) / kBlockSize].assign(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                                               bytes.begin() + static_cast<std::ptrdiff_t>(i + kBlockSize));
    return {};
  }
  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) override {
    if (offset % kBlockSize != 0 || size % kBlockSize != 0 || offset > size_ || size > size_ - offset)
      return range_error();
    blocks.erase(blocks.lower_bound(offset / kBlockSize), blocks.lower_bound((offset + size) / kBlockSize));
    return {};
  }
  core::Result<void> flush() override {
    ++flushes;
    return {};
  }
  [[nodiscard]] core::Bytes content() {
    core::Bytes all(static_cast<std::size_t>(size_));
    static_cast<void>(read(0, all).has_value());
    return all;
  }

  std::map<std::uint64_t, core::Bytes> blocks;
  int writes = 0;
  int flushes = 0;
  int read_backs = 0;

 private:
  static core::Error range_error() {
    return {PayloadCode::kSourceIo, "the device was used against its rules"};
  }
  std::uint64_t size_;
};

enum class Content { kRandom, kText, kZero };

// Fills blocks with a deterministic mixture, so that all encodings occur.
inline core::Bytes mixed_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  core::Bytes bytes(size);
  for (std::size_t at = 0; at < size; at += kBlockSize) {
    const std::size_t end = std::min(size, at + kBlockSize);
    switch ((at / (8 * kBlockSize)) % 3) {
      case 0:
        for (std::size_t i = at; i < end; ++i)
          bytes[i] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        for (std::size_t i = at; i < end; ++i)
          bytes[i] = static_cast<std::uint8_t>('a' + (i * 7 + seed) % 23);
        break;
      default:
        break;
    }
  }
  return bytes;
}

// A slot image: an exec region of `exec_size` bytes (any size), a gap, a tree region of `tree_size` bytes.
struct TestImage {
  core::Bytes bytes;
  core::Digest manifest_digest;
  core::Digest image_digest;
  [[nodiscard]] ImageReference reference() const {
    return {trust::DigestIssuer::issue(manifest_digest), trust::DigestIssuer::issue(image_digest),
            bytes.size()};
  }
};

inline boot::Manifest basic_manifest() {
  boot::Manifest manifest;
  manifest.product.fill(0x11);
  manifest.hardware.fill(0x22);
  std::copy_n("1.2.3", 5, manifest.version.begin());
  manifest.sequence = 7;
  manifest.classic_key_id.fill(0x33);
  manifest.post_quantum_key_id.fill(0x44);
  return manifest;
}

inline TestImage make_image(std::size_t exec_size, std::size_t tree_size, std::uint64_t seed = 1) {
  CoreHasher hasher;
  boot::Manifest manifest = basic_manifest();
  const auto round_up = [](std::uint64_t value) {
    return (value + kBlockSize - 1) / kBlockSize * kBlockSize;
  };
  const core::Bytes exec = mixed_bytes(exec_size, seed);
  boot::Region& first = manifest.regions[0];
  first = {boot::RegionKind::kExecCopied, boot::kFirstRegionOffset, exec_size, boot::hash_of(hasher, exec)};
  manifest.region_count = 1;
  std::uint64_t end = first.offset + first.size;
  core::Bytes tree;
  if (tree_size != 0) {
    tree = mixed_bytes(tree_size, seed + 1);
    manifest.tree_hash = boot::TreeHash::kSha256;
    manifest.tree_salt.fill(0x55);
    boot::TreeHasher tree_hash(hasher, manifest.tree_salt);
    for (std::size_t at = 0; at < tree.size(); at += kBlockSize)
      tree_hash.add_block(core::ByteView(tree).subspan(at).first<boot::kImageBlockSize>());
    boot::Region& second = manifest.regions[1];
    second = {boot::RegionKind::kTreeVerified, round_up(end) + kBlockSize, tree_size, {}};
    static_cast<void>(boot::ok(tree_hash.root(second.digest)));
    manifest.region_count = 2;
    end = second.offset + second.size;
  }
  manifest.image_size = round_up(end);
  TestImage image;
  image.bytes.resize(static_cast<std::size_t>(manifest.image_size));
  const auto region = core::ByteSpan(image.bytes).first<boot::kManifestRegionSize>();
  if (!boot::ok(boot::encode_manifest(manifest, region))) std::abort();
  std::fill_n(image.bytes.begin() + boot::kManifestRegionSize, boot::kP256SignatureSize, std::uint8_t{0x66});
  std::fill_n(image.bytes.begin() + boot::kManifestRegionSize + boot::kP256SignatureSize, boot::kSlhDsaSignatureSize, std::uint8_t{0x67});
  std::copy(exec.begin(), exec.end(), image.bytes.begin() + static_cast<std::ptrdiff_t>(first.offset));
  if (tree_size != 0)
    std::copy(tree.begin(), tree.end(),
              image.bytes.begin() + static_cast<std::ptrdiff_t>(manifest.regions[1].offset));
  image.manifest_digest = {boot::manifest_digest(hasher, region)};
  image.image_digest = {boot::image_digest(hasher, manifest)};
  return image;
}

struct TestPayload {
  TestImage image;
  core::Bytes file;
  PayloadSummary summary;

  [[nodiscard]] PayloadReference reference() const {
    return {trust::DigestIssuer::issue(summary.header_digest), summary.payload_size};
  }
  [[nodiscard]] core::Result<core::Verified<PayloadHeader>> verify() const {
    return HeaderVerifier::verify(core::Untrusted<core::ByteView>(core::ByteView(file).first(kHeaderSize)),
                                  reference(), image.reference());
  }
};

inline TestPayload make_test_payload(TestImage image, MakeOptions options = {}) {
  MemoryImage source(image.bytes);
  MemoryPayload out;
  auto summary = make_payload(source, out, options);
  if (!summary) std::abort();
  return {std::move(image), std::move(out.content), *summary};
}

// Small chunks and pages, so that few bytes have many boundaries.
inline MakeOptions small_options() {
  return {.chunk_size = 8192, .page_entries = 3, .zstd_level = 3, .workers = 2};
}

// Signs whatever header stands in `file`, as a careless or hostile index key would: the checks behind it must
// hold.
struct Resigned {
  core::Digest header_digest;
  std::uint64_t payload_size;
  [[nodiscard]] PayloadReference reference() const {
    return {trust::DigestIssuer::issue(header_digest), payload_size};
  }
};
inline Resigned resign(const core::Bytes& file) {
  CoreHasher hasher;
  return {{header_digest(hasher, core::ByteView(file).first<kHeaderSize>())}, file.size()};
}

// Verifies the header as signed by `signer`, streams the file in pieces of `piece` bytes, finishes, reads
// back.
inline core::Result<void> install(const core::Bytes& file, const PayloadReference& signer,
                                  const ImageReference& image, platform::BlockDevice& slot,
                                  std::size_t piece = 1000, ResumeHint hint = {},
                                  InstallOptions options = {}) {
  const auto head = core::ByteView(file).first(std::min(file.size(), kHeaderSize));
  ASEPTIC_TRY(const auto header,
              HeaderVerifier::verify(core::Untrusted<core::ByteView>(head), signer, image));
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(header, slot, hint, options));
  for (std::size_t at = 0; at < file.size(); at += piece)
    ASEPTIC_TRY_VOID(installer.feed(at, core::ByteView(file).subspan(at, std::min(piece, file.size() - at))));
  ASEPTIC_TRY_VOID(installer.finish());
  const auto measured = measure_slot(slot, image);
  if (!measured) return measured.error();
  return {};
}

}  // namespace aseptic::payload::tests
