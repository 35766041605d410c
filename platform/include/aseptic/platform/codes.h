// SPDX-License-Identifier: Apache-2.0
// Error codes of platform (4xx).
#pragma once

#include <span>

#include "aseptic/core/error.h"

namespace aseptic::platform {

enum class PlatformCode : std::uint16_t {
  kNotFound = 401,
  kStorageIo = 402,
  kStorageFull = 403,
  kStoragePermission = 404,
  kBlockRange = 405,        // access beyond the end of a block device
  kNetConnect = 406,        // refused, unreachable, name not found
  kNetTls = 407,            // handshake or certificate
  kNetProtocol = 408,       // not HTTP, dropped, empty reply
  kNetStalled = 409,        // no progress within the limit
  kNetTooLarge = 410,       // more bytes than the cap
  kNetStatus = 411,         // HTTP status other than expected
  kSignerUnavailable = 412,
  kKeyFormat = 413,
  kBusy = 414,              // a lock is held by another process
  kSandbox = 415,
  kNameRefused = 416,       // a name that would leave its directory
};

const core::ErrorInfo& describe(PlatformCode code);
std::span<const core::ErrorInfo> platform_error_table();

}  // namespace aseptic::platform
