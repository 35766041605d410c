// SPDX-License-Identifier: Apache-2.0
// The recognisers behind inspect: each returns nothing when the bytes are not of its kind, an error when they claim to
// be and are damaged.
#pragma once

#include <optional>

#include "aseptic/publish/inspect.h"

namespace aseptic::publish {

using Recognised = core::Result<std::optional<Inspection>>;

Recognised inspect_boot_format(core::ByteView bytes, const InspectOptions& options);  // magic numbers and cells
Recognised inspect_json_format(core::ByteView bytes);                                  // statements, TUF, signing files
Recognised inspect_text_format(core::ByteView bytes);                                  // PEM, device log

}  // namespace aseptic::publish
