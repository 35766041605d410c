// SPDX-License-Identifier: Apache-2.0
// A version as people write it, "1.4.12". Ordering is for display; whether software may run is decided by
// release sequence and security epoch, never by this.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "aseptic/core/result.h"

namespace aseptic::core {

struct Version {
  std::uint16_t major_number = 0;
  std::uint16_t minor_number = 0;
  std::uint32_t patch_number = 0;

  static Result<Version> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Version&) const = default;
};

}  // namespace aseptic::core
