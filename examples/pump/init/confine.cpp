// SPDX-License-Identifier: Apache-2.0
#include "pump/init/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace aseptic::pump {
namespace {

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kNever =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr std::uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

bool allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return true;
  struct stat info {};
  bool done = fstat(fd, &info) == 0;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & kOfFiles;
  rule.parent_fd = fd;
  done = done && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
  ::close(fd);
  return done;
}

}  // namespace

Confinement confine(const AllowedPaths& allowed) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Confinement::kFailed;
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return Confinement::kUnavailable;
  std::uint64_t write = kRead | kWrite;
  if (abi >= 2) write |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) write |= LANDLOCK_ACCESS_FS_TRUNCATE;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = write | kNever;
  const auto ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U));
  if (ruleset < 0) return Confinement::kFailed;
  bool done = true;
  for (const std::string& path : allowed.read)
    done = allow(ruleset, path, kRead) && done;
  for (const std::string& path : allowed.write)
    done = allow(ruleset, path, write) && done;
  done = done && syscall(SYS_landlock_restrict_self, ruleset, 0U) == 0;
  ::close(ruleset);
  return done ? Confinement::kEnforced : Confinement::kFailed;
}

AllowedPaths therapy_paths(const std::string& device) {
  return {{device + "/mailbox", "/etc", "/usr", "/dev/urandom", "/dev/random", "/proc"},
          {device + "/permit", device + "/run", device + "/therapy", "/dev/null"}};
}

AllowedPaths agent_paths(const std::string& device) {
  return {{device + "/mailbox", device + "/media", "/media", "/etc", "/usr", "/dev/urandom", "/dev/random", "/proc", "/sys"},
          {device + "/slots", device + "/slots/a.img", device + "/slots/b.img", device + "/requests",
           device + "/agent", device + "/run", "/dev/null"}};
}

}  // namespace aseptic::pump
