// SPDX-License-Identifier: Apache-2.0
// The built-in deny list: public keys whose private halves anybody can look up. Called by role admission and lint.
#pragma once

#include <optional>
#include <string_view>

#include "aseptic/core/public_key.h"

namespace aseptic::publish {

// Where the private half of `key` is published, if it is.
std::optional<std::string_view> publicly_known_key(const core::PublicKey& key);

struct PubliclyKnownKey {
  std::string_view raw_hex;  // Ed25519: 32 bytes; P-256: x || y
  std::string_view source;
};
std::span<const PubliclyKnownKey> publicly_known_keys();

}  // namespace aseptic::publish
