// SPDX-License-Identifier: Apache-2.0
// Key envelope: the content keys of one release's encrypted payloads, each wrapped for one group of devices. Group membership:
// the group's own key, wrapped for one device. Format and binding only; wrapping and unwrapping happen where private keys are.
// Formats: docs/formats/key_envelope.md. Thread contract: value types.
#pragma once

#include "aseptic/trust/statement.h"

namespace aseptic::trust {

struct WrappedContentKey {
  core::Digest payload;   // digest of the payload file that the key opens
  core::Bytes ephemeral;  // 64 bytes, P-256 point
  core::Bytes wrapped;    // 40 bytes
};

struct KeyEnvelope {
  std::vector<std::string> critical;
  core::Digest release;
  std::string group;
  std::uint64_t group_epoch = 1;
  std::string algorithm;  // kEnvelopeAlgorithm
  std::vector<WrappedContentKey> keys;
  Unrecognized unrecognized;

  static core::Result<KeyEnvelope> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] std::string target_path() const;
  [[nodiscard]] const WrappedContentKey* find(const core::Digest& payload) const;
  // HKDF info: binds a key to this release, group, epoch and payload.
  [[nodiscard]] core::Bytes hkdf_info(const core::Digest& payload) const;
};

struct GroupMembership {
  std::vector<std::string> critical;
  std::string device;
  std::string group;
  std::uint64_t group_epoch = 1;
  std::string algorithm;
  core::Bytes ephemeral;
  core::Bytes wrapped;  // the group's private key
  Unrecognized unrecognized;

  static core::Result<GroupMembership> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] core::Bytes hkdf_info() const;
};

inline constexpr std::string_view kEnvelopeAlgorithm = "p256-hkdf-sha256-aes256kw";

std::string envelope_target_path(const core::Digest& release, std::string_view group);

}  // namespace aseptic::trust
