// SPDX-License-Identifier: Apache-2.0
// Content keys of encrypted payloads, for this device: its own key opens its group memberships, a group's key opens envelopes.
//
// Who: apply, which alone holds the device's key (no network, no swap, no core dump). Files below the agent's folder:
// keys/encryption.pem, and groups/<group>.json for each membership; without the key there is none of this.
// Security: envelopes come through the verified repository, and still prove nothing by themselves: the payload's header, named
// by the signed index, commits to the key.
#pragma once

#include <optional>
#include <string>

#include "aseptic/agent/release_source.h"
#include "aseptic/platform/posix/agreement_key.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent {

class ContentKeys {
 public:
  // Nothing when the device has no encryption key.
  static core::Result<std::optional<ContentKeys>> open(const std::string& key_file, std::string device_id);

  core::Result<core::SecretKey> find(platform::Storage& state, ReleaseSource& source, const core::Digest& release,
                                     const core::Digest& payload) const;

 private:
  ContentKeys(platform::AgreementKey key, std::string device_id) : key_(std::move(key)), device_id_(std::move(device_id)) {}
  core::Result<core::SecretKey> open_with(core::ByteView membership, ReleaseSource& source, const core::Digest& release,
                                          const core::Digest& payload) const;

  platform::AgreementKey key_;
  std::string device_id_;
};

}  // namespace aseptic::agent
