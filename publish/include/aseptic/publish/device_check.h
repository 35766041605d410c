// SPDX-License-Identifier: Apache-2.0
// What a device's boot says about it, read out and judged: life cycle, debug port, slots, floor, counters (RB-07).
//
// Called by `aseptic device check`. Input is the mailbox's 1,024 bytes, wherever they were read from.
// Security: without the certified key of the device's boot the bytes prove nothing, and the result says so. An open debug port
// in production is a failure whatever else is true. Pure: no I/O. Thread contract: value types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/core/json.h"
#include "aseptic/core/result.h"
#include "aseptic/trust/boot_key.h"

namespace aseptic::publish {

enum class Severity : std::uint8_t { kNote, kWarning, kFailure };

struct Finding {
  Severity severity = Severity::kNote;
  std::string name;      // stable, for scripts: "debug_open_in_production"
  std::string sentence;
};

struct DeviceCheck {
  core::JsonObject facts;
  std::vector<Finding> findings;
  [[nodiscard]] bool has_failed() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] core::JsonObject json() const;
};

struct CheckOptions {
  std::optional<trust::BootKey> boot_key;    // none: the signature is not checked, and the result says so
  std::optional<core::Bytes> challenge;      // the 32 bytes that REQ_CHALLENGE carried: another answer is a failure
};

// An error: not a boot report, or one that `boot_key` does not vouch for.
core::Result<DeviceCheck> check_device(core::ByteView report, const CheckOptions& options = {});

}  // namespace aseptic::publish
