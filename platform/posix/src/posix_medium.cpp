// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_medium.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "aseptic/platform/codes.h"
#include "posix_files.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::uint64_t kOnThePath = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
// SECURITY(T-41): nothing on the medium leads out of it.
constexpr std::uint64_t kBelowTheFolder = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

UniqueFd open_resolved(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = resolve;
  long fd = -1;
  do {
    fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return UniqueFd(static_cast<int>(fd));
}

// Whatever a medium does is the medium's fault, not our storage's.
Error medium_error(std::string_view doing, const std::string& path) {
  const int error = errno;
  const bool is_gone = error == ENOENT || error == ENOTDIR || error == ENODEV || error == ENXIO || error == ENOMEDIUM || error == ESTALE;
  errno = error;
  std::string sentence = errno_error(doing, path).sentence();
  return {is_gone ? PlatformCode::kNetConnect : PlatformCode::kNetProtocol, std::move(sentence)};
}

Error not_a_file(const std::string& path) { return {PlatformCode::kNetProtocol, path + " on the medium is no regular file"}; }

class OpenMediumFile final : public MediumFile {
 public:
  OpenMediumFile(UniqueFd fd, std::uint64_t size, std::string path) : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, core::ByteSpan out) const override {
    while (!out.empty()) {
      const ssize_t count = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return medium_error("read", path_);
      if (count == 0) return Error(PlatformCode::kNetProtocol, path_ + " became shorter while it was read");
      offset += static_cast<std::uint64_t>(count);
      out = out.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

 private:
  UniqueFd fd_;
  std::uint64_t size_;
  std::string path_;
};

// Judged before it is opened for reading: to open a device can be an action.
Result<UniqueFd> open_regular(int directory, const std::string& path, std::uint64_t resolve, struct stat& status) {
  const UniqueFd seen = open_resolved(directory, path, O_PATH, resolve);
  // Below an open folder a name that is not there is missing, the medium is not.
  if (!seen.is_open() && errno == ENOENT && directory != AT_FDCWD) return Error(PlatformCode::kNotFound, path + " is not on the medium");
  if (!seen.is_open()) return medium_error("open", path);
  if (::fstat(seen.get(), &status) != 0) return medium_error("look at", path);
  if (!S_ISREG(status.st_mode)) return not_a_file(path);
  UniqueFd fd = open_resolved(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
  if (!fd.is_open()) return medium_error("open", path);
  if (::fstat(fd.get(), &status) != 0) return medium_error("look at", path);
  if (!S_ISREG(status.st_mode)) return not_a_file(path);
  return fd;
}

class OpenMediumFolder final : public MediumFolder {
 public:
  explicit OpenMediumFolder(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<std::unique_ptr<MediumFile>> open_file(const std::string& path) const override {
    struct stat status {};
    ASEPTIC_TRY(UniqueFd fd, open_regular(fd_.get(), path, kBelowTheFolder, status));
    return std::unique_ptr<MediumFile>(std::make_unique<OpenMediumFile>(std::move(fd), static_cast<std::uint64_t>(status.st_size), path));
  }

 private:
  UniqueFd fd_;
};

std::string stamp_of(const struct stat& status) {
  return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
         std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) + " " +
         std::to_string(status.st_ctim.tv_sec) + "." + std::to_string(status.st_ctim.tv_nsec);
}

}  // namespace

Result<MediumContent> PosixMedium::open() {
  MediumContent content;
  struct stat status {};
  UniqueFd folder = open_resolved(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY, kOnThePath);
  if (folder.is_open()) {
    if (::fstat(folder.get(), &status) != 0) return medium_error("look at", path_);
    content.folder = std::make_unique<OpenMediumFolder>(std::move(folder));
  } else {
    if (errno == ELOOP) return Error(PlatformCode::kNetProtocol, path_ + " passes through a symbolic link, which a medium's path must not");
    if (errno != ENOTDIR) return medium_error("open the medium", path_);
    ASEPTIC_TRY(UniqueFd file, open_regular(AT_FDCWD, path_, kOnThePath, status));
    content.file = std::make_unique<OpenMediumFile>(std::move(file), static_cast<std::uint64_t>(status.st_size), path_);
  }
  content.stamp = stamp_of(status);
  return content;
}

std::optional<PosixMedium::Identity> PosixMedium::look() {
  const UniqueFd fd = open_resolved(AT_FDCWD, path_, O_PATH, kOnThePath);
  struct stat status {};
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

int PosixMedium::sandbox_handle() {
  allowed_ = look();
  was_absent_ = !allowed_.has_value();
  if (!allowed_) return -1;
  return open_resolved(AT_FDCWD, path_, O_PATH, kOnThePath).release();
}

bool PosixMedium::has_changed() {
  const auto now = look();
  was_absent_ = was_absent_ || !now;
  return now && (was_absent_ || now != allowed_);
}

}  // namespace aseptic::platform
