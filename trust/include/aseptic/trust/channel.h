// SPDX-License-Identifier: Apache-2.0
// The channel: which release a product line runs now, and which releases are withdrawn. Signed by the release role.
// Format: docs/formats/channel.md. Target path: channels/<product uuid>/<channel>.json.
// Thread contract: value type.
#pragma once

#include "aseptic/trust/statement.h"

namespace aseptic::trust {

struct Withdrawal {
  core::Digest release;  // digest of release.json
  std::uint64_t sequence = 0;
  std::string reason;
};

struct Channel {
  std::vector<std::string> critical;
  core::Uuid product;
  std::string name;
  std::uint64_t revision = 1;  // grows with each edition: of two withdrawn lists the newer wins
  std::string release_id;
  core::Digest release;        // digest of release.json
  std::uint64_t sequence = 0;
  std::uint32_t attempt = 1;   // a higher one lets a quarantined image be tried again
  std::vector<Withdrawal> withdrawn;
  Unrecognized unrecognized;

  static core::Result<Channel> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] std::string target_path() const;
  [[nodiscard]] std::string release_path() const;  // of the selected release.json
};

std::string channel_target_path(const core::Uuid& product, std::string_view channel);
std::string release_target_path(std::string_view release_id);

}  // namespace aseptic::trust
