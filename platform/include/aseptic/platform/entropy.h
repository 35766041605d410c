// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "aseptic/core/bytes.h"

namespace aseptic::platform {

// Unpredictable bytes (getrandom on POSIX; seeded in the simulator).
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(core::ByteSpan out) = 0;
};

}  // namespace aseptic::platform
