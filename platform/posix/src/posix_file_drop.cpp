// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_file_drop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "aseptic/platform/posix/posix_storage.h"
#include "posix_files.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kReadBytes = 64 * 1024;

std::string unpublished_name() { return std::string(kStorageTempPrefix) + "drop"; }

class PosixPendingFile : public PendingFile {
 public:
  PosixPendingFile(int directory, std::string path, UniqueFd file, bool has_name)
      : directory_(directory), path_(std::move(path)), file_(std::move(file)), has_name_(has_name) {}
  ~PosixPendingFile() override {
    if (has_name_) ::unlinkat(directory_, unpublished_name().c_str(), 0);
  }

  Result<void> write(core::ByteView bytes) override { return write_all(file_.get(), bytes, path_); }

  Result<void> publish(std::string_view name) override {
    if (name.find('/') != std::string_view::npos || !storage_name_is_valid(name))
      return Error(PlatformCode::kNameRefused, "the file name \"" + std::string(name) + "\" is not allowed");
    // DURABILITY: content, then the name, then the directory.
    ASEPTIC_TRY_VOID(sync_fd(file_.get(), path_));
    const std::string final_name(name);
    if (!has_name_) {
      if (link_as(final_name)) return sync_fd(directory_, path_);
      if (errno != EEXIST) return errno_error("publish", path_ + "/" + final_name);
      ::unlinkat(directory_, unpublished_name().c_str(), 0);
      if (!link_as(unpublished_name())) return errno_error("publish", path_ + "/" + final_name);
      has_name_ = true;
    }
    if (::renameat(directory_, unpublished_name().c_str(), directory_, final_name.c_str()) != 0)
      return errno_error("publish", path_ + "/" + final_name);
    has_name_ = false;
    return sync_fd(directory_, path_);
  }

 private:
  bool link_as(const std::string& name) {
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    return ::linkat(AT_FDCWD, self.c_str(), directory_, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

  int directory_;
  std::string path_;
  UniqueFd file_;
  bool has_name_;
};

}  // namespace

Result<std::unique_ptr<PosixFileDrop>> PosixFileDrop::open(const std::string& directory) {
  // Opening it as an exclusive storage creates it and cleans it up.
  ASEPTIC_TRY(const auto cleaned, PosixStorage::open(directory, {.missing = PosixStorage::Missing::kCreate,
                                                                 .lock = PosixStorage::Lock::kExclusive,
                                                                 .access = PosixStorage::Access::kUmask}));
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return errno_error("open directory", directory);
  return std::unique_ptr<PosixFileDrop>(new PosixFileDrop(fd.release(), directory));
}

PosixFileDrop::PosixFileDrop(int directory, std::string path) : directory_(directory), path_(std::move(path)) {}
PosixFileDrop::~PosixFileDrop() { ::close(directory_); }

Result<std::unique_ptr<PendingFile>> PosixFileDrop::begin() {
  UniqueFd unnamed(::openat(directory_, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  // linkat() of an unnamed file goes through /proc.
  if (unnamed.is_open() && ::access("/proc/self/fd", X_OK) == 0)
    return std::unique_ptr<PendingFile>(std::make_unique<PosixPendingFile>(directory_, path_, std::move(unnamed), false));
  UniqueFd named = open_at(directory_, unpublished_name(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (!named.is_open()) return errno_error("create a file in", path_);
  return std::unique_ptr<PendingFile>(std::make_unique<PosixPendingFile>(directory_, path_, std::move(named), true));
}

Result<void> PosixFileDrop::read(std::string_view name, const std::function<Result<void>(core::ByteView)>& sink) {
  if (name.find('/') != std::string_view::npos || !storage_name_is_valid(name))
    return Error(PlatformCode::kNameRefused, "the file name \"" + std::string(name) + "\" is not allowed");
  const std::string path = path_ + "/" + std::string(name);
  const UniqueFd file = open_at(directory_, std::string(name), O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) return errno_error("read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return Error(PlatformCode::kNameRefused, "read " + path + ": it is not a regular file");
  core::Bytes buffer(kReadBytes);
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("read", path);
    if (count == 0) return {};
    ASEPTIC_TRY_VOID(sink(core::ByteView(buffer).first(static_cast<std::size_t>(count))));
  }
}

}  // namespace aseptic::platform
