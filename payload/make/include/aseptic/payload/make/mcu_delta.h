// SPDX-License-Identifier: Apache-2.0
// Makes the delta that a microcontroller applies from its flash (docs/formats/delta.md, profile 2). Called by the firmware
// publisher's tools and tests. The delta is applied by the device's code and compared before it is returned.
#pragma once

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"

namespace aseptic::payload {

core::Result<core::Bytes> make_mcu_delta(core::ByteView old_image, core::ByteView new_image);

}  // namespace aseptic::payload
