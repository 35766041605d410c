// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/storage.h"

#include <algorithm>

namespace aseptic::platform {
namespace {

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '%' || c == '~' || c == '-';
}

bool component_is_valid(std::string_view name) {
  return !name.empty() && name.size() <= kStorageNameBytesMax && name != "." && name != ".." &&
         !name.starts_with(kStorageTempPrefix) && std::ranges::all_of(name, is_name_character);
}

}  // namespace

// SECURITY(T-41): no name can leave its directory, and none can collide with an implementation's temporary file.
bool storage_name_is_valid(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == std::string_view::npos) return component_is_valid(name);
  return component_is_valid(name.substr(0, slash)) && component_is_valid(name.substr(slash + 1));
}

}  // namespace aseptic::platform
