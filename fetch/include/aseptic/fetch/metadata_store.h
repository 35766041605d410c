// SPDX-License-Identifier: Apache-2.0
// The trusted metadata of one repository as flat files: root.json, timestamp.json, <percent-encoded role>.json, byte
// for byte as received, and no other *.json.
//
// Used by Updater, which stores a file only after trust accepted it. Reads are untrusted again: trust verifies each
// cached file at each load.
// Durability: Storage::replace(): the old or the new file after a power cut. Thread contract: one thread at a time.
#pragma once

#include <optional>

#include "aseptic/core/bytes.h"
#include "aseptic/platform/storage.h"

namespace aseptic::fetch {

class MetadataStore {
 public:
  // `directory` is "" or one level of the storage ("metadata"), which must exist.
  explicit MetadataStore(platform::Storage& storage, std::string_view directory = {});

  // Nothing when there is no such file. An unreadable or oversized file is an error; the caller treats it as absent.
  core::Result<std::optional<core::Bytes>> load(std::string_view role, std::size_t bytes_max);
  core::Result<void> store(std::string_view role, core::ByteView file);
  core::Result<void> remove(std::string_view role);

 private:
  core::Result<std::string> file_name(std::string_view role) const;
  platform::Storage& storage_;
  std::string prefix_;
};

}  // namespace aseptic::fetch
