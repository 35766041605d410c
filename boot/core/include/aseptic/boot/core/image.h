// SPDX-License-Identifier: Apache-2.0
// Verifies one image where it lies: structure, match with this device, signature, every region, every gap.
// Called by boot (each power-up, each candidate) and by tests. Nothing is cached between power-ups.
// Security: the signed region is read once; every later step uses that copy (T-30). What depends on floor and
// revocations is asked separately (`is_acceptable`), because they can change within one power-up.
#pragma once
#include "aseptic/boot/core/port.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/journal/state.h"

namespace aseptic::boot {

// What a verified signed region says, as far as boot needs it later.
struct ImageFacts {
  ImageFacts() { clear_object(*this); }

  ImageInfo info;
  Digest image_digest{};
  AreaOffset image_size = 0;
  std::uint64_t load_address = 0;
  std::uint64_t entry = 0;
  AreaOffset exec_offset = 0;
  AreaOffset exec_size = 0;
  Digest exec_digest{};
  std::uint32_t key_revoke_mask = 0;
  std::uint32_t policy_flags = 0;
  std::uint8_t key_slot = 0;
};

enum class Extent : std::uint8_t {
  kSigned,    // the signed region and its signatures only
  kImage,
  kWholeSlot  // also the bytes behind the image are blank
};

// What is read at once: small where memory is.
inline constexpr std::size_t kWorkBlockSize = sizeof(std::size_t) > 4 ? kImageBlockSize : 512;

class ImageVerifier {
 public:
  ImageVerifier(Port& port, const Provisioning& provisioning) : port_(port), provisioning_(provisioning) {}

  // `out` is meaningless after an error.
  Status verify(Area area, Extent extent, ImageFacts& out);

  // Copies the executable region, seals the copy and verifies the copy, whose digest is `measured`: for a caller that does
  // not trust a mere kOk.
  Status load(Area area, const ImageFacts& facts, Digest& measured, ByteView& sealed);

  // Writes an image over another area, which is erased first. Not durable before a sync.
  Status copy(Area from, AreaOffset size, Area to);

  // 1 KiB for the caller between two calls.
  std::span<std::uint8_t, kManifestRegionSize> scratch() { return region_; }

 private:
  enum class Use : std::uint8_t { kHash, kBlank, kZero, kCopy };  // what is done with the bytes that are read

  const ManifestWire& manifest() const { return manifest_wire(region_); }
  Status match_device(const ManifestWire& manifest) const;
  Status find_key(const ManifestWire& manifest, std::uint8_t& slot);
  Status verify_signature(Area area, std::uint8_t key_slot);
  Status verify_regions(Area area);
  Status hash_flat(Area area, const RegionWire& region, Digest& measured);
  Status hash_tree(Area area, const RegionWire& region, Digest& measured);
  Status stream(Area area, AreaOffset from, AreaOffset to, Use use);

  Port& port_;
  const Provisioning& provisioning_;
  // The signed region under verification: read once, checked and used in place.
  std::array<std::uint8_t, kManifestRegionSize> region_;
  // Work memory for everything that streams.
  std::array<std::uint8_t, kWorkBlockSize> block_;
};

Status is_acceptable(const ImageFacts& facts, std::uint32_t floor, std::uint32_t revoked);

}  // namespace aseptic::boot
