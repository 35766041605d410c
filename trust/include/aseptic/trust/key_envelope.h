// SPDX-License-Identifier: Apache-2.0
// Key envelope: the content key of one release's payloads, wrapped for one group of devices. Format and binding only;
// wrapping and unwrapping live where private keys live. Format: docs/formats/key_envelope.md.
// Thread contract: value type.
#pragma once

#include "aseptic/trust/statement.h"

namespace aseptic::trust {

struct KeyEnvelope {
  std::vector<std::string> critical;
  core::Digest release;
  std::string group;
  std::uint64_t group_epoch = 1;
  std::string algorithm;                 // "p256-hkdf-sha256-aes256gcm"
  core::Bytes ephemeral;                 // 64 bytes, P-256 point
  core::Bytes wrapped;                   // content key and tag, 48 bytes
  std::vector<core::Digest> payloads;    // payload digests that the key opens
  Unrecognized unrecognized;

  static core::Result<KeyEnvelope> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  // HKDF info: binds the key to this release, group and payloads.
  [[nodiscard]] core::Bytes hkdf_info() const;
};

}  // namespace aseptic::trust
