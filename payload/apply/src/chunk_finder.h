// SPDX-License-Identifier: Apache-2.0
// Finds whole chunks of a payload in a slot by their digest, so that they need not be fetched. Called by the installer only.
//
// The slot is read and hashed once, at the first question, in steps of the chunk size: content that moved by anything else
// is not found (a delta is the answer to that). Memory: 16 bytes a chunk, at most 1 MiB; what lies behind that is not looked
// at. Untrusted: whoever uses the bytes hashes them again.
#pragma once

#include <vector>

#include "aligned_buffer.h"
#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/chunk_cipher.h"

namespace aseptic::payload {

class ChunkFinder {
 public:
  static constexpr std::uint64_t kChunksMax = 65'536;

  ChunkFinder(const BaseSlot& slot, std::uint32_t chunk_size, const ChunkDigests& digests)
      : slot_(slot), chunk_size_(chunk_size), digests_(digests) {}

  // True when `out` was filled with bytes that had the digest when the slot was indexed.
  bool find(const Digest& digest, core::ByteSpan out);

 private:
  struct Place {
    std::uint64_t digest_begin;  // first 8 bytes: enough to look up, never to trust
    std::uint64_t at;
  };
  void index();

  BaseSlot slot_;
  std::uint32_t chunk_size_;
  ChunkDigests digests_;
  bool is_indexed_ = false;
  std::vector<Place> places_;
};

}  // namespace aseptic::payload
