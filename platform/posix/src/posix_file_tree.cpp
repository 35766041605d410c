// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_file_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "posix_files.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kDepthMax = 8;
constexpr std::size_t kPartBytesMax = 255;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kPartBytesMax && name.front() != '.' && std::ranges::none_of(name, [](char c) {
    return c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

Error refused() { return {PlatformCode::kNameRefused, "the path is not one of a file that is served"}; }

}  // namespace

OpenFile::OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> OpenFile::read(std::uint64_t offset, core::ByteSpan out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error("read", "a served file");
    if (count == 0) return Error(PlatformCode::kStorageIo, "a served file became shorter while it was read");
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::unique_ptr<PosixFileTree>> PosixFileTree::open(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_error("open directory", directory);
  return std::unique_ptr<PosixFileTree>(new PosixFileTree(fd));
}

PosixFileTree::~PosixFileTree() { ::close(directory_); }

// SECURITY(T-41): stepwise below descriptors, never following a link.
Result<OpenFile> PosixFileTree::open_file(std::string_view path) const {
  UniqueFd parent;
  for (std::size_t depth = 0; depth < kDepthMax; ++depth) {
    const auto slash = path.find('/');
    const std::string name(path.substr(0, slash));
    if (!is_plain_name(name)) return refused();
    const int directory = parent.is_open() ? parent.get() : directory_;
    const bool is_last = slash == std::string_view::npos;
    UniqueFd next = open_at(directory, name, is_last ? O_RDONLY | O_NONBLOCK : O_RDONLY | O_DIRECTORY);
    if (!next.is_open()) return errno_error("open", "a served file");
    if (!is_last) {
      parent = std::move(next);
      path.remove_prefix(slash + 1);
      continue;
    }
    struct stat status {};
    if (::fstat(next.get(), &status) != 0 || !S_ISREG(status.st_mode)) return refused();
    return OpenFile(next.release(), static_cast<std::uint64_t>(status.st_size));
  }
  return refused();
}

}  // namespace aseptic::platform
