// SPDX-License-Identifier: Apache-2.0
// ASEPTIC_ASSERT: we have a proof. On in release builds: the process stops and its supervisor takes the safe way.
#pragma once

namespace aseptic::core {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}

#define ASEPTIC_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::aseptic::core::assertion_failed(#condition, __FILE__, __LINE__))
