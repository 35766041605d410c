// SPDX-License-Identifier: Apache-2.0
// The one way from payload header bytes to Verified<PayloadHeader>: hash them, compare with the digest that
// the signed payload index gave, only then parse, then compare with the signed release (T-29, T-38). Called
// by the agent's apply process, `aseptic verify`, benches. Pure; any thread.
#pragma once

#include "aseptic/core/authenticated_digest.h"
#include "aseptic/core/result.h"
#include "aseptic/core/trusted.h"
#include "aseptic/payload/format/header.h"

namespace aseptic::payload {
class HeaderVerifier;
}
template <>
struct aseptic::core::VerifierOf<aseptic::payload::PayloadHeader> {
  using type = aseptic::payload::HeaderVerifier;
};

namespace aseptic::payload {

// What the release manifest (release role) fixes: which bytes the image is.
struct ImageReference {
  core::AuthenticatedDigest manifest_digest;
  core::AuthenticatedDigest image_digest;
  std::uint64_t image_size = 0;
};

// What the payload index (delegated role) names: one way to reach that image.
struct PayloadReference {
  core::AuthenticatedDigest header_digest;
  std::uint64_t payload_size = 0;
};

class HeaderVerifier {
 public:
  static core::Result<core::Verified<PayloadHeader>> verify(const core::Untrusted<core::ByteView>& header,
                                                            const PayloadReference& payload,
                                                            const ImageReference& image);

 private:
  friend class PayloadSelfCheck;  // payload/make: the publisher applies what it has just made
  static core::Result<core::Verified<PayloadHeader>> verify_own(core::ByteView header);
  static ImageReference own_image(const core::Digest& manifest, const core::Digest& image,
                                  std::uint64_t image_size);
};

}  // namespace aseptic::payload
