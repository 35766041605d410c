// SPDX-License-Identifier: Apache-2.0
#include "process/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "aseptic/platform/codes.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK;
constexpr std::uint64_t kHandled = kWrite | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                   LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

class Ruleset {
 public:
  explicit Ruleset(long abi) {
    landlock_ruleset_attr attributes{};
    extra_ = abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
    attributes.handled_access_fs = kHandled | extra_;
    descriptor_ = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U));
  }
  ~Ruleset() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Ruleset(const Ruleset&) = delete;
  Ruleset& operator=(const Ruleset&) = delete;

  // A path that does not exist needs no permission.
  void allow(const std::string& path, std::uint64_t rights) {
    const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (fd < 0) return;
    allow(fd, rights);
    ::close(fd);
  }
  void allow(int fd, std::uint64_t rights) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(info.st_mode) ? rights : rights & kOfFiles;
    rule.parent_fd = fd;
    ::syscall(SYS_landlock_add_rule, descriptor_, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
  }
  [[nodiscard]] std::uint64_t write_rights() const { return kWrite | extra_; }
  bool enforce() { return descriptor_ >= 0 && ::syscall(SYS_landlock_restrict_self, descriptor_, 0U) == 0; }

 private:
  int descriptor_ = -1;
  std::uint64_t extra_ = 0;
};

Result<Landlock> close_files(const SandboxPaths& paths) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return Landlock::kUnavailable;
  Ruleset rules(abi);
  for (const std::string& path : paths.writable) rules.allow(path, rules.write_rights());
  for (const std::string& path : paths.readable) rules.allow(path, kRead);
  for (const int handle : paths.readable_handles) rules.allow(handle, kRead);
  if (!rules.enforce()) return Error(platform::PlatformCode::kSandbox, "Landlock refused the rules");
  return Landlock::kEnforced;
}

// What neither half ever needs. Refused with EPERM, so that a library that only tries goes on.
constexpr int kNever[] = {
    SCMP_SYS(execve),          SCMP_SYS(execveat),          SCMP_SYS(ptrace),      SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(mount),           SCMP_SYS(umount2),     SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),          SCMP_SYS(init_module),       SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),      SCMP_SYS(kexec_file_load),   SCMP_SYS(bpf),         SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),     SCMP_SYS(add_key),           SCMP_SYS(request_key), SCMP_SYS(keyctl),
    SCMP_SYS(unshare),         SCMP_SYS(setns),             SCMP_SYS(open_by_handle_at), SCMP_SYS(reboot),
    SCMP_SYS(swapon),          SCMP_SYS(swapoff),           SCMP_SYS(io_uring_setup), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),   SCMP_SYS(sethostname),       SCMP_SYS(acct),        SCMP_SYS(quotactl),
    SCMP_SYS(memfd_create),
};

bool deny_families(scmp_filter_ctx filter, SandboxRole role) {
  const auto deny = SCMP_ACT_ERRNO(EAFNOSUPPORT);
  if (role == SandboxRole::kApply) {
    // SECURITY(T-60): the half that holds the slots cannot even make an internet socket.
    return seccomp_rule_add(filter, deny, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)) == 0;
  }
  // SECURITY(T-60): the half with the network cannot listen.
  for (const int call : {SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4)})
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) != 0) return false;
  return true;
}

Result<void> close_system_calls(SandboxRole role) {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  bool good = filter != nullptr && deny_families(filter.get(), role);
  for (const int call : kNever) good = good && seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  good = good && seccomp_load(filter.get()) == 0;
  if (!good) return Error(platform::PlatformCode::kSandbox, "seccomp refused the filter");
  return {};
}

}  // namespace

Result<Landlock> enter_sandbox(SandboxRole role, const SandboxPaths& paths) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Error(platform::PlatformCode::kSandbox, "no_new_privs was refused");
  }
  ASEPTIC_TRY(const Landlock landlock, close_files(paths));
  ASEPTIC_TRY_VOID(close_system_calls(role));
  return landlock;
}

}  // namespace aseptic::agent
