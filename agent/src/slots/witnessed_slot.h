// SPDX-License-Identifier: Apache-2.0
// A slot that remembers what verified code put at its beginning, or found there and kept.
//
// Used by staging and by the copy to the other slot. The signatures of a boot manifest lie outside of every digest, so
// measure_slot cannot know them; the payload's table, or the measured source slot, vouched for the bytes that pass through
// here. Comparing them with what the medium gives back finds a medium that returns others, before boot does (VF-03).
// Thread contract: one thread at a time.
#pragma once

#include "aseptic/boot/format/manifest.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::agent {

class WitnessedSlot final : public platform::BlockDevice {
 public:
  explicit WitnessedSlot(platform::BlockDevice& slot) : slot_(slot), begin_(boot::kManifestSize, 0) {}

  [[nodiscard]] std::uint64_t size() const override { return slot_.size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override;
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override;
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override;
  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) override;
  core::Result<void> flush() override { return slot_.flush(); }

  // What the medium gave back is what passed through here last.
  [[nodiscard]] core::Result<void> confirms(const payload::Measured& measured) const;

 private:
  void remember(std::uint64_t offset, core::ByteView bytes);

  platform::BlockDevice& slot_;
  core::Bytes begin_;  // zero where nothing passed: a zero chunk that needed no write
};

}  // namespace aseptic::agent
