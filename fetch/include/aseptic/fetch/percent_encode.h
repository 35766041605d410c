// SPDX-License-Identifier: Apache-2.0
// Role and target names as URL parts and file names. Encoding is injective: two names never share a file.
#pragma once

#include <string>
#include <string_view>

#include "aseptic/core/result.h"

namespace aseptic::fetch {

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX, so '/' can name neither a directory nor a URL segment (T-13).
std::string percent_encode(std::string_view name);

// A target path as a URL path: '/' stays, every other reserved character is encoded.
std::string percent_encode_path(std::string_view path);

// Refuses empty names, a leading '/', "." and ".." segments, back slashes, and control characters.
core::Result<void> check_target_name(std::string_view path);

}  // namespace aseptic::fetch
