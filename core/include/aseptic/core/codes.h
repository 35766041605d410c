// SPDX-License-Identifier: Apache-2.0
// Error codes of core (1xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::core {

enum class CoreCode : std::uint16_t {
  kEncoding = 101,        // not valid hexadecimal or base64
  kJsonSyntax = 102,      // not strict JSON
  kJsonLimit = 103,       // too large or too deep
  kJsonShape = 104,       // a field is missing or has the wrong type
  kKeyFormat = 105,       // a public key cannot be used
  kKeyAlgorithm = 106,    // algorithm or parameter is not on the allow-list
  kSignatureInvalid = 107,
  kTimeFormat = 108,
  kValueFormat = 109,     // a uuid, version or identifier is not well formed
  kCryptoBackend = 110,
};

const ErrorInfo& describe(CoreCode code);
std::span<const ErrorInfo> core_error_table();

}  // namespace aseptic::core
