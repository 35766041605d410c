// SPDX-License-Identifier: Apache-2.0
// What the server keeps of devices and their reports. Implementations: store/sqlite (embedded); store/postgres later.
//
// Every row belongs to a tenant from the first schema on. A report is kept as the signed bytes that arrived, so that
// anybody can verify it again.
// Durability: each call is one transaction, durable when it returns. Thread contract: one thread at a time (ReportDesk).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aseptic/core/utc_time.h"
#include "aseptic/trust/report.h"

namespace aseptic::fleet {

// Who a row is about.
struct DeviceName {
  std::string tenant;
  std::string device;
};

struct StoredReport {
  std::uint64_t sequence = 0;
  core::Digest digest;          // of the file
  core::UtcTime received_at;
  bool is_fresh = false;        // answered the server's nonce
  std::string state;
  std::string last_error;
  core::Bytes file;             // signed, as it arrived
};

struct Alarm {
  core::UtcTime raised_at;      // first time
  std::string reason;           // reason code, for example "trust.clone"
  core::Digest file_digest;     // of the report that raised it
  std::uint64_t count = 1;      // the same reason and file again
  std::string sentence;
};

struct AlarmOfDevice {
  DeviceName name;
  Alarm alarm;
};

class ReportStore {
 public:
  virtual ~ReportStore() = default;
  // Zeros when the device has never reported.
  virtual core::Result<trust::LastReport> last_report(const DeviceName& name) = 0;
  // The report and the new "last" in one transaction; the nonce it answered is used up in the same one.
  virtual core::Result<void> accept(const DeviceName& name, const StoredReport& report, const trust::LastReport& last) = 0;
  virtual core::Result<void> raise(const DeviceName& name, const Alarm& alarm) = 0;
  virtual core::Result<void> set_nonce(const DeviceName& name, core::ByteView nonce, core::UtcTime issued_at) = 0;
  // The outstanding nonce issued at or after `not_before`; empty when there is none.
  virtual core::Result<core::Bytes> nonce(const DeviceName& name, core::UtcTime not_before) = 0;

  // Newest first.
  virtual core::Result<std::vector<StoredReport>> reports(const DeviceName& name, std::size_t count_max) = 0;
  virtual core::Result<std::vector<std::string>> devices(const std::string& tenant) = 0;
  virtual core::Result<std::vector<AlarmOfDevice>> alarms(const std::string& tenant, std::size_t count_max) = 0;
};

}  // namespace aseptic::fleet
