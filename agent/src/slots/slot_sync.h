// SPDX-License-Identifier: Apache-2.0
// Brings the other slot up to date: copies the running, confirmed image slot to slot (protocol section 1 rule 7).
#pragma once

#include <functional>

#include "aseptic/core/result.h"
#include "aseptic/payload/apply/read_back.h"
#include "aseptic/platform/block_device.h"

namespace aseptic::agent {

// Measures `source` on the medium first, copies what differs, measures `target`. `breathe` is called between buffers.
// INVARIANT: nothing is written unless the source has just verified; a cut leaves a target that the next call repairs.
core::Result<payload::Measured> copy_slot(platform::BlockDevice& source, platform::BlockDevice& target,
                                          const payload::ImageReference& image, const std::function<void()>& breathe);

}  // namespace aseptic::agent
