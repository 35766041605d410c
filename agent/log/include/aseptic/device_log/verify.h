// SPDX-License-Identifier: Apache-2.0
// Verifies a device log: LG-02. Called by the agent at its start, by `aseptic log verify`, by servers.
//
// Detected: an edited, removed, inserted or reordered record; a cut tail and a fork, when the caller gives the head
// that was last acknowledged; a checkpoint or seal that another key signed. Not detected without an acknowledged
// head: records after the last checkpoint that somebody with write access to the medium removed or rewrote; their
// number is in LogSummary::unsigned_tail, so a reader knows how much rests on the medium alone.
// Pure function over the segments' bytes.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "aseptic/core/public_key.h"
#include "aseptic/device_log/record.h"

namespace aseptic::device_log {

struct Segment {
  std::string name;
  core::Bytes bytes;
};

// {count, head}: as reports, checkpoints and acknowledgements carry it.
struct LogHead {
  std::uint64_t count = 0;
  core::Digest head;
  bool operator==(const LogHead&) const = default;
};

// A power cut may leave the beginning of a line at the end of the newest segment. It was never acknowledged.
enum class TornTail : std::uint8_t { kRefuse, kTolerate };

struct VerifyOptions {
  const core::PublicKey* device_key = nullptr;  // null: signatures are not checked, and the summary says so
  std::string device_id;                        // empty: not compared
  std::optional<LogHead> acknowledged;
  TornTail torn_tail = TornTail::kRefuse;
};

struct LogSummary {
  LogHead head;
  std::uint64_t first = 0;             // number of the oldest record at hand
  std::uint64_t checkpoints = 0;
  std::uint64_t unsigned_tail = 0;     // records after the last checkpoint
  std::uint64_t torn_bytes = 0;
  bool signatures_checked = false;
};

using RecordVisitor = std::function<void(const Record&)>;

// `segments` in the order of their names (oldest first).
core::Result<LogSummary> verify_log(std::span<const Segment> segments, const VerifyOptions& options,
                                    const RecordVisitor& visit = {});

}  // namespace aseptic::device_log
