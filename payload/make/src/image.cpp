// SPDX-License-Identifier: Apache-2.0
#include "image.h"

#include <array>
#include <string>

#include "aseptic/boot/format/manifest.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/format/header.h"

namespace aseptic::payload {

core::Result<ImageFacts> read_image_facts(ImageSource& image) {
  if (image.size() < boot::kFirstRegionOffset || image.size() % kBlockSize != 0)
    return core::Error(PayloadCode::kImageInvalid,
                       "the image has " + std::to_string(image.size()) +
                           " bytes; a slot image has at least 12288, in blocks of 4096");
  std::array<std::uint8_t, boot::kManifestRegionSize> region{};
  ASEPTIC_TRY_VOID(image.read(0, region));
  boot::Manifest manifest;
  if (const auto status = boot::decode_manifest(region, manifest); !boot::ok(status))
    return core::Error(PayloadCode::kImageInvalid, std::string("boot manifest: ") +
                                                       boot::describe(status).sentence +
                                                       "; make the image with `aseptic image make`");
  if (manifest.image_size > image.size())
    return core::Error(PayloadCode::kImageInvalid,
                       "the image ends before the last region of its boot manifest");
  CoreHasher hasher;
  return ImageFacts{.manifest_digest = {boot::manifest_digest(hasher, region)},
                    .image_digest = {boot::image_digest(hasher, manifest)},
                    .image_size = manifest.image_size};
}

}  // namespace aseptic::payload
