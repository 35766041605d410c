// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/uuid.h"

#include <algorithm>

#include "aseptic/core/bytes.h"
#include "aseptic/core/codes.h"

namespace aseptic::core {

Result<Uuid> Uuid::parse(std::string_view text) {
  const Error malformed(CoreCode::kValueFormat, "a uuid is written as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in lower case");
  if (text.size() != 36) return malformed;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-') || (text[i] >= 'A' && text[i] <= 'F')) return malformed;
    if (!dash) digits += text[i];
  }
  const auto bytes = from_hex(digits);
  if (!bytes) return malformed;
  Uuid uuid;
  std::ranges::copy(*bytes, uuid.bytes.begin());
  return uuid;
}

std::string Uuid::text() const {
  std::string out = to_hex(bytes);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) out.insert(at, 1, '-');
  return out;
}

}  // namespace aseptic::core
