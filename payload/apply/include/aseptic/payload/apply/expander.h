// SPDX-License-Identifier: Apache-2.0
// The one way from a payload in its short form to the long one, which the installer takes (docs/formats/payload.md, "Short form").
// Called by the agent's apply process, benches, and payload/make for its own check.
//
// Order (T-29): the whole file is copied, hashed and compared with the digest that the signed payload index names; then parsed; then
// every old byte that the delta uses is hashed, and the digest over all of that compared; then the chunks that differ are decoded in
// memory, for their digests; then the long form's header, which all those digests lead to, is compared with the one that the signed
// payload index names. Nothing is written here, and what the installer reads again it checks again: so a medium that
// gives other bytes the second time is caught as always. Memory: the file (64 KiB at most), some 200 bytes for each of at most 16,384
// chunks, and the delta's own. One thread.
#pragma once

#include "aseptic/payload/apply/installer.h"

namespace aseptic::payload {

// What the signed payload index names.
struct ShortReference {
  core::AuthenticatedDigest file_digest;
  core::AuthenticatedDigest header_digest;  // of the long form
  std::uint64_t payload_size = 0;           // of the file
};

struct ExpandedPayload {
  core::Bytes file;  // long form: what the installer is fed
  core::Verified<PayloadHeader> header;
};

class PayloadExpander {
 public:
  // Whether a payload whose first bytes these are is short. Untrusted: a lie leads to a digest that does not match.
  static bool is_short(core::ByteView first_bytes);
  static core::Result<ExpandedPayload> expand(const core::Untrusted<core::ByteView>& file, const ShortReference& payload,
                                              const ImageReference& image, const BaseSlot& base);

 private:
  friend class PayloadSelfCheck;  // payload/make: the publisher expands what it has just made
  static core::Result<core::Bytes> expand_own(core::ByteView file, const ImageReference& image, const BaseSlot& base);
};

}  // namespace aseptic::payload
