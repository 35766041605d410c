// SPDX-License-Identifier: Apache-2.0
// The way back of a set whose component failed after the commit point (SET_REVERT, protocol section 5; ADR 15).
//
// Boot has a rule for it already: a confirmed image that does not verify any more is followed by the previous confirmed one
// (AUTO_REVERT, rule 4), recorded and reported. So the agent takes the confirmed image's manifest away and asks for a reset.
// Who: the engine, in SET_REVERTING. INVARIANT: take_manifest_away() only after check_way_back() of this very moment.
// DURABILITY: a cut in between leaves either image whole: boot then starts the one that verifies.
#pragma once

#include "aseptic/platform/block_device.h"
#include "slots/boot_view.h"

namespace aseptic::agent {

// The slot holds, on the medium, the image that boot names as the previous one: every byte; the manifest area with its signatures
// equal to `from_area`, measured when boot had just started it; at the floor; under keys that are not revoked. kLastImage when not.
core::Result<void> check_way_back(platform::BlockDevice& previous, platform::BlockDevice& running, const BootView& boot,
                                  const core::Digest& from_area);

// Manifest and signatures become zero, durable, read back. Nothing else of the slot changes.
core::Result<void> take_manifest_away(platform::BlockDevice& slot);
core::Result<bool> is_manifest_away(platform::BlockDevice& slot);

}  // namespace aseptic::agent
