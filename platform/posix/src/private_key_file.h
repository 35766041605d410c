// SPDX-License-Identifier: Apache-2.0
// Reads one unencrypted PEM private key that only its owner may access. Private to platform/posix.
#pragma once

#include "aseptic/core/result.h"
#include "openssl_handles.h"

namespace aseptic::platform {

core::Result<KeyHandle> read_private_key(int directory, const std::string& name);

}  // namespace aseptic::platform
