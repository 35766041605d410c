// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/time_floor.h"

#include <algorithm>

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-time-floor-1";

bool lists_timestamp_key(const Root& root, const core::Digest& fingerprint) {
  const RoleAuthority authority = root.authority(kTimestampRole);
  return std::ranges::any_of(authority.role_keys->keyids, [&](const KeyId& id) {
    const auto key = root.keys.find(id);
    return key != root.keys.end() && key->second.usable && key->second.usable->fingerprint() == fingerprint;
  });
}

}  // namespace

core::Result<TimeFloor> TimeFloor::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kTextBytesMax, "time floor"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "time floor", kFormat));
  TimeFloor floor;
  ASEPTIC_TRY(floor.time, reader.time("time"));
  ASEPTIC_TRY(floor.key, reader.digest("key"));
  return floor;
}

std::string TimeFloor::encode() const {
  return core::canonical_json(
      core::JsonObject{{"format", kFormat}, {"time", core::format_utc(time)}, {"key", key.hex()}});
}

std::optional<TimeFloor> kept_floor(const std::optional<TimeFloor>& stored, const Root& root) {
  // SECURITY(T-69): a key that root removed no longer says what time it is.
  if (!stored || !lists_timestamp_key(root, stored->key)) return std::nullopt;
  return TimeFloor{.time = std::min(stored->time, root.expires), .key = stored->key};
}

std::optional<TimeFloor> raised_floor(const std::optional<TimeFloor>& stored, const TrustedMetadata& trusted) {
  const auto kept = kept_floor(stored, trusted.root());
  const auto signer = trusted.timestamp_key();
  if (!signer || !trusted.timestamp()->issued) return kept;
  // SECURITY(T-69): whatever a stolen timestamp key claims, root's expiry is the end of it.
  const core::UtcTime issued = std::min(*trusted.timestamp()->issued, trusted.root().expires);
  if (kept && kept->time >= issued) return kept;
  return TimeFloor{.time = issued, .key = *signer};
}

core::UtcTime earliest_now(core::UtcTime build_time, const std::optional<TimeFloor>& floor) {
  return floor ? std::max(build_time, floor->time) : build_time;
}

core::UtcTime judged_time(core::UtcTime rtc, core::UtcTime build_time, const std::optional<TimeFloor>& floor) {
  return std::max(rtc, earliest_now(build_time, floor));
}

}  // namespace aseptic::trust
