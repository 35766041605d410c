// SPDX-License-Identifier: Apache-2.0
// An error that the other process saw, by number and sentence. Unknown numbers become kMessage.
#pragma once

#include "aseptic/core/error.h"

namespace aseptic::agent {

core::Error error_from_number(std::uint16_t number, std::string sentence);

}  // namespace aseptic::agent
