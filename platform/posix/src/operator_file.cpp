// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/operator_file.h"

#include <fcntl.h>

#include "posix_files.h"

namespace aseptic::platform {

core::Result<core::Bytes> read_operator_file(const std::string& path, std::uint64_t bytes_max) {
  // O_NONBLOCK: a fifo is refused by read_regular() instead of waited for.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return errno_error("read", path);
  return read_regular(file.get(), bytes_max, path);
}

}  // namespace aseptic::platform
