// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

core::Error io_error(const Path& path, std::string_view doing) {
  return {PublishCode::kFileIo, std::string(doing) + " " + path.string() + ": " + std::strerror(errno)};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

bool write_all(int descriptor, core::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

Path folder_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path("."); }

bool sync_folder(const Path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return descriptor.is_open() && ::fsync(descriptor.get()) == 0;
}

core::Result<void> replace(const Path& path, core::ByteView content, mode_t mode) {
  const Path temporary = folder_of(path) / ("." + path.filename().string() + ".new-" + std::to_string(::getpid()));
  ::unlink(temporary.c_str());
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.is_open()) return io_error(path, "cannot write");
    if (!write_all(file.get(), content) || ::fsync(file.get()) != 0) {
      core::Error error = io_error(path, "cannot write");
      ::unlink(temporary.c_str());
      return error;
    }
  }
  // DURABILITY: the content was synced above; the rename makes it visible whole, and the folder's sync makes it stay.
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    core::Error error = io_error(path, "cannot write");
    ::unlink(temporary.c_str());
    return error;
  }
  if (!sync_folder(folder_of(path))) return io_error(path, "cannot make durable");
  return {};
}

}  // namespace

core::Result<core::Bytes> read_head_of_file(const Path& path, std::uint64_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return io_error(path, "cannot read");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return io_error(path, "cannot read");
  if (S_ISDIR(status.st_mode)) return core::Error(PublishCode::kFileIo, "cannot read " + path.string() + ": it is a folder");
  core::Bytes content;
  core::Bytes chunk(1u << 16);
  while (content.size() < bytes_max) {
    const ssize_t count = ::read(file.get(), chunk.data(), std::min<std::uint64_t>(chunk.size(), bytes_max - content.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(path, "cannot read");
    if (count == 0) break;
    content.insert(content.end(), chunk.begin(), chunk.begin() + count);
  }
  return content;
}

core::Result<core::Bytes> read_file(const Path& path, std::uint64_t bytes_max) {
  ASEPTIC_TRY(core::Bytes content, read_head_of_file(path, bytes_max + 1));
  if (content.size() > bytes_max)
    return core::Error(PublishCode::kFileIo,
                       path.string() + " is larger than " + std::to_string(bytes_max) + " bytes, the most that such a file may have");
  return content;
}

core::Result<void> write_file_atomic(const Path& path, core::ByteView content) { return replace(path, content, 0644); }

core::Result<void> write_secret_file(const Path& path, core::ByteView content) { return replace(path, content, 0600); }

core::Result<void> write_once(const Path& path, core::ByteView content) {
  if (std::error_code ignored; std::filesystem::exists(path, ignored)) {
    ASEPTIC_TRY(const core::Bytes present, read_file(path));
    if (std::ranges::equal(present, content)) return {};
    return core::Error(PublishCode::kRepositoryState,
                       path.string() + " exists with other content; published files are never changed");
  }
  return write_file_atomic(path, content);
}

core::Result<void> move_durable(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return io_error(to, "cannot write");
  if (!sync_folder(folder_of(to))) return io_error(to, "cannot make durable");
  return {};
}

core::Result<void> append_durable(const Path& path, core::ByteView line) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.is_open() || !write_all(file.get(), line) || ::fsync(file.get()) != 0) return io_error(path, "cannot append to");
  if (!sync_folder(folder_of(path))) return io_error(path, "cannot make durable");
  return {};
}

core::Result<void> make_folders(const Path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return core::Error(PublishCode::kFileIo, "cannot make the folder " + path.string() + ": " + error.message());
  return {};
}

core::Result<FolderLock> FolderLock::take(const Path& folder) {
  const Path path = folder / ".lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_error(path, "cannot open");
  FolderLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return core::Error(PublishCode::kBusy, "another process is changing " + folder.string() + "; try again when it has ended");
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace aseptic::publish
