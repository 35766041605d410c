// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/exec_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace aseptic::boot::host {
namespace {
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int create_memfd() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = memfd_create("aseptic-image", kFlags | MFD_EXEC);
  if (fd >= 0 || errno != EINVAL) return fd;
  return memfd_create("aseptic-image", kFlags);  // kernels before 6.3 know no MFD_EXEC and need none
}
}  // namespace

MemfdMemory::~MemfdMemory() {
  discard();
}

void MemfdMemory::discard() {
  if (mapping_ != nullptr) munmap(mapping_, static_cast<std::size_t>(size_));
  if (fd_ >= 0) close(fd_);
  mapping_ = nullptr;
  fd_ = -1;
  size_ = 0;
}

Status MemfdMemory::begin(std::uint64_t size) {
  discard();
  fd_ = create_memfd();
  if (fd_ < 0 || size == 0 || ftruncate(fd_, static_cast<off_t>(size)) != 0) return Status::kLoaderFailed;
  size_ = size;
  return Status::kOk;
}

Status MemfdMemory::write(std::uint64_t offset, ByteView bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) return Status::kOutOfRange;
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Status::kLoaderFailed;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Status::kOk;
}

// SECURITY(T-30): the seals come first. Whoever still holds the descriptor can change nothing between the
// check and the run.
Status MemfdMemory::seal(ByteView& sealed) {
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (fcntl(fd_, F_ADD_SEALS, kSeals) != 0 || fcntl(fd_, F_GET_SEALS) != kSeals) return Status::kLoaderFailed;
  void* mapping = mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_PRIVATE, fd_, 0);
  if (mapping == MAP_FAILED) return Status::kLoaderFailed;
  mapping_ = mapping;
  sealed = {static_cast<const std::uint8_t*>(mapping_), static_cast<std::size_t>(size_)};
  return Status::kOk;
}

}  // namespace aseptic::boot::host
