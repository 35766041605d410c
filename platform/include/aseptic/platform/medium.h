// SPDX-License-Identifier: Apache-2.0
// A place on removable media: a folder of files, or one file that holds them; there now, absent in a moment.
//
// Who: fetch reads repositories from it; platform/posix implements it, tests hold one in memory.
// Errors never say that our own storage is broken (kHalt), whatever the medium does: kNetConnect = it is not there or went
// away, kNetProtocol = it cannot be read or holds what is no regular file. A file that is not there is kNotFound.
// Security: what is read is untrusted. A path below the folder never leaves it: no symbolic link, no other mount is followed, and
// only regular files open (T-41). Opening and reading never wait for a writer (FIFO).
// Nothing is kept open between two insertions: a medium can be taken out at any time. Thread contract: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

class MediumFile {
 public:
  virtual ~MediumFile() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  // when it was opened
  // Fills `out`; a file that ends earlier is an error, never a short answer.
  virtual core::Result<void> read(std::uint64_t offset, core::ByteSpan out) const = 0;
};

class MediumFolder {
 public:
  virtual ~MediumFolder() = default;
  // `path`: relative, plain names between slashes (the caller checks them).
  virtual core::Result<std::unique_ptr<MediumFile>> open_file(const std::string& path) const = 0;
};

// What is at the place now: exactly one of the two.
struct MediumContent {
  std::unique_ptr<MediumFolder> folder;
  std::unique_ptr<MediumFile> file;
  std::string stamp;  // two contents with one stamp have not been exchanged or rewritten, as far as the system can tell
};

class Medium {
 public:
  virtual ~Medium() = default;
  virtual core::Result<MediumContent> open() = 0;
};

}  // namespace aseptic::platform
