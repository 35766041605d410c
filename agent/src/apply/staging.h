// SPDX-License-Identifier: Apache-2.0
// Fills the inactive slot with the offered image: streams, verifies, writes, reads back, measures.
#pragma once

#include <functional>

#include "aseptic/agent/release_source.h"
#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "offer/lookout.h"

namespace aseptic::agent {

struct StagingHooks {
  std::function<core::Result<void>(std::uint64_t chunks_durable)> keep;  // called when more chunks are durable
  std::function<void()> breathe;
};

// The result says that the medium holds exactly the image that the release manifest names (VF-03).
core::Result<payload::Measured> stage_image(const Offer& offer, ReleaseSource& source, platform::BlockDevice& slot,
                                            std::uint64_t chunks_hint, const StagingHooks& hooks);

}  // namespace aseptic::agent
