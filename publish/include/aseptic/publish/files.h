// SPDX-License-Identifier: Apache-2.0
// The publisher's files: whole-file reads with a cap, and writes that are never seen half done.
//
// Called by publish and the `aseptic` command. Paths come from the operator, who may name any file.
// Durability contract: write_file_atomic() = temporary file in the same folder, fsync, rename, fsync of the folder;
// after a power cut the old or the new content is there. append_durable() fsyncs before it returns.
// Thread contract: no shared state.
#pragma once

#include <filesystem>

#include "aseptic/core/bytes.h"

namespace aseptic::publish {

using Path = std::filesystem::path;

inline constexpr std::uint64_t kSmallFileMax = 64u << 20;  // metadata, statements, SBOMs; images are streamed

core::Result<core::Bytes> read_file(const Path& path, std::uint64_t bytes_max = kSmallFileMax);
// The first bytes of a file, at most `bytes_max`.
core::Result<core::Bytes> read_head_of_file(const Path& path, std::uint64_t bytes_max);
core::Result<void> write_file_atomic(const Path& path, core::ByteView content);
// The same for a file that only its owner may read.
core::Result<void> write_secret_file(const Path& path, core::ByteView content);
// Succeeds when the file is already there with this very content; refuses to replace other content.
core::Result<void> write_once(const Path& path, core::ByteView content);
// Renames within one folder; `from` must have been synced.
core::Result<void> move_durable(const Path& from, const Path& to);
core::Result<void> append_durable(const Path& path, core::ByteView line);
core::Result<void> make_folders(const Path& path);

// Held while a repository is changed; released by destruction.
class FolderLock {
 public:
  static core::Result<FolderLock> take(const Path& folder);
  FolderLock(FolderLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace aseptic::publish
