// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_block_device.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "aseptic/core/assert.h"
#include "posix_files.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kBounceBytes = 256 * 1024;  // large enough for sequential speed, small enough for 16 MiB agents

Result<std::uint64_t> medium_size(int fd, const struct stat& status, const std::string& path) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  if (!S_ISBLK(status.st_mode))
    return Error(PlatformCode::kNameRefused, "open slot " + path + ": it is neither a file nor a block device");
  std::uint64_t bytes = 0;
  if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return errno_error("measure slot", path);
  return bytes;
}

}  // namespace

void PosixBlockDevice::FreeAligned::operator()(std::uint8_t* memory) const { std::free(memory); }

Result<std::unique_ptr<PosixBlockDevice>> PosixBlockDevice::open(const std::string& path, Mode mode) {
  const int access = mode == Mode::kReadOnly ? O_RDONLY : O_RDWR;
  UniqueFd file = open_at(AT_FDCWD, path, access | O_NONBLOCK);
  if (!file.is_open()) return errno_error("open slot", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return errno_error("open slot", path);
  ASEPTIC_TRY(const std::uint64_t size, medium_size(file.get(), status, path));
  if (size % kAlignment != 0)
    return Error(PlatformCode::kBlockRange, "open slot " + path + ": its size " + std::to_string(size) +
                                                " is not a multiple of " + std::to_string(kAlignment));
  if (mode == Mode::kReadWrite && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? Error(PlatformCode::kBusy, "the slot " + path + " is in use by another process")
                                : errno_error("lock slot", path);
  UniqueFd direct = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECT | O_NONBLOCK);
  if (direct.is_open()) {
    // The path may have been exchanged between the two opens.
    struct stat second {};
    if (::fstat(direct.get(), &second) != 0) return errno_error("open slot", path);
    if (second.st_dev != status.st_dev || second.st_ino != status.st_ino)
      return Error(PlatformCode::kStorageIo, "open slot " + path + ": it was exchanged while it was opened");
  }
  std::unique_ptr<PosixBlockDevice> device(
      new PosixBlockDevice(path, file.release(), direct.release(), size, S_ISBLK(status.st_mode)));
  return device;
}

Result<void> PosixBlockDevice::create_file(const std::string& path, std::uint64_t size) {
  const UniqueFd file = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file.is_open()) return errno_error("create slot", path);
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return errno_error("size slot", path);
  ASEPTIC_TRY_VOID(sync_fd(file.get(), path));
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return errno_error("open directory", parent);
  return sync_fd(directory.get(), parent);
}

PosixBlockDevice::PosixBlockDevice(std::string path, int file, int direct, std::uint64_t size, bool is_block)
    : path_(std::move(path)), file_(file), direct_(direct), size_(size), is_block_(is_block) {
  bounce_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBounceBytes)));
  ASEPTIC_ASSERT(bounce_ != nullptr);
}

PosixBlockDevice::~PosixBlockDevice() {
  ::close(file_);
  if (direct_ >= 0) ::close(direct_);
}

Result<void> PosixBlockDevice::check_range(std::uint64_t offset, std::uint64_t size) const {
  if (offset <= size_ && size <= size_ - offset) return {};
  return Error(PlatformCode::kBlockRange, "slot " + path_ + ": an access of " + std::to_string(size) + " bytes at " +
                                              std::to_string(offset) + " lies beyond its end at " + std::to_string(size_));
}

Result<void> PosixBlockDevice::read(std::uint64_t offset, core::ByteSpan out) {
  ASEPTIC_TRY_VOID(check_range(offset, out.size()));
  while (!out.empty()) {
    const ssize_t count = ::pread(file_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("read slot", path_);
    if (count == 0) return Error(PlatformCode::kStorageIo, "read slot " + path_ + ": it became shorter");
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> PosixBlockDevice::read_back(std::uint64_t offset, core::ByteSpan out) {
  ASEPTIC_TRY_VOID(check_range(offset, out.size()));
  if (offset % kAlignment != 0 || out.size() % kAlignment != 0)
    return Error(PlatformCode::kBlockRange, "slot " + path_ + ": read-back needs offsets and sizes in multiples of " +
                                                std::to_string(kAlignment));
  if (direct_ >= 0) return read_direct(offset, out);
  // SECURITY(T-29): without O_DIRECT the next best is to flush and drop our cached pages before reading.
  if (::fdatasync(file_) != 0) return errno_error("flush slot", path_);
  ::posix_fadvise(file_, static_cast<off_t>(offset), static_cast<off_t>(out.size()), POSIX_FADV_DONTNEED);
  return read(offset, out);
}

// An aligned buffer receives the medium's bytes itself; any other gets them by way of an aligned one.
Result<void> PosixBlockDevice::read_direct(std::uint64_t offset, core::ByteSpan out) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(out.data()) % kAlignment == 0;
  while (!out.empty()) {
    const std::size_t wanted = aligned ? out.size() : std::min(out.size(), kBounceBytes);
    std::uint8_t* const target = aligned ? out.data() : bounce_.get();
    const ssize_t count = ::pread(direct_, target, wanted, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("read back slot", path_);
    // Only the medium's own end may cut a direct read short.
    if (static_cast<std::size_t>(count) != wanted)
      return Error(PlatformCode::kStorageIo, "read back slot " + path_ + ": the medium gave fewer bytes than it has");
    if (!aligned) std::memcpy(out.data(), target, wanted);
    offset += wanted;
    out = out.subspan(wanted);
  }
  return {};
}

Result<void> PosixBlockDevice::write(std::uint64_t offset, core::ByteView bytes) {
  ASEPTIC_TRY_VOID(check_range(offset, bytes.size()));
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("write slot", path_);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> PosixBlockDevice::write_zeros(std::uint64_t offset, std::uint64_t size) {
  std::memset(bounce_.get(), 0, kBounceBytes);
  while (size > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBounceBytes));
    ASEPTIC_TRY_VOID(write(offset, {bounce_.get(), part}));
    offset += part;
    size -= part;
  }
  return {};
}

Result<void> PosixBlockDevice::discard(std::uint64_t offset, std::uint64_t size) {
  ASEPTIC_TRY_VOID(check_range(offset, size));
  if (size == 0) return {};
  if (is_block_) {
    // BLKDISCARD may leave old bytes readable; BLKZEROOUT promises zeros and unmaps where the medium can.
    const bool aligned = offset % 512 == 0 && size % 512 == 0;
    std::array<std::uint64_t, 2> range{offset, size};
    if (aligned && ::ioctl(file_, BLKZEROOUT, range.data()) == 0) return {};
    return write_zeros(offset, size);
  }
  const int punched = ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                  static_cast<off_t>(size));
  if (punched == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno_error("discard in slot", path_);
  return write_zeros(offset, size);
}

Result<void> PosixBlockDevice::flush() {
  if (::fdatasync(file_) != 0) return errno_error("flush slot", path_);
  return {};
}

}  // namespace aseptic::platform
