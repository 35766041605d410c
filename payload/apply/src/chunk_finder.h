// SPDX-License-Identifier: Apache-2.0
// Looks for a whole chunk in its place, on the slot that is written and then in the other image on the device, so that its stored
// bytes need not be fetched and decoded. Called by the installer, for payloads without a base.
//
// Each look costs a read and a hash. Images that were built anew share few chunks, most of them side by side: where many looks
// in a row have found nothing, only few are made until one finds something. What is found was hashed in the caller's own memory.
#pragma once

#include "aseptic/payload/apply/chunk_cipher.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/installer.h"

namespace aseptic::payload {

class ChunkFinder {
 public:
  enum class Place { kNowhere, kSlot, kBase };
  static constexpr std::uint64_t kMissesInARowMax = 16;
  static constexpr std::uint64_t kSeldom = 32;  // from then on one chunk of so many is looked for

  ChunkFinder(platform::BlockDevice& slot, ResumeHint hint, const BaseSlot& base, std::uint32_t chunk_size, const ChunkDigests& digests)
      : slot_(slot), hint_(hint), base_(base), chunk_size_(chunk_size), digests_(digests) {}

  // Where chunk `index` was found; then `out` holds it.
  Place find(std::uint64_t index, const Digest& digest, core::ByteSpan out);

 private:
  Place look(std::uint64_t index, const Digest& digest, core::ByteSpan out);

  platform::BlockDevice& slot_;
  const ResumeHint hint_;
  BaseSlot base_;
  std::uint32_t chunk_size_;
  ChunkDigests digests_;
  CoreHasher hasher_;
  std::uint64_t asked_since_found_ = 0;
};

}  // namespace aseptic::payload
