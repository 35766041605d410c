// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/file_tree.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <vector>

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

using core::Error;
using core::Result;

Result<void> check_kinds(const Path& folder) {
  std::error_code error;
  bool is_empty = true;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    is_empty = false;
    const auto kind = at->symlink_status(error).type();
    using enum std::filesystem::file_type;
    if (!error && kind != regular && kind != directory && kind != symlink)
      return Error(PublishCode::kInput, at->path().string() + " is a device, a FIFO or a socket, which a file tree must not hold");
  }
  if (error) return Error(PublishCode::kFileIo, "cannot read " + folder.string() + ": " + error.message());
  if (is_empty) return Error(PublishCode::kInput, folder.string() + " is empty");
  return {};
}

// Its exit status; 127 as from a shell where there is no such program. Environment: PATH alone, because the packer takes times from others.
int run_quietly(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT(const_cast: posix_spawn's old interface)
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
  char* environment[] = {path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return 127;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

Result<void> pack_file_tree(const Path& folder, const Path& out) {
  ASEPTIC_TRY_VOID(check_kinds(folder));
  std::error_code error;
  std::filesystem::remove(out, error);
  // zstd: what the delta engine decodes and makes again bit for bit, so that a small change stays small inside a compressed block.
  const int status = run_quietly({"mksquashfs", std::filesystem::absolute(folder).string(), std::filesystem::absolute(out).string(), "-noappend", "-all-root",
                                  "-no-xattrs", "-no-exports", "-reproducible", "-mkfs-time", "0", "-all-time", "0", "-comp", "zstd", "-Xcompression-level", "15", "-b",
                                  "131072", "-quiet", "-no-progress"});
  if (status == 127) return Error(PublishCode::kInput, "mksquashfs is not installed (Debian: squashfs-tools); a file tree cannot be packed without it");
  if (status != 0) {
    std::filesystem::remove(out, error);
    return Error(PublishCode::kFileIo, "mksquashfs could not pack " + folder.string() + " (status " + std::to_string(status) + ")");
  }
  return {};
}

}  // namespace aseptic::publish
