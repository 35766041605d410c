// SPDX-License-Identifier: Apache-2.0
// ReportStore in one SQLite file (write-ahead log, synchronous=FULL). Format: docs/formats/fleet_store.md.
#pragma once

#include <memory>

#include "aseptic/fleet/report_store.h"

namespace aseptic::fleet {

// Creates the file (mode 0600) and its schema when absent; refuses a file of another schema version.
core::Result<std::unique_ptr<ReportStore>> open_sqlite_report_store(const std::string& path);

}  // namespace aseptic::fleet
