// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_entropy.h"

#include <sys/random.h>

#include <cerrno>

#include "aseptic/core/assert.h"

namespace aseptic::platform {

void PosixEntropy::fill(core::ByteSpan out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    ASEPTIC_ASSERT(count > 0);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace aseptic::platform
