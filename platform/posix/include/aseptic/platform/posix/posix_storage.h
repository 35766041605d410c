// SPDX-License-Identifier: Apache-2.0
// A directory of small files behind one directory descriptor: agent state, metadata store, publisher repository.
//
// Security: names are validated (storage.h), each component is opened below its directory descriptor with O_NOFOLLOW,
// and only regular files are read, so a planted symbolic link, device or fifo is refused and never followed (T-41).
// Durability: replace() writes ".tmp~NAME", fsyncs it, renames it, fsyncs the directory. A power cut may leave a
// ".tmp~" file; it is invisible to list() and the next replace() of that name writes over it. open() with
// Lock::kExclusive removes such files.
// Thread contract: one thread at a time per object; two unlocked objects must not write the same name.
#pragma once

#include <memory>

#include "aseptic/platform/storage.h"

namespace aseptic::platform {

class PosixStorage : public Storage {
 public:
  enum class Missing : std::uint8_t { kRefuse, kCreate };       // what open() does when the directory is absent
  enum class Lock : std::uint8_t { kNone, kExclusive };         // flock on the directory; kBusy when somebody holds it
  enum class Access : std::uint8_t { kOwnerOnly, kUmask };      // 0600/0700, or 0666/0777 minus the umask

  struct Options {
    Missing missing = Missing::kRefuse;
    Lock lock = Lock::kNone;
    Access access = Access::kOwnerOnly;
  };

  static core::Result<std::unique_ptr<PosixStorage>> open(const std::string& directory, const Options& options);
  // With every option at its default.
  static core::Result<std::unique_ptr<PosixStorage>> open(const std::string& directory);
  ~PosixStorage() override;

  core::Result<core::Bytes> read(std::string_view name, std::uint64_t bytes_max) override;
  core::Result<void> replace(std::string_view name, core::ByteView content) override;
  core::Result<void> append(std::string_view name, core::ByteView content) override;
  core::Result<void> remove(std::string_view name) override;
  core::Result<void> make_directory(std::string_view name) override;
  core::Result<std::vector<std::string>> list(std::string_view directory) override;
  core::Result<std::uint64_t> free_bytes() override;

 private:
  PosixStorage(int directory, std::string path, const Options& options);
  int directory_;
  std::string path_;  // for error sentences only
  Options options_;
};

}  // namespace aseptic::platform
