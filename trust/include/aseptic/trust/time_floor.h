// SPDX-License-Identifier: Apache-2.0
// The time floor: the earliest time that it can be now, from signed statements only. Format: docs/formats/time_floor.md.
//
// Called by fetch and agent. A device without a battery-backed clock uses it to see expiry; nobody can push it past
// the trusted root's expiry, and it falls when root removes the key that set it, so a poisoned value heals (T-69).
// INVARIANT: the RTC never raises the stored floor.
// Thread contract: value type and pure functions.
#pragma once

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/trusted_metadata.h"

namespace aseptic::trust {

struct TimeFloor {
  core::UtcTime time;
  core::Digest key;  // fingerprint of the timestamp key that set it

  static core::Result<TimeFloor> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  bool operator==(const TimeFloor&) const = default;
};

// What remains of a stored floor under this root: nothing when root no longer lists its key for the timestamp role;
// never beyond the root's expiry.
std::optional<TimeFloor> kept_floor(const std::optional<TimeFloor>& stored, const Root& root);

// The floor after a verified timestamp: `issued` of the trusted timestamp, when that is later than the kept one.
std::optional<TimeFloor> raised_floor(const std::optional<TimeFloor>& stored, const TrustedMetadata& trusted);

// The earliest possible now: max(build time, floor).
core::UtcTime earliest_now(core::UtcTime build_time, const std::optional<TimeFloor>& floor);

// The time at which certificates and metadata are judged: max(RTC, earliest_now).
core::UtcTime judged_time(core::UtcTime rtc, core::UtcTime build_time, const std::optional<TimeFloor>& floor);

}  // namespace aseptic::trust
