// SPDX-License-Identifier: Apache-2.0
// Programs inside an image: ELF files, alone, at block boundaries or in an ext4 file system (fragments included), and raw
// Thumb firmware. Called by the delta encoder on images that the publisher trusts; still bounds every access, for an image
// may be damaged. What is not recognised is no error: it is plain bytes.
#pragma once

#include <vector>

#include "aseptic/core/bytes.h"
#include "aseptic/payload/decode/delta_map.h"

namespace aseptic::payload {

struct FoundElement {
  AddressWindow window;
  std::vector<AddressRange> ranges;   // ascending addresses
  std::vector<ReferenceArea> areas;   // ascending addresses; `element` not set
};

std::vector<FoundElement> find_elements(core::ByteView image);

// Bytes of a file, as they lie in the image.
struct FileExtent {
  std::uint64_t file_at = 0;
  std::uint64_t at = 0;
  std::uint64_t size = 0;
};
using FileExtents = std::vector<FileExtent>;  // ascending file_at

// Adds the program that a file is, if it is one.
void add_program(core::ByteView image, FileExtents extents, std::vector<FoundElement>& out);

// Regular files of an ext4 file system that starts at `start` of the image and begin with an ELF header; `end` is set to
// the end of the file system. Empty when there is none.
std::vector<FileExtents> ext4_programs(core::ByteView image, std::uint64_t start, std::uint64_t& end);

// Raw Thumb-2 code: the address it is linked at, if the image looks like that.
bool find_thumb_image(core::ByteView image, std::uint64_t& base);

}  // namespace aseptic::payload
