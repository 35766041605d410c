// SPDX-License-Identifier: Apache-2.0
// ReleaseSource over the TUF client: apply's own trusted metadata, verified from raw bytes whoever fetched them.
//
// Who: apply builds it over the pipe to acquire, tests over an in-memory repository. Files kept in `storage`:
// "metadata/*.json" (as fetch keeps them) and "time_floor.json".
// INVARIANT: the time floor comes only from verified timestamps (protocol section 5); the RTC never raises it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aseptic/agent/release_source.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

struct RepositorySourceOptions {
  std::vector<std::string> urls;   // base addresses, in order of preference: metadata/ and targets/ are below each
  std::size_t media = 0;           // so many of the last of them (fetch::UpdaterOptions)
  std::string report_url;
  core::Bytes factory_root;        // provisioned
  core::Bytes authority_policy;    // signed by root; empty: the image repository alone
  core::UtcTime build_time;
  std::uint64_t rate_min_bytes_per_s = 0;
  std::function<core::Result<void>()> before_refresh;      // asks acquire to verify first
  std::function<void(const core::Error&)> mirror_failed;   // where another one is asked
};

// `storage` and `http` outlive the source.
core::Result<std::unique_ptr<ReleaseSource>> open_repository_source(platform::Storage& storage,
                                                                    platform::HttpClient& http, platform::Clock& clock,
                                                                    RepositorySourceOptions options);

}  // namespace aseptic::agent
