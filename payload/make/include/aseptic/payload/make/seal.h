// SPDX-License-Identifier: Apache-2.0
// Encrypts a payload: AES-256-GCM for each chunk and for the copy map, under a content key that is made here and used for this
// one file (docs/formats/payload.md). Called by publish. The sealed payload is installed once through the device's code and
// compared with the image before it is returned.
// INVARIANT: no nonce is used twice. The key cannot be given, only taken; each index is sealed once, in ascending order.
#pragma once

#include "aseptic/core/sealing.h"
#include "aseptic/payload/make/maker.h"
#include "aseptic/platform/entropy.h"

namespace aseptic::payload {

struct SealedPayload {
  PayloadSummary summary;  // of the sealed file; the image's digests and sizes are as before
  core::Digest key_id;
  core::SecretKey content_key;
};

// `plain` is a payload just made of `image`, from `base` when it is a delta.
core::Result<SealedPayload> seal_payload(PayloadFile& plain, PayloadFile& out, ImageSource& image, ImageSource* base,
                                         platform::Entropy& entropy);
core::Result<SealedPayload> seal_payload_file(const std::string& plain_path, const std::string& sealed_path,
                                              const std::string& image_path, const std::string& base_path,
                                              platform::Entropy& entropy);

}  // namespace aseptic::payload
