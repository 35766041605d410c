// SPDX-License-Identifier: Apache-2.0
// The device log as the agent writes it: hash-chained records in bounded segments (docs/formats/device_log.md).
//
// Who: the apply process, one thread. Readers use device_log/verify.h.
// Contract: note() never blocks an update and never fails the caller: when the medium is full it spends the reserve,
// then the oldest segment (sealed summary first), and if nothing can be stored it counts the loss and says so in the
// next record that can. A record is durable when note() returns, unless lost() grew.
// DURABILITY: append is durable on return; a torn last line is cut off at open, it was never counted in a head.
#pragma once

#include <functional>
#include <memory>

#include "aseptic/device_log/record.h"
#include "aseptic/device_log/verify.h"
#include "aseptic/platform/clock.h"
#include "aseptic/platform/signer.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

struct LogLimits {
  std::uint64_t segment_bytes = 64u << 10;  // small enough to read at once
  std::size_t segments_max = 16;            // 1 MiB in all: a year of weekly updates
};

struct LogIdentity {
  std::string device_id;
  std::uint32_t boot_count = 0;
};

// What a caller wants to say; the book adds number, chain, times.
struct LogEvent {
  device_log::Outcome outcome = device_log::Outcome::kDone;
  std::string reason;
  std::string text;
  std::string actor = "agent";
  std::optional<device_log::ImageName> from;
  std::optional<device_log::ImageName> to;
};

class LogBook {
 public:
  // Reads what is there, repairs a torn tail, verifies the chain. A log that does not verify is kept aside
  // ("log/rejected") and a new one begins with a record that says so: `tampered()` tells the reporter.
  static core::Result<std::unique_ptr<LogBook>> open(platform::Storage& storage, platform::Clock& clock,
                                                     platform::Signer& device_key, LogIdentity identity,
                                                     std::optional<device_log::LogHead> acknowledged,
                                                     LogLimits limits = {});
  virtual ~LogBook() = default;

  // Wall times before this are marked untrusted.
  virtual void set_time_floor(core::UtcTime floor) = 0;
  virtual void note(const LogEvent& event) = 0;
  void refuse(const core::Error& error, std::string_view what);  // outcome refused, reason = the error's name

  // Signs {count, head}. Called after each state change; reports carry the head.
  virtual void checkpoint() = 0;

  [[nodiscard]] virtual device_log::LogHead head() const = 0;
  [[nodiscard]] virtual std::uint64_t lost() const = 0;
  [[nodiscard]] virtual const std::optional<core::Error>& tampered() const = 0;
};

// The log's segments, oldest first, for `log`, reports and tests.
core::Result<std::vector<device_log::Segment>> read_log_segments(platform::Storage& storage);

}  // namespace aseptic::agent
