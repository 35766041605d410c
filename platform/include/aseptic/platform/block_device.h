// SPDX-License-Identifier: Apache-2.0
// A slot's medium: a file or a block device of fixed size.
//
// Durability contract: write() may be lost, torn or reordered by a power cut until flush() returns. read_back() takes
// the bytes from the medium, not from the page cache (VF-03); offsets and sizes there are multiples of kAlignment.
// discard() makes a range read as zero. Thread contract: one thread at a time.
#pragma once

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

class BlockDevice {
 public:
  static constexpr std::uint64_t kAlignment = 4096;

  virtual ~BlockDevice() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  virtual core::Result<void> read(std::uint64_t offset, core::ByteSpan out) = 0;
  virtual core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) = 0;
  virtual core::Result<void> write(std::uint64_t offset, core::ByteView bytes) = 0;
  virtual core::Result<void> discard(std::uint64_t offset, std::uint64_t size) = 0;
  virtual core::Result<void> flush() = 0;
};

}  // namespace aseptic::platform
