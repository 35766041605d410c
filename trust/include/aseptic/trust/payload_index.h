// SPDX-License-Identifier: Apache-2.0
// The payload index: ways to reach the images that a release manifest fixed. Signed by a delegated online role; it can
// name no new image, so a stolen key of this role releases nothing.
// Format: docs/formats/payload_index.md. Target path: payload-index/<release digest>.json.
// Thread contract: value type.
#pragma once

#include "aseptic/trust/release_manifest.h"

namespace aseptic::trust {

inline constexpr std::string_view kPayloadIndexRole = "payload-index";

struct PayloadEntry {
  std::optional<core::Digest> base;    // image digest of the precursor; nothing for a full payload
  std::vector<std::string> encodings;  // chain as stored, for example {"zstd"} or {"delta", "zstd"}
  std::vector<std::uint32_t> codecs;   // codec ids of the payload container, one for each encoding
  std::uint64_t image_size = 0;        // bytes written to the slot
  std::uint64_t payload_size = 0;      // bytes of the payload file
  core::Digest header_digest;          // of the payload's header and chunk table
  std::optional<core::Digest> key_id;  // of the content key; nothing: not encrypted
  core::Digest payload_digest;         // of the file: its name is payloads/<hex>.payload
  Unrecognized unrecognized;

  [[nodiscard]] std::string target_path() const;
};

struct ImagePayloads {
  core::Digest image_digest;
  std::vector<PayloadEntry> payloads;
};

struct PayloadIndex {
  std::vector<std::string> critical;
  core::Digest release;  // digest of release.json
  std::vector<ImagePayloads> images;
  Unrecognized unrecognized;

  static core::Result<PayloadIndex> parse(core::ByteView bytes);
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] std::string target_path() const;
  [[nodiscard]] const ImagePayloads* find(const core::Digest& image_digest) const;
};

std::string payload_index_target_path(const core::Digest& release);

// The index speaks about this release and about nothing that the release does not fix (image digest and size).
core::Result<void> check_index(const PayloadIndex& index, const ReleaseManifest& release, const core::Digest& release_digest);

}  // namespace aseptic::trust
