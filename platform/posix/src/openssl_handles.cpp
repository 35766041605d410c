// SPDX-License-Identifier: Apache-2.0
#include "openssl_handles.h"

#include <openssl/err.h>

namespace aseptic::platform {

std::string openssl_reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace aseptic::platform
