// SPDX-License-Identifier: Apache-2.0
// What is in this file? For every format of the product: recognised by its content, decoded by the parser that devices
// use, shown as fields. Inspection proves nothing about origin; `aseptic verify` does.
//
// Called by `aseptic inspect`. Thread contract: reads only.
#pragma once

#include <optional>

#include "aseptic/core/json.h"
#include "aseptic/publish/files.h"

namespace aseptic::publish {

struct Inspection {
  std::string format;     // "boot manifest", "release manifest", ...
  core::JsonValue fields;
  [[nodiscard]] std::string text() const;  // one field a line, indented
};

struct InspectOptions {
  std::optional<core::Bytes> device_secret;  // opens the journal of a device that seals it
};

core::Result<Inspection> inspect_file(const Path& path, const InspectOptions& options);
core::Result<Inspection> inspect_bytes(core::ByteView bytes, const InspectOptions& options);

}  // namespace aseptic::publish
