// SPDX-License-Identifier: Apache-2.0
#include "posix_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace aseptic::platform {
namespace {

PlatformCode code_of(int error) {
  switch (error) {
    case ENOENT: return PlatformCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return PlatformCode::kStorageFull;
    case EACCES:
    case EPERM:
    case EROFS: return PlatformCode::kStoragePermission;
    case ELOOP:
    case ENAMETOOLONG: return PlatformCode::kNameRefused;
    case EWOULDBLOCK:
    case ETXTBSY:
    case EBUSY: return PlatformCode::kBusy;
    default: return PlatformCode::kStorageIo;
  }
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

core::Error errno_error(std::string_view doing, std::string_view path) {
  const int error = errno;
  std::string sentence(doing);
  sentence.append(" ").append(path).append(": ").append(std::generic_category().message(error));
  return {code_of(error), std::move(sentence)};
}

UniqueFd open_at(int directory, const std::string& name, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

core::Result<void> write_all(int fd, core::ByteView bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

core::Result<core::Bytes> read_regular(int fd, std::uint64_t bytes_max, std::string_view path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_error("read", path);
  if (!S_ISREG(status.st_mode))
    return core::Error(PlatformCode::kNameRefused, "read " + std::string(path) + ": it is not a regular file");
  if (static_cast<std::uint64_t>(status.st_size) > bytes_max)
    return core::Error(PlatformCode::kStorageIo, "read " + std::string(path) + ": it has " + std::to_string(status.st_size) +
                                                     " bytes, more than the " + std::to_string(bytes_max) + " allowed");
  core::Bytes bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("read", path);
    if (count == 0) break;  // it became shorter while we read
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

core::Result<void> sync_fd(int fd, std::string_view path) {
  if (::fsync(fd) != 0) return errno_error("make durable", path);
  return {};
}

}  // namespace aseptic::platform
