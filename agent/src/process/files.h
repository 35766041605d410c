// SPDX-License-Identifier: Apache-2.0
// Small provisioned files, read once before the sandbox closes.
#pragma once

#include <string>

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"

namespace aseptic::agent {

core::Result<std::string> read_text_file(const std::string& path);  // at most 1 MiB
inline core::Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace aseptic::agent
