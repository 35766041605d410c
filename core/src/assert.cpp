// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/assert.h"

#include <cstdio>
#include <cstdlib>

namespace aseptic::core {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace aseptic::core
