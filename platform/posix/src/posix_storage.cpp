// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "posix_files.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY;

mode_t file_mode(PosixStorage::Access access) { return access == PosixStorage::Access::kOwnerOnly ? 0600 : 0666; }
mode_t directory_mode(PosixStorage::Access access) { return access == PosixStorage::Access::kOwnerOnly ? 0700 : 0777; }

// Where a name lives: its directory's descriptor (own or borrowed) and its last component.
struct Place {
  UniqueFd owned;
  int directory = -1;
  std::string leaf;
};

Error refused(std::string_view name) {
  return {PlatformCode::kNameRefused, "the file name \"" + std::string(name) + "\" is not allowed"};
}

// SECURITY(T-41): one validated component at a time with O_NOFOLLOW, which gives what RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS give, on kernels without openat2 as well.
Result<Place> locate(int root, std::string_view name) {
  if (!storage_name_is_valid(name)) return refused(name);
  const auto slash = name.find('/');
  Place place;
  if (slash == std::string_view::npos) {
    place.directory = root;
    place.leaf = name;
    return place;
  }
  place.owned = open_at(root, std::string(name.substr(0, slash)), kDirectoryFlags);
  if (!place.owned.is_open()) return errno_error("open directory of", name);
  place.directory = place.owned.get();
  place.leaf = name.substr(slash + 1);
  return place;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Every entry but "." and "..", with its type as the file system reports it.
template <typename Visit>
Result<void> for_each_entry(int directory, std::string_view path, const Visit& visit) {
  UniqueFd own = open_at(directory, ".", kDirectoryFlags);
  if (!own.is_open()) return errno_error("list", path);
  std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own.get()));
  if (!stream) return errno_error("list", path);
  own.release();
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") visit(std::string(name), entry->d_type == DT_DIR);
  }
  if (errno != 0) return errno_error("list", path);
  return {};
}

Result<void> remove_temporary_files(int directory, std::string_view path) {
  std::vector<std::string> stale;
  std::vector<std::string> directories;
  ASEPTIC_TRY_VOID(for_each_entry(directory, path, [&](const std::string& name, bool is_directory) {
    if (name.starts_with(kStorageTempPrefix) && !is_directory) stale.push_back(name);
    if (is_directory) directories.push_back(name);
  }));
  for (const auto& name : stale)
    if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) return errno_error("remove", name);
  for (const auto& name : directories) {
    const UniqueFd child = open_at(directory, name, kDirectoryFlags);
    if (!child.is_open()) continue;  // not ours to read: then there is nothing of ours in it
    std::vector<std::string> inner;
    ASEPTIC_TRY_VOID(for_each_entry(child.get(), name, [&](const std::string& leaf, bool is_directory) {
      if (leaf.starts_with(kStorageTempPrefix) && !is_directory) inner.push_back(leaf);
    }));
    for (const auto& leaf : inner)
      if (::unlinkat(child.get(), leaf.c_str(), 0) != 0 && errno != ENOENT) return errno_error("remove", leaf);
  }
  return {};
}

Result<void> write_temporary(int directory, const std::string& temporary, core::ByteView content, mode_t mode) {
  UniqueFd file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!file.is_open()) return errno_error("create", temporary);
  ASEPTIC_TRY_VOID(write_all(file.get(), content, temporary));
  return sync_fd(file.get(), temporary);
}

}  // namespace

Result<std::unique_ptr<PosixStorage>> PosixStorage::open(const std::string& directory) { return open(directory, Options{}); }

Result<std::unique_ptr<PosixStorage>> PosixStorage::open(const std::string& directory, const Options& options) {
  if (options.missing == Missing::kCreate && ::mkdir(directory.c_str(), directory_mode(options.access)) != 0 &&
      errno != EEXIST)
    return errno_error("create directory", directory);
  // The operator names this directory, so a symbolic link to it is followed; nothing below it is.
  UniqueFd fd(::open(directory.c_str(), kDirectoryFlags | O_CLOEXEC));
  if (!fd.is_open()) return errno_error("open directory", directory);
  if (options.lock == Lock::kExclusive) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        return Error(PlatformCode::kBusy, "the directory " + directory + " is in use by another process; try again when it has ended");
      return errno_error("lock directory", directory);
    }
    ASEPTIC_TRY_VOID(remove_temporary_files(fd.get(), directory));
  }
  return std::unique_ptr<PosixStorage>(new PosixStorage(fd.release(), directory, options));
}

PosixStorage::PosixStorage(int directory, std::string path, const Options& options)
    : directory_(directory), path_(std::move(path)), options_(options) {}

PosixStorage::~PosixStorage() { ::close(directory_); }

Result<core::Bytes> PosixStorage::read(std::string_view name, std::uint64_t bytes_max) {
  ASEPTIC_TRY(const Place place, locate(directory_, name));
  // O_NONBLOCK: a fifo planted under this name must not hang us.
  const UniqueFd file = open_at(place.directory, place.leaf, O_RDONLY | O_NONBLOCK);
  if (!file.is_open()) return errno_error("read", path_ + "/" + std::string(name));
  return read_regular(file.get(), bytes_max, path_ + "/" + std::string(name));
}

Result<void> PosixStorage::replace(std::string_view name, core::ByteView content) {
  ASEPTIC_TRY(const Place place, locate(directory_, name));
  const std::string temporary = std::string(kStorageTempPrefix) + place.leaf;
  if (auto written = write_temporary(place.directory, temporary, content, file_mode(options_.access)); !written) {
    ::unlinkat(place.directory, temporary.c_str(), 0);  // best effort: open() and the next replace() clean it as well
    return std::move(written).within("store " + path_ + "/" + std::string(name));
  }
  // DURABILITY: content first, then the name, then the directory that holds the name.
  if (::renameat(place.directory, temporary.c_str(), place.directory, place.leaf.c_str()) != 0) {
    const Error error = errno_error("store", path_ + "/" + std::string(name));
    ::unlinkat(place.directory, temporary.c_str(), 0);
    return error;
  }
  return sync_fd(place.directory, path_);
}

Result<void> PosixStorage::append(std::string_view name, core::ByteView content) {
  ASEPTIC_TRY(const Place place, locate(directory_, name));
  const std::string path = path_ + "/" + std::string(name);
  UniqueFd file = open_at(place.directory, place.leaf, O_WRONLY | O_APPEND | O_NONBLOCK);
  const bool created = !file.is_open() && errno == ENOENT;
  if (created)
    file = open_at(place.directory, place.leaf, O_WRONLY | O_APPEND | O_CREAT, file_mode(options_.access));
  if (!file.is_open()) return errno_error("append to", path);
  ASEPTIC_TRY_VOID(write_all(file.get(), content, path));
  ASEPTIC_TRY_VOID(sync_fd(file.get(), path));
  if (created) return sync_fd(place.directory, path_);
  return {};
}

Result<void> PosixStorage::remove(std::string_view name) {
  auto place = locate(directory_, name);
  if (!place) {
    if (place.error().is(PlatformCode::kNotFound)) return {};  // its directory is absent, so it is
    return std::move(place).error();
  }
  if (::unlinkat(place->directory, place->leaf.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return errno_error("remove", path_ + "/" + std::string(name));
  }
  return sync_fd(place->directory, path_);
}

Result<void> PosixStorage::make_directory(std::string_view name) {
  if (name.find('/') != std::string_view::npos || !storage_name_is_valid(name)) return refused(name);
  if (::mkdirat(directory_, std::string(name).c_str(), directory_mode(options_.access)) != 0) {
    if (errno != EEXIST) return errno_error("create directory", path_ + "/" + std::string(name));
    // Something has this name: it must be a directory, and not a link to one.
    const UniqueFd existing = open_at(directory_, std::string(name), kDirectoryFlags);
    if (!existing.is_open()) return errno_error("open directory", path_ + "/" + std::string(name));
    return {};
  }
  return sync_fd(directory_, path_);
}

Result<std::vector<std::string>> PosixStorage::list(std::string_view directory) {
  UniqueFd owned;
  int fd = directory_;
  if (!directory.empty()) {
    if (directory.find('/') != std::string_view::npos || !storage_name_is_valid(directory)) return refused(directory);
    owned = open_at(directory_, std::string(directory), kDirectoryFlags);
    if (!owned.is_open()) return errno_error("list", path_ + "/" + std::string(directory));
    fd = owned.get();
  }
  std::vector<std::string> names;
  ASEPTIC_TRY_VOID(for_each_entry(fd, path_, [&](const std::string& name, bool) {
    if (storage_name_is_valid(name)) names.push_back(name);
  }));
  std::ranges::sort(names);
  return names;
}

Result<std::uint64_t> PosixStorage::free_bytes() {
  struct statvfs status {};
  if (::fstatvfs(directory_, &status) != 0) return errno_error("measure free space of", path_);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace aseptic::platform
