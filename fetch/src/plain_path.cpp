// SPDX-License-Identifier: Apache-2.0
#include "plain_path.h"

#include <algorithm>
#include <charconv>

namespace aseptic::fetch {
namespace {

constexpr std::size_t kNamesMax = 8;
constexpr std::size_t kNameBytesMax = 255;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' && std::ranges::none_of(name, [](char c) {
    return c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

}  // namespace

// SECURITY(T-41): the one list of names that a folder is asked for and a bundle may hold.
bool is_place_path(std::string_view path) {
  if (!path.starts_with("metadata/") && !path.starts_with("targets/")) return false;
  for (std::size_t names = 0; names < kNamesMax; ++names) {
    const auto slash = path.find('/');
    if (!is_plain_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

std::optional<std::string> place_path_of(std::string_view url_path) {
  std::string path;
  for (std::size_t i = 0; i < url_path.size(); ++i) {
    if (url_path[i] != '%') {
      path.push_back(url_path[i]);
      continue;
    }
    unsigned value = 0;
    if (url_path.size() - i < 3) return std::nullopt;
    const char* const digits = url_path.data() + i + 1;
    const auto parsed = std::from_chars(digits, digits + 2, value, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != digits + 2 || value == '/') return std::nullopt;
    path.push_back(static_cast<char>(value));
    i += 2;
  }
  if (!is_place_path(path)) return std::nullopt;
  return path;
}

}  // namespace aseptic::fetch
