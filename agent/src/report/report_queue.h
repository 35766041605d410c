// SPDX-License-Identifier: Apache-2.0
// Signed reports, queued on the medium until a server took them (LG-05).
//
// DURABILITY: the sequence number is stored before a report with it exists, so no number is ever used twice by this
// device; the same number with other content is a clone alarm at the server.
#pragma once

#include <map>

#include "aseptic/agent/config.h"
#include "aseptic/agent/log_book.h"
#include "aseptic/agent/release_source.h"
#include "aseptic/platform/signer.h"
#include "aseptic/trust/report.h"
#include "slots/boot_view.h"
#include "state/state_store.h"

namespace aseptic::agent {

inline constexpr std::size_t kReportsQueuedMax = 64;  // a year of weekly updates offline; the oldest falls out, logged

struct ReportContent {
  State state = State::kIdle;
  std::string last_error;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>, std::less<>> attacks;  // code -> count, log index
  core::UtcTime time;
  bool time_trusted = false;
  std::string running_version;
  std::vector<trust::ForwardedBootReport> boot_reports;
};

class ReportQueue {
 public:
  ReportQueue(platform::Storage& storage, platform::Signer& key, const Config& config, const BootView& boot)
      : storage_(storage), key_(key), config_(config), boot_(boot) {}

  // Signs and queues one report; `memory` gets the next sequence number, stored through `store` first.
  core::Result<void> add(const ReportContent& content, const LogBook& log, Memory& memory, StateStore& store);
  // Sends queued reports, oldest first, until one fails. Returns how many were taken.
  core::Result<std::size_t> send(ReleaseSource& source, Memory& memory, StateStore& store);
  core::Result<std::size_t> waiting();

 private:
  platform::Storage& storage_;
  platform::Signer& key_;
  const Config& config_;
  const BootView& boot_;
};

}  // namespace aseptic::agent
