// SPDX-License-Identifier: Apache-2.0
// Bytes and their text forms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aseptic/core/result.h"

namespace aseptic::core {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes);                    // lower case
Result<Bytes> from_hex(std::string_view text);         // lower or upper case, even length
std::string to_base64(ByteView bytes);                 // RFC 4648 section 4, padded
Result<Bytes> from_base64(std::string_view text);      // strict: padded, no white space

// Compares in a time that does not depend on where the bytes differ; for secrets and authenticators.
bool ct_equal(ByteView a, ByteView b);

}  // namespace aseptic::core
