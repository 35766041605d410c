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
  ImageInfo info;
  Digest image_digest{};
  std::uint64_t image_size = 0;
  std::uint64_t load_address = 0;
  std::uint64_t entry = 0;
  Region exec;
  std::uint32_t key_revoke_mask = 0;
  std::uint32_t policy_flags = 0;
  std::uint8_t key_slot = 0;
};

enum class Extent : std::uint8_t {
  kImage,
  kWholeSlot
};  // kWholeSlot: also the bytes behind the image are blank

class ImageVerifier {
 public:
  ImageVerifier(Port& port, const Provisioning& provisioning) : port_(port), provisioning_(provisioning) {}

  Status verify(Area area, Extent extent, ImageFacts& out);

  // Copies the executable region, seals the copy and verifies the copy.
  Status load(Area area, const ImageFacts& facts);

 private:
  Status match_device(const Manifest& manifest) const;
  Status find_key(const Manifest& manifest, std::uint8_t& slot);
  Status verify_signature(Area area, std::span<const std::uint8_t, kManifestRegionSize> region,
                          std::uint8_t key_slot);
  Status verify_regions(Area area, const Manifest& manifest);
  Status verify_flat(Area area, const Region& region);
  Status verify_tree(Area area, const Region& region, const Digest& salt);
  Status check_blank(Area area, std::uint64_t from, std::uint64_t to);
  Status check_zero(Area area, std::uint64_t from, std::uint64_t to);

  Port& port_;
  const Provisioning& provisioning_;
  // One block of work memory for everything that streams.
  std::array<std::uint8_t, kImageBlockSize> block_{};
};

Status is_acceptable(const ImageFacts& facts, const MonotonicState& store);

}  // namespace aseptic::boot
