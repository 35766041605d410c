// SPDX-License-Identifier: Apache-2.0
// Paths of repository files on a medium. Private to fetch.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aseptic::fetch {

// "metadata/..." or "targets/...": plain names between slashes (nothing empty, nothing that begins with a dot, no back slash,
// no control character), at most 8 of them, each of at most 255 bytes.
bool is_place_path(std::string_view path);

// What percent_encode_path() made out of such a path; nothing when it is not one, or an escape hides a slash.
std::optional<std::string> place_path_of(std::string_view url_path);

}  // namespace aseptic::fetch
