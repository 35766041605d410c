// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/metadata_store.h"

#include "aseptic/fetch/codes.h"
#include "aseptic/fetch/percent_encode.h"
#include "aseptic/platform/codes.h"

namespace aseptic::fetch {

using core::Result;

MetadataStore::MetadataStore(platform::Storage& storage, std::string_view directory) : storage_(storage) {
  if (!directory.empty()) prefix_ = std::string(directory) + "/";
}

Result<std::string> MetadataStore::file_name(std::string_view role) const {
  const std::string name = percent_encode(role) + ".json";
  if (name.size() > platform::kStorageNameBytesMax || !platform::storage_name_is_valid(name))
    return core::Error(FetchCode::kRoleName, "the role name \"" + percent_encode(role.substr(0, 80)) + "\" cannot be a file name");
  return prefix_ + name;
}

Result<std::optional<core::Bytes>> MetadataStore::load(std::string_view role, std::size_t bytes_max) {
  ASEPTIC_TRY(const std::string name, file_name(role));
  auto file = storage_.read(name, bytes_max);
  if (file) return std::optional<core::Bytes>(*std::move(file));
  if (file.error().is(platform::PlatformCode::kNotFound)) return std::optional<core::Bytes>();
  return std::move(file).error();
}

Result<void> MetadataStore::store(std::string_view role, core::ByteView file) {
  ASEPTIC_TRY(const std::string name, file_name(role));
  return storage_.replace(name, file);
}

Result<void> MetadataStore::remove(std::string_view role) {
  ASEPTIC_TRY(const std::string name, file_name(role));
  return storage_.remove(name);
}

}  // namespace aseptic::fetch
