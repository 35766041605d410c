// SPDX-License-Identifier: Apache-2.0
// Product, vendor and class identities (RFC 9562 textual form, lower case). Matching is by uuid, never by name (MF-03).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "aseptic/core/result.h"

namespace aseptic::core {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  static Result<Uuid> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Uuid&) const = default;
};

}  // namespace aseptic::core
