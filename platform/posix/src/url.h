// SPDX-License-Identifier: Apache-2.0
// An http or https address in its parts. Private to platform/posix.
#pragma once

#include <string>

#include "aseptic/core/result.h"

namespace aseptic::platform {

struct Url {
  enum class Scheme : std::uint8_t { kHttp, kHttps };
  Scheme scheme = Scheme::kHttp;
  std::string host;    // without brackets
  std::string port;    // digits
  std::string target;  // path and query, starts with '/'

  [[nodiscard]] std::string authority() const;  // as the Host header writes it
  [[nodiscard]] std::string origin() const;     // scheme, host and port: what a kept connection is good for
};

// Refuses user names, fragments, white space and control characters.
core::Result<Url> parse_url(std::string_view text);

}  // namespace aseptic::platform
