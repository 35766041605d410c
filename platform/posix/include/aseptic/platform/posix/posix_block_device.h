// SPDX-License-Identifier: Apache-2.0
// A slot's medium as a file or a block device. Opened by the apply process (and the publisher's provisioning).
//
// read_back() uses a second descriptor with O_DIRECT, so the bytes come from the medium (VF-03). Where the file system
// has no O_DIRECT (tmpfs, some overlays) it flushes, drops the page cache with posix_fadvise and reads again;
// read_back_path() says which, for the log and the safety file. Files stay sparse: discard() punches holes.
// Security: the last path component is opened with O_NOFOLLOW; the size is fixed at open.
// Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "aseptic/platform/block_device.h"

namespace aseptic::platform {

class PosixBlockDevice : public BlockDevice {
 public:
  enum class Mode : std::uint8_t { kReadOnly, kReadWrite };
  enum class ReadBackPath : std::uint8_t { kDirect, kCacheDropped };

  // The size must be a multiple of kAlignment. kReadWrite takes an exclusive flock (kBusy when held).
  static core::Result<std::unique_ptr<PosixBlockDevice>> open(const std::string& path, Mode mode);
  // Creates a sparse file of that size, mode 0600, durable; refuses to replace an existing file.
  static core::Result<void> create_file(const std::string& path, std::uint64_t size);
  ~PosixBlockDevice() override;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override;
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override;
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override;
  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) override;
  core::Result<void> flush() override;

  [[nodiscard]] ReadBackPath read_back_path() const { return direct_ >= 0 ? ReadBackPath::kDirect : ReadBackPath::kCacheDropped; }
  // For a sandbox that must keep them open, or a child that inherits the slot.
  [[nodiscard]] int descriptor() const { return file_; }

 private:
  PosixBlockDevice(std::string path, int file, int direct, std::uint64_t size, bool is_block);
  core::Result<void> check_range(std::uint64_t offset, std::uint64_t size) const;
  core::Result<void> read_direct(std::uint64_t offset, core::ByteSpan out);
  core::Result<void> write_zeros(std::uint64_t offset, std::uint64_t size);

  struct FreeAligned {
    void operator()(std::uint8_t* memory) const;
  };
  std::string path_;
  int file_;
  int direct_;  // -1 where O_DIRECT is not to be had
  std::uint64_t size_;
  bool is_block_;
  std::unique_ptr<std::uint8_t, FreeAligned> bounce_;  // aligned for O_DIRECT
};

}  // namespace aseptic::platform
