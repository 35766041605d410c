// SPDX-License-Identifier: Apache-2.0
// The delta's memory on the device: copy map, models, and old bytes out of the base slot. Called by the installer only.
// Memory is asked for once, by counts that were checked against the profile's limits (T-42).
#pragma once

#include <memory>
#include <vector>

#include "aligned_buffer.h"
#include "aseptic/core/result.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/chunk_cipher.h"
#include "aseptic/payload/apply/text_reader.h"
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

// Reads any bytes of the base image through aligned windows of the medium.
class BaseReader final : public OldImage {
 public:
  explicit BaseReader(const BaseSlot& base) : base_(base) {}
  bool read(std::uint64_t at, MutableBytes out) override;

 private:
  // Code that was moved about is read in small pieces, near each other: each window of the medium has one place to be kept.
  static constexpr std::uint64_t kWindowSize = 8U * 1024U;
  static constexpr std::size_t kWindows = 64;
  struct Window {
    AlignedBuffer bytes{kWindowSize};
    std::uint64_t at = ~std::uint64_t{0};
  };
  core::ByteView window_at(std::uint64_t at);  // empty when the medium does not read

  BaseSlot base_;
  std::vector<Window> windows_{kWindows};
};

class DeltaEngine {
 public:
  DeltaEngine(const PayloadHeader& header, const BaseSlot& base, const ChunkDigests& digests);

  // `section`: authentic bytes of the auxiliary section.
  core::Result<void> load(core::ByteView section);
  // Chunk `index` of the image; chunks of a group come in order, the first one resets what was learned.
  Status decode(const ChunkEntry& entry, std::uint64_t index, ByteView stored, boot::Hasher& hasher, MutableBytes out);
  // The same without a word of what should come out: the digest of what did.
  Status make(const ChunkEntry& entry, std::uint64_t index, ByteView stored, boot::Hasher& hasher, MutableBytes out, Digest& made);
  // Of the old bytes that delta chunk `index` starts from; `out` has the chunk's length, its content is unspecified then.
  Status old_digest(std::uint64_t index, Carry carry, boot::Hasher& hasher, MutableBytes out, Digest& digest);
  Status copy(const ChunkEntry& entry, MutableBytes out);

 private:
  core::Result<core::ByteView> load_recoding(core::ByteView section);
  [[nodiscard]] bool is_recoding() const { return !new_blocks_.empty(); }
  Status decode_recoded(std::uint64_t index, ByteView stored, boot::Hasher& hasher, MutableBytes out);
  Status assemble(std::uint64_t index, const ChunkText& text, MutableBytes out);

  const PayloadHeader& header_;
  BaseReader base_;
  ChunkDigests digests_;
  std::vector<CodecSetting> settings_;
  std::vector<RecodedBlock> old_blocks_;
  std::vector<RecodedBlock> new_blocks_;
  Recoder recoder_;
  TextReader base_text_;
  ImageText new_text_;
  core::Bytes text_;   // of the chunk at hand; INVARIANT: at most kChunkTextMax bytes
  core::Bytes carry_;  // coded bytes of a block that reaches into chunk carry_for_
  std::uint64_t carry_for_ = ~std::uint64_t{0};
  std::vector<CopySegment<LinuxProfile>> segments_;
  std::vector<std::uint32_t> by_old_;
  std::vector<std::uint32_t> reach_;
  std::vector<std::uint32_t> buckets_;
  std::vector<Element> elements_;
  std::vector<AddressRange> ranges_;
  std::vector<ReferenceArea> areas_;
  DeltaMap<LinuxProfile> map_;
  std::unique_ptr<DeltaState<LinuxProfile>> state_;
  std::uint64_t group_ = ~std::uint64_t{0};
};

}  // namespace aseptic::payload
