// SPDX-License-Identifier: Apache-2.0
// From verified TUF targets to verified statements, and from those to the digests that may be written to a slot.
//
// The only maker of Verified<Channel>, Verified<ReleaseManifest> and Verified<PayloadIndex>, and of
// AuthenticatedDigest in trust. Each takes the bytes once, checks them against the target (length, every hash), the
// role that may make such a statement, its path, and its content.
// Security: SECURITY(T-33): a release manifest or channel is accepted from the release role alone, whatever a
// delegation's path patterns would allow. One verified in-memory copy is used to the end (T-30).
// Thread contract: pure functions.
#pragma once

#include "aseptic/core/authenticated_digest.h"
#include "aseptic/trust/channel.h"
#include "aseptic/trust/payload_index.h"
#include "aseptic/trust/release_manifest.h"
#include "aseptic/trust/target_search.h"

namespace aseptic::trust {
class StatementVerifier;
}
template <>
struct aseptic::core::VerifierOf<aseptic::trust::Channel> {
  using type = aseptic::trust::StatementVerifier;
};
template <>
struct aseptic::core::VerifierOf<aseptic::trust::ReleaseManifest> {
  using type = aseptic::trust::StatementVerifier;
};
template <>
struct aseptic::core::VerifierOf<aseptic::trust::PayloadIndex> {
  using type = aseptic::trust::StatementVerifier;
};

namespace aseptic::trust {

class StatementVerifier {
 public:
  static core::Result<core::Verified<Channel>> channel(const core::Verified<TargetInfo>& target, core::ByteView bytes);
  static core::Result<core::Verified<ReleaseManifest>> release(const core::Verified<TargetInfo>& target, core::ByteView bytes);
  static core::Result<core::Verified<PayloadIndex>> payload_index(const core::Verified<TargetInfo>& target,
                                                                  core::ByteView bytes,
                                                                  const core::Verified<ReleaseManifest>& release);
  // The release is the one that the channel selects: digest, sequence, product.
  static core::Result<void> selects(const core::Verified<Channel>& channel, const core::Verified<ReleaseManifest>& release);
};

// Digests that a verified statement vouches for.
class DigestIssuer {
 public:
  static core::Result<core::AuthenticatedDigest> target_sha256(const core::Verified<TargetInfo>& target);
  static core::Result<core::AuthenticatedDigest> image(const core::Verified<ReleaseManifest>& release,
                                                       const core::Uuid& component);
  static core::Result<core::AuthenticatedDigest> manifest(const core::Verified<ReleaseManifest>& release,
                                                          const core::Uuid& component);
  // Header digest of payload number `index` of an image.
  static core::Result<core::AuthenticatedDigest> payload_header(const core::Verified<PayloadIndex>& payloads,
                                                                const core::Digest& image, std::size_t index);
};

}  // namespace aseptic::trust
