// SPDX-License-Identifier: Apache-2.0
// The slot image as the publisher reads it: which bytes belong to the image, and what names them.
#pragma once

#include "aseptic/core/hash.h"
#include "aseptic/core/result.h"
#include "aseptic/payload/make/maker.h"

namespace aseptic::payload {

struct ImageFacts {
  core::Digest manifest_digest;
  core::Digest image_digest;
  std::uint64_t image_size = 0;
};

// Reads the boot manifest. Says nothing about the regions: PayloadSelfCheck::measure does.
core::Result<ImageFacts> read_image_facts(ImageSource& image);

}  // namespace aseptic::payload
