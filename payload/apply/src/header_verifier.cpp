// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/header_verifier.h"

#include <algorithm>

#include "aseptic/payload/apply/codes.h"
#include "aseptic/payload/apply/core_hasher.h"

namespace aseptic::payload {
namespace {

core::Result<PayloadHeader> parse(core::ByteView bytes, const Digest& digest) {
  PayloadHeader header;
  const Status status = decode_header(bytes.first<kHeaderSize>(), header);
  if (!ok(status)) return to_error(status, "payload header");
  header.header_digest = digest;
  CoreHasher hasher;
  if (header.is_encrypted()) header.seal_digest = seal_digest(hasher, bytes.first<kHeaderSize>());
  return header;
}

core::Result<Digest> hash_header(core::ByteView bytes) {
  if (bytes.size() != kHeaderSize)
    return core::Error(PayloadCode::kTruncated,
                       "payload header: expected 512 bytes, got " + std::to_string(bytes.size()));
  CoreHasher hasher;
  return header_digest(hasher, bytes.first<kHeaderSize>());
}

core::Error identity_error(const char* what) {
  return core::Error(PayloadCode::kIdentity, std::string("the payload's ") + what +
                                                 " is not that of the signed release; refusing it");
}

// SECURITY(T-13): the payload index can only name ways to reach the image that the release manifest fixed.
core::Result<void> check_identity(const PayloadHeader& header, const PayloadReference& payload,
                                  const ImageReference& image) {
  if (header.payload_size != payload.payload_size) return identity_error("size");
  if (header.image_size != image.image_size) return identity_error("image size");
  if (!image.image_digest.matches(core::Digest{header.image_digest})) return identity_error("image digest");
  if (!image.manifest_digest.matches(core::Digest{header.manifest_digest}))
    return identity_error("manifest digest");
  return {};
}

}  // namespace

core::Result<core::Verified<PayloadHeader>> HeaderVerifier::verify(
    const core::Untrusted<core::ByteView>& header, const PayloadReference& payload,
    const ImageReference& image) {
  // SECURITY(T-29): one private copy is hashed and parsed; the caller's memory may change in between.
  const core::ByteView outside = header.for_verification();
  const core::Bytes copy(outside.begin(), outside.begin() + static_cast<std::ptrdiff_t>(
                                                                std::min(outside.size(), kHeaderSize + 1)));
  ASEPTIC_TRY(const Digest digest, hash_header(copy));
  if (!payload.header_digest.matches(core::Digest{digest}))
    return core::Error(
        PayloadCode::kHeaderDigest,
        "the payload's header was changed: its digest is not the one in the signed payload index");
  ASEPTIC_TRY(PayloadHeader parsed, parse(copy, digest));
  ASEPTIC_TRY_VOID(check_identity(parsed, payload, image));
  return core::Verified<PayloadHeader>(parsed);
}

core::Result<core::Verified<PayloadHeader>> HeaderVerifier::verify_own(core::ByteView header) {
  ASEPTIC_TRY(const Digest digest, hash_header(header));
  ASEPTIC_TRY(PayloadHeader parsed, parse(header, digest));
  return core::Verified<PayloadHeader>(parsed);
}

ImageReference HeaderVerifier::own_image(const core::Digest& manifest, const core::Digest& image,
                                         std::uint64_t image_size) {
  return {core::AuthenticatedDigest(manifest), core::AuthenticatedDigest(image), image_size};
}

}  // namespace aseptic::payload
