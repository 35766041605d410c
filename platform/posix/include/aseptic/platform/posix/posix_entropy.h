// SPDX-License-Identifier: Apache-2.0
// Unpredictable bytes from getrandom(2). It waits until the kernel's generator is seeded and cannot fail after that;
// a kernel that refuses it stops the process. Thread contract: no state; may be shared.
#pragma once

#include "aseptic/platform/entropy.h"

namespace aseptic::platform {

class PosixEntropy : public Entropy {
 public:
  void fill(core::ByteSpan out) override;
};

}  // namespace aseptic::platform
