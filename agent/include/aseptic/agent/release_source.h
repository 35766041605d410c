// SPDX-License-Identifier: Apache-2.0
// Where verified statements and payload bytes come from, as the engine sees it.
//
// Implementations: apply's own TUF client over the acquire process (production), over an in-memory repository (tests).
// Whatever the way, verification happens on this side: find() answers only with what the trusted roles say, read()
// only with bytes that are exactly the target, and stream() with raw bytes that the payload installer checks.
// Thread contract: one thread; calls may take long, breathe() of the engine keeps sockets served.
#pragma once

#include "aseptic/platform/net.h"
#include "aseptic/trust/target_search.h"

namespace aseptic::agent {

class ReleaseSource {
 public:
  virtual ~ReleaseSource() = default;
  virtual core::Result<void> refresh() = 0;  // the whole metadata workflow
  virtual core::Result<core::Verified<trust::TargetInfo>> find(std::string_view target_path) = 0;
  virtual core::Result<core::Bytes> read(const core::Verified<trust::TargetInfo>& target, std::size_t bytes_max) = 0;
  // Bytes [first, end of target), in order. An error of the sink ends it with that error; where the sink refused the bytes
  // (reject), the next call begins at another mirror.
  virtual core::Result<void> stream(const core::Verified<trust::TargetInfo>& target, std::uint64_t first,
                                    const platform::BodySink& sink) = 0;
  virtual core::Result<void> post_report(core::ByteView report) = 0;

  [[nodiscard]] virtual std::size_t mirrors() const = 0;  // how many places are asked, at least 1
  [[nodiscard]] virtual std::uint64_t root_version() const = 0;
  [[nodiscard]] virtual core::UtcTime judged_now() = 0;       // max(RTC, time floor)
  [[nodiscard]] virtual core::UtcTime time_floor() const = 0; // 0: none yet
};

}  // namespace aseptic::agent
