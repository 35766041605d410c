// SPDX-License-Identifier: Apache-2.0
// FileDrop over a directory: content goes to an unnamed file (O_TMPFILE) and gets its name when it is complete.
//
// When a file of that name exists, the complete content takes a ".tmp~" name for the moment of the rename. File systems
// without O_TMPFILE use such a name from the start. open() removes what a power cut left. Names are validated and opened
// below one directory descriptor with O_NOFOLLOW (T-41).
// Thread contract: one thread at a time; two processes must not use one directory at once.
#pragma once

#include <memory>
#include <string>

#include "aseptic/platform/file_drop.h"

namespace aseptic::platform {

class PosixFileDrop : public FileDrop {
 public:
  // Creates the directory when it is absent; files get 0666 minus the umask.
  static core::Result<std::unique_ptr<PosixFileDrop>> open(const std::string& directory);
  ~PosixFileDrop() override;

  core::Result<std::unique_ptr<PendingFile>> begin() override;
  core::Result<void> read(std::string_view name, const std::function<core::Result<void>(core::ByteView)>& sink) override;

 private:
  PosixFileDrop(int directory, std::string path);
  int directory_;
  std::string path_;
};

}  // namespace aseptic::platform
