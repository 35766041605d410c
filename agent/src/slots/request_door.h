// SPDX-License-Identifier: Apache-2.0
// The agent's door to boot: the request area. Every change writes the whole area, flushes, and reads it back from the
// medium; only then the caller may rely on it.
// Boot ignores REQ_CONFIRM and REQ_REVERT without an open trial and says nothing about it (its bytes are counted): this door
// refuses to write them, and finds those that another wrote, with a reason (agent.not_in_trial).
// Security: requests grant nothing by themselves; boot decides, and an arm needs the therapy side's PERMIT as well.
#pragma once

#include <vector>

#include "aseptic/boot/journal/requests.h"
#include "aseptic/core/result.h"
#include "aseptic/platform/block_device.h"
#include "slots/boot_view.h"

namespace aseptic::agent {

class RequestDoor {
 public:
  // `boot`: this start's report; must outlive the door.
  RequestDoor(platform::BlockDevice& area, const BootView& boot) : area_(area), boot_(boot) {}

  // These requests and no others stand in the area afterwards, durable and read back. kRequest when they do not. kNotInTrial,
  // and nothing is written: REQ_CONFIRM or REQ_REVERT in a start that is no trial, or REQ_CONFIRM without boot's token.
  core::Result<void> post(const std::vector<boot::Request>& requests);
  core::Result<void> withdraw_all() { return post({}); }
  // Outside a trial: REQ_CONFIRM and REQ_REVERT are withdrawn if they stand there, the others stay. kNotInTrial when there was one.
  core::Result<void> refuse_strangers();

 private:
  platform::BlockDevice& area_;
  const BootView& boot_;
};

}  // namespace aseptic::agent
