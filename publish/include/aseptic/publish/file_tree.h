// SPDX-License-Identifier: Apache-2.0
// A folder of files as a read-only file system image (squashfs), for a tree-verified region.
//
// Called by build_image() for a region whose source is a folder. So a release is made from a program, from a file system image or from a
// file tree, and all three are one image to the device, which unpacks nothing. The same files, names and permissions give the same bytes
// (with the same mksquashfs): no times, one owner, no extended attributes, one order.
// Needs mksquashfs (Debian's squashfs-tools), which is run without a shell. Refuses devices, FIFOs and sockets, which no file of the
// publisher can vouch for. Thread contract: no shared state.
#pragma once

#include "aseptic/publish/files.h"

namespace aseptic::publish {

// `out` is replaced.
core::Result<void> pack_file_tree(const Path& folder, const Path& out);

}  // namespace aseptic::publish
