// SPDX-License-Identifier: Apache-2.0
// What really lies on the medium: reads a whole slot past the page cache, computes the digests of boot/format
// and compares them with the signed ones (VF-03, MF-06). Called by the agent after an install, before it
// erases a slot (the other image has just verified) and before it copies from a slot; by `aseptic verify`.
// Memory: one buffer of kReadBackBufferSize. The signatures over the manifest lie outside of every digest:
// whoever must know that this slot will boot verifies them over Measured::manifest_area(), the very bytes
// that were read.
#pragma once

#include "aseptic/core/authenticated_digest.h"
#include "aseptic/core/result.h"
#include "aseptic/payload/apply/header_verifier.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::payload {

inline constexpr std::size_t kReadBackBufferSize = 1U << 20U;

// A slot's content as measured on the medium, equal to what was signed. Only measure_slot can make one.
class Measured {
 public:
  [[nodiscard]] const core::Digest& manifest_digest() const { return manifest_digest_; }
  [[nodiscard]] const core::Digest& image_digest() const { return image_digest_; }
  [[nodiscard]] std::uint64_t image_size() const { return image_size_; }
  // Signed region and signature block (9,216 bytes) as read from the medium.
  [[nodiscard]] core::ByteView manifest_area() const { return manifest_area_; }

 private:
  friend class SlotReader;
  Measured() = default;
  core::Digest manifest_digest_;
  core::Digest image_digest_;
  std::uint64_t image_size_ = 0;
  core::Bytes manifest_area_;
};

// Reads every byte of the slot: manifest, regions, gaps and the rest behind the image (zero). kReadBack with
// the place when anything differs from what was signed.
core::Result<Measured> measure_slot(platform::BlockDevice& slot, const ImageReference& expected);

}  // namespace aseptic::payload
