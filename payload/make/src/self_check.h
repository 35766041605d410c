// SPDX-License-Identifier: Apache-2.0
// The publisher's own proof: the image is what its manifest says, and the payload gives back exactly that
// image through the device's code. Bounded memory: nothing is installed anywhere, each write is compared with
// the image.
#pragma once

#include "aseptic/core/hash.h"
#include "aseptic/core/sealing.h"
#include "aseptic/core/result.h"
#include "aseptic/payload/apply/expander.h"
#include "aseptic/payload/make/maker.h"
#include "aseptic/platform/block_device.h"
#include "aseptic/payload/format/header.h"
#include "image.h"

namespace aseptic::payload {

class PayloadSelfCheck {
 public:
  // kImageInvalid when a region, gap or the rest differs from the manifest.
  static core::Result<void> measure(ImageSource& image, const ImageFacts& facts);
  // Streams `payload` through PayloadInstaller, from `base` when it is a delta; gives the digest of the whole file. Of `made` it
  // takes the size and the header's digest, to which a short form must lead.
  static core::Result<core::Digest> apply(PayloadFile& payload, const PayloadSummary& made,
                                          ImageSource& image, ImageSource* base = nullptr,
                                          const core::SecretKey* content_key = nullptr);
  // Streams a full payload to `image`, which is of the image's size, and measures what was written.
  static core::Result<ImageFacts> restore(PayloadFile& payload, platform::BlockDevice& image);
  // The long form of a short payload just made: the publisher's own, so nothing says what it must lead to.
  static core::Result<core::Bytes> expand(core::ByteView file, const ImageFacts& facts, const BaseSlot& base);
  // Header of a payload just made: the publisher's own.
  static core::Result<PayloadHeader> header_of(PayloadFile& payload);
};

}  // namespace aseptic::payload
