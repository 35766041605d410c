// SPDX-License-Identifier: Apache-2.0
// Where the host port puts an executable region.
#pragma once
#include <vector>

#include "aseptic/boot/core/port.h"

namespace aseptic::boot::host {

// A memfd that is written, sealed against write, grow and shrink, and only then mapped read-only and
// verified. The descriptor that was verified is the one that is executed.
class MemfdMemory final : public ExecMemory {
 public:
  MemfdMemory() = default;
  ~MemfdMemory();
  MemfdMemory(const MemfdMemory&) = delete;
  MemfdMemory& operator=(const MemfdMemory&) = delete;

  Status begin(std::uint64_t size) override;
  Status write(std::uint64_t offset, ByteView bytes) override;
  Status seal(ByteView& sealed) override;
  int descriptor() const { return fd_; }

 private:
  void discard();
  int fd_ = -1;
  std::uint64_t size_ = 0;
  void* mapping_ = nullptr;
};

// Plain memory, for tests and the simulator that run boot in process and do not execute the image.
class BufferMemory final : public ExecMemory {
 public:
  Status begin(std::uint64_t size) override {
    bytes_.assign(static_cast<std::size_t>(size), 0);
    return Status::kOk;
  }
  Status write(std::uint64_t offset, ByteView bytes) override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) return Status::kOutOfRange;
    copy_bytes(MutableBytes(bytes_).subspan(static_cast<std::size_t>(offset)), bytes);
    return Status::kOk;
  }
  Status seal(ByteView& sealed) override {
    sealed = bytes_;
    return Status::kOk;
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace aseptic::boot::host
