// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/device_ports.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/journal/requests.h"
#include "aseptic/core/hash.h"
#include "aseptic/platform/codes.h"

namespace aseptic::pump {
namespace {

using interlock::Status;

core::Error system_error(const std::string& what) {
  return core::Error(platform::PlatformCode::kStorageIo, what + ": " + std::strerror(errno));
}

bool write_whole(int fd, std::span<const std::uint8_t> bytes) {
  return pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

const char* text_of(interlock::ResetPurpose purpose) {
  switch (purpose) {
    case interlock::ResetPurpose::kSwitch:
      return "start the trial";
    case interlock::ResetPurpose::kConfirm:
      return "confirm";
    case interlock::ResetPurpose::kRevert:
      return "go back";
    case interlock::ResetPurpose::kNone:
      break;
  }
  return "unknown";
}

bool sync_folder_of(const std::string& path) {
  const std::string folder = path.substr(0, path.find_last_of('/'));
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = fsync(fd) == 0;
  ::close(fd);
  return done;
}

}  // namespace

std::uint64_t BoottimeClock::boottime_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

Status KeySigner::sign(interlock::Bytes region, interlock::Signature& out) {
  const auto signature = key_->sign_raw(region);
  if (!signature || signature->size() != out.bytes.size()) return Status::kSigner;
  std::ranges::copy(*signature, out.bytes.begin());
  return Status::kSuccess;
}

core::Result<std::unique_ptr<FilePermitStore>> FilePermitStore::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error("open the PERMIT cell " + path);
  return std::unique_ptr<FilePermitStore>(new FilePermitStore(fd));
}

FilePermitStore::~FilePermitStore() {
  ::close(fd_);
}

Status FilePermitStore::store(const interlock::PermitCell& cell) {
  boot::PermitCell bytes = boot::cleared_permit();
  if (cell.state == interlock::PermitState::kGranted) {
    bytes = boot::encode_permit({.boot_count = cell.boot_count, .hold_nonce = cell.hold.bytes});
  }
  return write_whole(fd_, bytes) ? Status::kSuccess : Status::kStorage;
}

Status FilePermitStore::sync() {
  return fdatasync(fd_) == 0 ? Status::kSuccess : Status::kStorage;
}

Status FilePermitStore::read(interlock::PermitCell& out) {
  posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);  // ask the medium, not the copy that was just written
  boot::PermitCell bytes{};
  const ssize_t got = pread(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0) return Status::kStorage;
  interlock::PermitCell cell;
  boot::Permit permit;
  // What boot does not accept as a permit is none: torn, foreign or absent bytes count as cleared, here and
  // there.
  if (got == static_cast<ssize_t>(bytes.size()) && boot::ok(boot::decode_permit(bytes, permit))) {
    cell = {interlock::PermitState::kGranted, permit.boot_count, {permit.hold_nonce}};
  }
  out = cell;
  return Status::kSuccess;
}

bool FileMarker::is_set() {
  return access(path_.c_str(), F_OK) == 0;
}

bool FileMarker::set() {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool done = fsync(fd) == 0;
  ::close(fd);
  return done && sync_folder_of(path_);
}

void FileMarker::clear() {
  if (unlink(path_.c_str()) == 0) static_cast<void>(sync_folder_of(path_));
}

void ExitReset::command_reset(interlock::ResetPurpose purpose) {
  std::printf("pump: commanded reset to %s\n", text_of(purpose));
  std::fflush(stdout);
  _exit(kExitCommandedReset);
}

core::Result<interlock::BootFacts> read_boot_facts(const std::string& report_path) {
  const int fd = ::open(report_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("open boot's report " + report_path);
  std::array<std::uint8_t, boot::kBootReportSize> bytes{};
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  ::close(fd);
  boot::BootReport report;
  const bool is_whole = got == static_cast<ssize_t>(bytes.size());
  if (!is_whole || !boot::ok(boot::decode_boot_report(bytes, report))) {
    return core::Error(platform::PlatformCode::kStorageIo,
                       "boot's report " + report_path + " is damaged; therapy stays off");
  }
  constexpr std::string_view kDomain{"aseptic-boot-id-v1\0", 19};
  const core::Digest digest = core::Sha256().update(kDomain).update(core::ByteView(bytes)).finish();
  interlock::BootFacts facts;
  facts.device_id.bytes = report.device_id;
  std::copy_n(digest.bytes.begin(), facts.boot_id.bytes.size(), facts.boot_id.bytes.begin());
  facts.running.bytes = report.running_manifest;
  facts.boot_count = report.boot_count;
  facts.run_kind = interlock::RunKind::kTrial;
  if (report.run_kind == boot::RunKind::kConfirmed) facts.run_kind = interlock::RunKind::kConfirmed;
  if (report.run_kind == boot::RunKind::kRecovery) facts.run_kind = interlock::RunKind::kRecovery;
  return facts;
}

}  // namespace aseptic::pump
