// SPDX-License-Identifier: Apache-2.0
// A zeroed buffer at a 4096-byte address, so that a block device can transfer it without the page cache. Wiped at its end: it
// may have held bytes of a confidential image (CF-07).
#pragma once

#include <cstring>
#include <memory>
#include <new>

#include "aseptic/core/sealing.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::payload {

class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t size)
      : bytes_(static_cast<std::uint8_t*>(
            ::operator new (size, std::align_val_t{platform::BlockDevice::kAlignment}))),
        size_(size) {
    std::memset(bytes_.get(), 0, size);
  }
  ~AlignedBuffer() {
    if (bytes_) core::wipe(span());
  }
  AlignedBuffer(AlignedBuffer&&) noexcept = default;
  [[nodiscard]] core::ByteSpan span() { return {bytes_.get(), size_}; }
  [[nodiscard]] core::ByteSpan first(std::size_t count) { return span().first(count); }

 private:
  struct Release {
    void operator()(std::uint8_t* bytes) const {
      ::operator delete (bytes, std::align_val_t{platform::BlockDevice::kAlignment});
    }
  };
  std::unique_ptr<std::uint8_t, Release> bytes_;
  std::size_t size_;
};

}  // namespace aseptic::payload
