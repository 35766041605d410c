// SPDX-License-Identifier: Apache-2.0
// Releases from images: the release manifest, its payloads and payload index, channels and withdrawals.
//
// Called by `aseptic release` and `aseptic channel`. A release is made in three steps by different hands: create (build
// system: measures images, makes payloads, writes the edition), sign (release people), publish (repository host: the
// release document and the payload index go out together).
// Security: every image must verify against a builder key before it enters a release; what is written is read back by
// the parser that devices use. Thread contract: one writer per repository.
#pragma once

#include <functional>

#include "aseptic/core/sealing.h"
#include "aseptic/platform/entropy.h"
#include "aseptic/publish/editions.h"
#include "aseptic/publish/image.h"
#include "aseptic/publish/release_description.h"
#include "aseptic/trust/channel.h"
#include "aseptic/trust/payload_index.h"

namespace aseptic::publish {

struct ReleaseImages {
  std::map<std::string, Path> by_component;      // component name -> signed image
  std::vector<ImageKeys> keys;                   // pairs that the images must verify against
};

// A group of devices that may decrypt. `wrap` holds the group's public key.
struct WrappedFor {
  core::Bytes ephemeral, wrapped;
};
struct EncryptionGroup {
  std::string name;
  std::uint64_t epoch = 1;
  std::function<core::Result<WrappedFor>(core::ByteView info, const core::SecretKey& key)> wrap;
};

struct PayloadChoices {
  int zstd_level = 9;
  unsigned workers = 2;
  unsigned delta_releases = 3;    // a delta from each of the last so many published releases
  std::vector<Path> delta_bases;  // and from these images
  // For a release that requires encryption: at least one group, and where fresh keys come from.
  std::vector<EncryptionGroup> groups;
  platform::Entropy* entropy = nullptr;
};

// One payload of a release, for the table of sizes.
struct PayloadSize {
  std::string component;
  std::string from;         // release id or image file that a delta starts from; empty for the full payload
  std::uint64_t bytes = 0;  // 0 when it was not made
  std::string note;         // why not
};

// Targets that the payload-index role will list when the release is published.
struct PreparedPayloads {
  std::vector<TargetEntry> targets;
  [[nodiscard]] std::string file_text() const;
  static core::Result<PreparedPayloads> read(const Path& path);
};

struct CreatedRelease {
  trust::ReleaseManifest manifest;
  core::Digest digest;  // of release.json
  PreparedPayloads payloads;
  std::vector<PayloadSize> sizes;
};

// Adds the release to the edition; payload files and index go into the repository, where nobody sees them yet.
core::Result<CreatedRelease> create_release(const Repository& repository, SigningFile& edition, const ReleaseDescription& description,
                                            const ReleaseImages& images, const PayloadChoices& choices);

struct AddedDeltas {
  PreparedPayloads payloads;
  std::vector<PayloadSize> sizes;
};

// Deltas to a release that is published already: files and a new payload index, to be signed by the payload-index role alone.
// The release manifest is not touched. `releases`: ids; empty: the last choices.delta_releases ones. A delta that the index
// has already is left out.
core::Result<AddedDeltas> add_deltas(const Repository& repository, std::string_view release_id,
                                     const std::vector<std::string>& releases, const PayloadChoices& choices);

// The online edition that lists the payloads, signed.
core::Result<Edition> payload_edition(const Repository& repository, const std::vector<Edition>& others, const PreparedPayloads& payloads,
                                      std::vector<OnlineSigner>& signers, core::UtcTime expires);

struct ChannelChange {
  core::Uuid product;
  std::string channel;
  std::string release_id;
  std::optional<std::uint32_t> attempt;  // nothing: 1 for another release, unchanged for the same one
};
core::Result<trust::Channel> set_channel(const Repository& repository, SigningFile& edition, const ChannelChange& change);

struct WithdrawalOrder {
  core::Uuid product;
  std::string channel;
  std::string release_id;
  std::string reason;
};
core::Result<trust::Channel> withdraw_release(const Repository& repository, SigningFile& edition, const WithdrawalOrder& order);

}  // namespace aseptic::publish
