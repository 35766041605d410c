// SPDX-License-Identifier: Apache-2.0
// Boot manifest, provisioning record, monotonic cell and boot report: bytes in, a decoded structure or a
// refusal out. Property: what is accepted encodes to the same bytes again, so no byte is without meaning.
#include <cstdlib>
#include <cstring>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/provisioning.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic::boot;
  std::array<std::uint8_t, kManifestRegionSize> region{};
  std::memcpy(region.data(), data, size < region.size() ? size : region.size());
  Manifest manifest;
  if (ok(decode_manifest(region, manifest))) {
    std::array<std::uint8_t, kManifestRegionSize> again{};
    if (!ok(encode_manifest(manifest, again)) || again != region) std::abort();
    if (ok(check_fits_slot(manifest, size)) && manifest.image_size > size) std::abort();
    for (std::size_t i = 0; i < manifest.region_count; ++i)
      if (manifest.regions[i].offset + manifest.regions[i].size > manifest.image_size) std::abort();
  }
  MonotonicCell cell;
  static_cast<void>(decode_monotonic_cell(std::span(region).first<kMonotonicCellSize>(), cell));
  BootReport report;
  static_cast<void>(decode_boot_report(region, report));
  std::array<std::uint8_t, kSignatureBlockSize> block{};
  std::memcpy(block.data(), data, size < block.size() ? size : block.size());
  static_cast<void>(check_signature_block(block));
  return 0;
}
