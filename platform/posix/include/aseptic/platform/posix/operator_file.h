// SPDX-License-Identifier: Apache-2.0
// A file that a person names on a command line: any path, symbolic links followed. Not for names from the network or
// from a repository; those go through Storage. Thread contract: no state.
#pragma once

#include <string>

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

// The whole of a regular file of at most bytes_max bytes.
core::Result<core::Bytes> read_operator_file(const std::string& path, std::uint64_t bytes_max);

}  // namespace aseptic::platform
