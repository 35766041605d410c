// SPDX-License-Identifier: Apache-2.0
// One directory of small files, as the agent, the metadata store and the publisher keep state.
//
// Names are single path components of [A-Za-z0-9._%~-], at most 250 bytes, not "." or "..", and not starting with
// ".tmp~" (kept for implementations); "/" separates at most one sub-directory level that list() and make_directory()
// know. Anything else is kNameRefused (T-41): an implementation opens below one directory descriptor and never follows
// symbolic links. storage_name_is_valid() is the rule for every implementation.
// Durability contract:
//   replace()  old or new content after a power cut, never a mixture; durable when it returns.
//   append()   bytes may be torn at the end after a power cut; durable when it returns.
//   remove()   durable when it returns; absent file is success.
// Thread contract: one thread at a time per object.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

inline constexpr std::size_t kStorageNameBytesMax = 250;
inline constexpr std::string_view kStorageTempPrefix = ".tmp~";

// "name" or "directory/name".
bool storage_name_is_valid(std::string_view name);

class Storage {
 public:
  virtual ~Storage() = default;
  virtual core::Result<core::Bytes> read(std::string_view name, std::uint64_t bytes_max) = 0;
  virtual core::Result<void> replace(std::string_view name, core::ByteView content) = 0;
  virtual core::Result<void> append(std::string_view name, core::ByteView content) = 0;
  virtual core::Result<void> remove(std::string_view name) = 0;
  virtual core::Result<void> make_directory(std::string_view name) = 0;
  virtual core::Result<std::vector<std::string>> list(std::string_view directory) = 0;  // "" = top; sorted
  virtual core::Result<std::uint64_t> free_bytes() = 0;
};

}  // namespace aseptic::platform
