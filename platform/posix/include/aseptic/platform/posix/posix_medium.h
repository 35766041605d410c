// SPDX-License-Identifier: Apache-2.0
// A configured path as removable medium: a folder, or a regular file.
//
// Called by the agent's network process. The path itself passes through no symbolic link either: a part of it may lie on the
// medium (T-41). Whoever closes the process (Landlock) allows what stands there at that moment: take sandbox_handle() before, and ask
// has_changed() from time to time: what is inserted later cannot be read by this process, only by its successor.
#pragma once

#include <optional>

#include "aseptic/platform/medium.h"

namespace aseptic::platform {

class PosixMedium final : public Medium {
 public:
  explicit PosixMedium(std::string path) : path_(std::move(path)) {}

  core::Result<MediumContent> open() override;

  // A descriptor (O_PATH) of what stands at the path, which the caller closes; -1: nothing. Remembers what that was.
  int sandbox_handle();
  // True once something stands there that sandbox_handle() did not answer with: another one, or one that was away meanwhile.
  bool has_changed();

 private:
  struct Identity {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const Identity&) const = default;
  };
  // What stands at the path now, if it is a folder or regular file.
  std::optional<Identity> look();

  const std::string path_;
  std::optional<Identity> allowed_;
  bool was_absent_ = false;
};

}  // namespace aseptic::platform
