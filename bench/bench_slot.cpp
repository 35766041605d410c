// SPDX-License-Identifier: Apache-2.0
#include "bench_slot.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/zero_blocks.h"

namespace aseptic::trust {

core::AuthenticatedDigest DigestIssuer::issue(const std::string& hex) { return issue(bench::value_of(core::Digest::from_hex(hex))); }

}  // namespace aseptic::trust

namespace aseptic::bench {
namespace {

namespace fs = std::filesystem;

boot::Manifest manifest_for(std::uint64_t size) {
  boot::Manifest manifest;
  manifest.image_type = boot::ImageType::kData;
  manifest.product.fill(1);
  manifest.hardware.fill(2);
  manifest.version[0] = '1';
  manifest.sequence = 1;
  manifest.tree_hash = boot::TreeHash::kSha256;
  manifest.tree_salt.fill(3);
  manifest.classic_key_id.fill(4);
  manifest.post_quantum_key_id.fill(5);
  manifest.region_count = 1;
  manifest.regions[0] = {boot::RegionKind::kTreeVerified, boot::kFirstRegionOffset, size, {}};
  manifest.image_size = boot::kFirstRegionOffset + size;
  return manifest;
}

void write_to(std::ofstream& out, core::ByteView bytes) {
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

void fail(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

void write_slot_image(const std::string& source, const std::string& target) {
  const std::uint64_t size = (fs::file_size(source) + boot::kImageBlockSize - 1) / boot::kImageBlockSize * boot::kImageBlockSize;
  boot::Manifest manifest = manifest_for(size);
  payload::CoreHasher hasher;
  boot::TreeHasher tree(hasher, manifest.tree_salt);
  std::ifstream in(source, std::ios::binary);
  std::ofstream out(target, std::ios::binary);
  core::Bytes head(boot::kFirstRegionOffset);
  write_to(out, head);
  for (std::uint64_t at = 0; at < size; at += boot::kImageBlockSize) {
    std::array<std::uint8_t, boot::kImageBlockSize> block{};
    in.read(reinterpret_cast<char*>(block.data()), block.size());
    if (in.gcount() == 0) fail("cannot read " + source);
    if (payload::is_all_zero(block)) {
      out.seekp(block.size(), std::ios::cur);
    } else {
      write_to(out, block);
    }
    tree.add_block(block);
  }
  if (!out || !boot::ok(tree.root(manifest.regions[0].digest))) fail("cannot copy " + source);
  if (!boot::ok(boot::encode_manifest(manifest, core::ByteSpan(head).first<boot::kManifestRegionSize>()))) fail("cannot encode the manifest");
  std::fill_n(head.begin() + boot::kManifestRegionSize, boot::kP256SignatureSize + boot::kSlhDsaSignatureSize, std::uint8_t{6});
  out.seekp(0);
  write_to(out, head);
  out.close();
  fs::resize_file(target, manifest.image_size);
}

}  // namespace aseptic::bench
