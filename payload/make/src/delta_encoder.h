// SPDX-License-Identifier: Apache-2.0
// Codes a planned delta: its map, and new bytes chunk by chunk (docs/formats/delta.md). Called by DeltaMaker and make_mcu_delta.
// Deterministic. The caller decodes what this makes and compares, always.
#pragma once

#include <memory>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {

core::Bytes encode_delta_section(DeltaMap<LinuxProfile>& map);

// What a chunk costs, by kind of byte: for tables of sizes.
struct DeltaShares {
  std::uint64_t copied = 0;
  std::uint64_t literals = 0;
  std::uint64_t differences = 0;
};

template <class Profile>
class DeltaChunkEncoder {
 public:
  DeltaChunkEncoder(const DeltaMap<Profile>& map, core::ByteView old_image, core::ByteView new_image);
  ~DeltaChunkEncoder();
  void reset();
  // What was learned so far, to go back to when a chunk is coded in another way after all.
  [[nodiscard]] std::unique_ptr<DeltaState<Profile>> save() const {
    return std::make_unique<DeltaState<Profile>>(*state_);
  }
  void restore(const std::unique_ptr<DeltaState<Profile>>& saved) { *state_ = *saved; }
  // The coded bytes of new bytes [new_at, new_at + size).
  core::Bytes encode(std::uint64_t new_at, std::uint64_t size);
  // True when these bytes are old ones as they are: then nothing needs to be coded, and nothing was learned.
  bool take_plain_copy(std::uint64_t new_at, std::uint64_t size);
  [[nodiscard]] const DeltaShares& shares() const { return shares_; }

 private:
  DeltaMap<Profile> map_;
  core::ByteView old_;
  core::ByteView new_;
  std::unique_ptr<DeltaState<Profile>> state_;
  core::Bytes buffer_;
  DeltaShares shares_;
};

}  // namespace aseptic::payload
