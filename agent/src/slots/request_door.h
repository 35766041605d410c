// SPDX-License-Identifier: Apache-2.0
// The agent's door to boot: the request area. Every change writes the whole area, flushes, and reads it back from the
// medium; only then the caller may rely on it.
// Security: requests grant nothing by themselves; boot decides, and an arm needs the therapy side's PERMIT as well.
#pragma once

#include <vector>

#include "aseptic/boot/journal/requests.h"
#include "aseptic/core/result.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::agent {

class RequestDoor {
 public:
  explicit RequestDoor(platform::BlockDevice& area) : area_(area) {}

  // These requests and no others stand in the area afterwards, durable and read back. kRequest when they do not.
  core::Result<void> post(const std::vector<boot::Request>& requests);
  core::Result<void> withdraw_all() { return post({}); }

 private:
  platform::BlockDevice& area_;
};

}  // namespace aseptic::agent
