// SPDX-License-Identifier: Apache-2.0
// A delta for a microcontroller: applied from flash, in 16 KiB of memory, without heap (docs/formats/delta.md, profile 2).
// Called by the firmware installer and by payload/make's check. Order: the header's digest (named by signed metadata), the
// body's digest, the old image's digest; only then is anything decoded. New bytes are hashed as they are written; kOk means
// that exactly the announced image was written. Resume after a power cut: apply again; writing the same bytes is harmless,
// and a target that can tell may skip what it already holds. Security: no allocation, all memory is the workspace; output is
// bounded by the header's size; the caller's slot size is checked by its NewImage. The patch lies in memory that nobody
// writes meanwhile. Thread contract: one at a time.
#pragma once
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

inline constexpr char kMcuDeltaMagic[] = "ASPTMCUD";
inline constexpr char kMcuDeltaDomain[] = "aseptic-mcu-delta-v1";  // hashed with its terminating zero
inline constexpr std::size_t kMcuDeltaHeaderSize = 128;
inline constexpr std::uint32_t kMcuImageSizeMax = 1U << 30U;

struct McuDeltaHeader {
  std::uint32_t old_size = 0;
  std::uint32_t new_size = 0;
  std::uint32_t map_size = 0;
  std::uint32_t coded_size = 0;
  DeltaCounts counts;
  Digest old_digest{};   // SHA-256 of the whole old image
  Digest new_digest{};   // SHA-256 of the whole new image
  Digest body_digest{};  // SHA-256 of everything behind the header
};

Digest mcu_delta_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kMcuDeltaHeaderSize> header);
Status decode_mcu_delta_header(ByteView patch, McuDeltaHeader& out);
void encode_mcu_delta_header(const McuDeltaHeader& header, std::span<std::uint8_t, kMcuDeltaHeaderSize> out);

// Where the new image goes: ascending, in pieces of at most McuProfile::kPieceSize bytes.
class NewImage {
 public:
  virtual bool write(std::uint32_t at, ByteView bytes) = 0;

 protected:
  ~NewImage() = default;
};

// All memory of the decoder but its stack.
struct McuWorkspace {
  CopySegment<McuProfile> segments[McuProfile::kSegmentsMax];
  Element elements[McuProfile::kElementsMax];
  AddressRange ranges[McuProfile::kRangesMax];
  ReferenceArea areas[McuProfile::kAreasMax];
  // The models of the map are done with before those of the bytes start.
  union Models {
    Models() {}
    MapModels<McuProfile> map;
    DeltaState<McuProfile> state;
  } models;
  std::uint8_t piece[McuProfile::kPieceSize];
};
inline constexpr std::size_t kMcuStackMax = 1152;
static_assert(sizeof(McuWorkspace) + kMcuStackMax <= 16 * 1024);

Status apply_mcu_delta(ByteView patch, const Digest& header_digest, OldImage& old, NewImage& target, boot::Hasher& hasher,
                       McuWorkspace& workspace);

}  // namespace aseptic::payload
