// SPDX-License-Identifier: Apache-2.0
// Descriptors that close themselves, complete reads and writes, and errno as an Error. Private to platform/posix.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "aseptic/core/bytes.h"
#include "aseptic/platform/codes.h"

namespace aseptic::platform {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(-1); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd);

 private:
  int fd_ = -1;
};

// The error for the current errno: "<doing> <path>: No such file or directory".
core::Error errno_error(std::string_view doing, std::string_view path);

// openat() that is not interrupted; O_CLOEXEC and O_NOFOLLOW are added.
UniqueFd open_at(int directory, const std::string& name, int flags, mode_t mode = 0);

core::Result<void> write_all(int fd, core::ByteView bytes, std::string_view path);
// The whole of a regular file of at most bytes_max bytes.
core::Result<core::Bytes> read_regular(int fd, std::uint64_t bytes_max, std::string_view path);
core::Result<void> sync_fd(int fd, std::string_view path);

}  // namespace aseptic::platform
