// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/device_storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/request_area.h"

namespace aseptic::boot::host {
namespace {

enum class Access { kReadOnly, kReadWrite, kCreate, kUntrusted };

struct AreaFile {
  const char* name;
  Access access;
  std::uint64_t size_max;  // 0: the file's own size
};

// In the order of Area.
constexpr AreaFile kFiles[kAreaCount] = {
    {"boot/journal.bin", Access::kReadWrite, 0},
    {"boot/monotonic.bin", Access::kReadWrite, 0},
    {"boot/provisioning.bin", Access::kReadOnly, 0},
    {"boot/secret.bin", Access::kReadOnly, 0},
    {"boot/recovery.img", Access::kCreate, 0},
    {"slots/a.img", Access::kReadOnly, 0},
    {"slots/b.img", Access::kReadOnly, 0},
    {"requests/requests.bin", Access::kUntrusted, kRequestAreaSize},
    {"permit/permit.bin", Access::kUntrusted, kPermitCellSize},
    {"mailbox/report.bin", Access::kCreate, kBootReportSize},
};

int flags_of(Access access) {
  // O_NONBLOCK: a FIFO put in a file's place must not stop boot.
  constexpr int kAlways = O_CLOEXEC | O_NONBLOCK;
  switch (access) {
    case Access::kReadOnly:
      return kAlways | O_RDONLY;
    case Access::kReadWrite:
    case Access::kUntrusted:
      return kAlways | O_RDWR | O_NOFOLLOW;
    case Access::kCreate:
      return kAlways | O_RDWR | O_NOFOLLOW | O_CREAT;
  }
  return kAlways | O_RDONLY;
}

bool is_usable(const struct stat& info, Access access) {
  if (access == Access::kReadOnly && S_ISBLK(info.st_mode)) return true;
  // SECURITY: a second name could be a link to a file that only boot may write.
  return S_ISREG(info.st_mode) && (access != Access::kUntrusted || info.st_nlink == 1);
}

}  // namespace

DeviceStorage::DeviceStorage(std::string device_folder) : folder_(std::move(device_folder)) {}

DeviceStorage::~DeviceStorage() {
  for (const auto& file : files_)
    if (file.fd >= 0) ::close(file.fd);
}

DeviceStorage::File& DeviceStorage::open(Area area) {
  File& file = files_[static_cast<std::size_t>(area)];
  if (file.tried) return file;
  file.tried = true;
  const AreaFile& what = kFiles[static_cast<std::size_t>(area)];
  const int fd = ::open((folder_ + "/" + what.name).c_str(), flags_of(what.access), 0600);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0 || !is_usable(info, what.access)) {
    if (fd >= 0) ::close(fd);
    return file;
  }
  file.fd = fd;
  file.regular = S_ISREG(info.st_mode);
  const off_t end = lseek(fd, 0, SEEK_END);
  file.size = end > 0 ? static_cast<std::uint64_t>(end) : 0;
  return file;
}

std::uint64_t DeviceStorage::size(Area area) {
  const std::uint64_t size_max = kFiles[static_cast<std::size_t>(area)].size_max;
  const File& file = open(area);
  if (file.fd < 0) return 0;
  if (area == Area::kMailbox) return size_max;
  // The recovery file grows to what it holds; its capacity is that of a slot.
  if (area == Area::kRecovery) return std::max(file.size, open(Area::kSlotA).size);
  return size_max == 0 ? file.size : std::min(size_max, file.size);
}

Status DeviceStorage::read(Area area, std::uint64_t offset, MutableBytes out) {
  const std::uint64_t limit = size(area);
  if (offset > limit || out.size() > limit - offset) return Status::kOutOfRange;
  while (!out.empty()) {
    const ssize_t got = pread(open(area).fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::kIoError;
    if (got == 0) {  // behind the end of a file that may still grow
      fill_bytes(out, 0);
      return Status::kOk;
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return Status::kOk;
}

Status DeviceStorage::program(Area area, std::uint64_t offset, ByteView bytes) {
  const std::uint64_t limit = size(area);
  if (offset > limit || bytes.size() > limit - offset) return Status::kOutOfRange;
  while (!bytes.empty()) {
    const ssize_t written = pwrite(open(area).fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Status::kIoError;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Status::kOk;
}

Status DeviceStorage::erase(Area area, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t limit = size(area);
  if (offset > limit || length > limit - offset) return Status::kOutOfRange;
  if (area == Area::kRecovery) {  // a hole reads as zero and costs nothing
    File& file = open(area);
    if (ftruncate(file.fd, 0) != 0) return Status::kIoError;
    file.size = 0;
    return Status::kOk;
  }
  const std::vector<std::uint8_t> erased(static_cast<std::size_t>(length), erased_value());
  return program(area, offset, erased);
}

Status DeviceStorage::sync(Area area) {
  return fsync(open(area).fd) == 0 ? Status::kOk : Status::kIoError;
}

std::uint64_t DeviceStorage::known_zero(Area area, std::uint64_t offset) {
  const File& file = open(area);
  if (!file.regular || offset >= file.size) return 0;
  const off_t data = lseek(file.fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0) return errno == ENXIO ? file.size - offset : 0;
  return static_cast<std::uint64_t>(data) - offset;
}

}  // namespace aseptic::boot::host
