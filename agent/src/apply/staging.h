// SPDX-License-Identifier: Apache-2.0
// Fills the inactive slot with the offered image: streams, verifies, writes, reads back, measures.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "aseptic/agent/release_source.h"
#include "aseptic/payload/apply/installer.h"
#include "aseptic/payload/apply/read_back.h"
#include "offer/lookout.h"

namespace aseptic::agent {

struct StagingHooks {
  std::function<core::Result<void>(std::uint64_t chunks_durable)> keep;  // called when more chunks are durable
  std::function<void()> breathe;
  std::function<void(std::uint64_t at, std::uint64_t size)> progress;  // in the payload's file
  // A way to the image failed, and the next one is taken (or the same one without ranges, or from another mirror).
  std::function<void(const core::Error&, std::string_view way)> fell_back;
  std::function<core::Result<core::SecretKey>(const core::Digest& release, const core::Digest& payload)> content_key;
};

struct Staged {
  payload::Measured measured;
  std::string way;  // "delta payload" or "full payload"
  payload::InstallProgress progress;
  std::uint64_t bytes_fetched = 0;  // of the payload that succeeded, this time
  std::uint64_t payload_size = 0;
};

// Tries the offer's payloads in their order: delta from the running image; then the full one, of which those chunks are not
// fetched that either slot has in the same place. What a failed way has written serves the next one where the digests agree. `running` is
// the slot whose image has just been measured; nothing when the device runs from no slot. Ranges save bytes where a server has
// them, and nothing depends on them.
// The result says that the medium holds exactly the image that the release manifest names (VF-03).
core::Result<Staged> stage_image(const Offer& offer, ReleaseSource& source, platform::BlockDevice& slot,
                                 const payload::BaseSlot& running, std::uint64_t chunks_hint, const StagingHooks& hooks);

}  // namespace aseptic::agent
