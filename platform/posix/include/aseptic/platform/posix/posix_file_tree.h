// SPDX-License-Identifier: Apache-2.0
// A directory tree that is only read, for serving files to strangers (fleet, relay).
//
// Security: a path from outside is split at '/', each part must be a plain name (no ".", "..", nothing hidden, no
// control character, no back slash), and is opened below its parent's descriptor with O_NOFOLLOW; only regular files open. So
// no path leaves the tree, symbolic links included (T-41).
// Thread contract: a tree may be shared by threads; each open file belongs to one.
#pragma once

#include <memory>
#include <string>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

class OpenFile {
 public:
  OpenFile(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();
  [[nodiscard]] std::uint64_t size() const { return size_; }  // when it was opened
  // Fills `out`; a file that became shorter is an error, never a short answer.
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) const;

 private:
  int descriptor_;
  std::uint64_t size_;
};

class PosixFileTree {
 public:
  static core::Result<std::unique_ptr<PosixFileTree>> open(const std::string& directory);
  ~PosixFileTree();

  // `path` is relative, decoded, without a leading '/'. kNotFound and kNameRefused look the same to a stranger.
  core::Result<OpenFile> open_file(std::string_view path) const;

 private:
  explicit PosixFileTree(int directory) : directory_(directory) {}
  int directory_;
};

}  // namespace aseptic::platform
