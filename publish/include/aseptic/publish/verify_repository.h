// SPDX-License-Identifier: Apache-2.0
// A repository as a device would believe it, starting from a root that the caller trusts: the whole client workflow,
// then every channel, the release it selects, its payload index and payload headers.
//
// Called by `aseptic verify` and before a repository is handed to others. Uses trust's client code, not publish's own.
// Thread contract: reads only.
#pragma once

#include "aseptic/publish/files.h"
#include "aseptic/core/utc_time.h"

namespace aseptic::publish {

struct VerifiedChannel {
  std::string path;
  std::string release_id;
  std::uint64_t sequence = 0;
  std::size_t payloads = 0;
};

struct RepositoryVerdict {
  std::uint64_t root_version = 0, timestamp_version = 0, snapshot_version = 0, targets_version = 0;
  std::vector<VerifiedChannel> channels;
};

core::Result<RepositoryVerdict> verify_repository(const Path& folder, core::ByteView trusted_root, core::UtcTime now);

}  // namespace aseptic::publish
