// SPDX-License-Identifier: Apache-2.0
// A repository as one file for removable media: docs/formats/bundle.md.
//
// Called by `aseptic repo bundle`. The bundle holds what today's metadata names, so that one repository gives the same bytes whoever
// makes it, wherever and whenever. Nobody signs a bundle: a device judges the files in it as if a server had sent them.
// Durability: written beside, synced and renamed. Thread contract: no shared state.
#pragma once

#include "aseptic/core/uuid.h"
#include "aseptic/publish/repository.h"

namespace aseptic::publish {

struct BundleChannel {
  core::Uuid product;
  std::string name;
};

struct BundleInfo {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  core::Digest sha256;
};

// With a channel: all metadata, and of the targets what a device of that channel reads: channel, release, payload index, payloads, key
// envelopes. Each target is compared with its metadata on the way.
core::Result<BundleInfo> write_bundle(const Path& repository, const std::optional<BundleChannel>& channel, const Path& out);

}  // namespace aseptic::publish
