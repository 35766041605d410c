// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace aseptic::boot::host {
namespace {

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteOld = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_EXECUTE;

std::uint64_t handled_by(long abi) {
  std::uint64_t rights = kRead | kWriteOld | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                         LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return rights;
}

// A path that does not exist needs no permission.
void allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  struct stat info {};
  if (fstat(fd, &info) == 0) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & kOfFiles;
    rule.parent_fd = fd;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
  }
  ::close(fd);
}

void allow_all(int ruleset, const std::string& device, std::uint64_t handled) {
  const std::uint64_t write =
      handled & ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
  // SECURITY(T-58): boot/ is not in this list, mailbox/ only for reading.
  for (const char* folder : {"/slots", "/requests", "/permit", "/agent", "/therapy", "/run"})
    allow(ruleset, device + folder, write);
  for (const char* slot : {"/slots/a.img", "/slots/b.img"})
    allow(ruleset, device + slot, write);  // block devices
  allow(ruleset, device + "/mailbox", kRead);
  for (const char* node : {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty"})
    allow(ruleset, node, write);
  for (const char* node : {"/dev/urandom", "/dev/random"})
    allow(ruleset, node, kRead);
  for (const char* system : {"/etc", "/proc", "/sys", "/usr"})
    allow(ruleset, system, kRead);
  // Where removable media are mounted; they come and go below these folders.
  for (const std::string& media : {device + "/media", std::string("/media")})
    allow(ruleset, media, kRead);
}

long landlock_abi() {
  return syscall(SYS_landlock_create_ruleset, nullptr, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
}

}  // namespace

bool confinement_available() {
  return landlock_abi() >= 1;
}

Confinement confine_to_device(const std::string& device_folder) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Confinement::kFailed;
  const long abi = landlock_abi();
  if (abi < 1) return Confinement::kUnavailable;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = handled_by(abi);
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U);
  if (ruleset < 0) return Confinement::kFailed;
  allow_all(static_cast<int>(ruleset), device_folder, attributes.handled_access_fs);
  const long restricted = syscall(SYS_landlock_restrict_self, ruleset, 0U);
  ::close(static_cast<int>(ruleset));
  return restricted == 0 ? Confinement::kEnforced : Confinement::kFailed;
}

}  // namespace aseptic::boot::host
