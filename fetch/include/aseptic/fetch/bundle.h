// SPDX-License-Identifier: Apache-2.0
// A repository in one file: the index of an uncompressed ustar archive of regular files (docs/formats/bundle.md).
//
// Called by MediumClient and the fuzz target. Nothing is ever extracted: a file of the bundle is read where it lies.
// Security: the bundle comes from anybody (T-41, T-42). It is refused as a whole, with one reason, unless every header is a plain
// ustar header of a regular file below metadata/ or targets/. Memory: the names, at most kBundleEntriesMax of them. What the
// contents are worth is decided by TUF, as from a server. Value type.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aseptic/core/bytes.h"

namespace aseptic::fetch {

inline constexpr std::size_t kBundleEntriesMax = 16'384;

struct BundleEntry {
  std::string path;           // "metadata/..." or "targets/..."
  std::uint64_t offset = 0;   // of the content, inside the bundle
  std::uint64_t size = 0;
};

class BundleIndex {
 public:
  // Fills the span from this offset on; never asked for bytes at or behind `bytes`.
  using Read = std::function<core::Result<void>(std::uint64_t offset, core::ByteSpan out)>;
  // kBundle when the bundle is refused; errors of `read` as they are.
  static core::Result<BundleIndex> read(std::uint64_t bytes, const Read& read);

  [[nodiscard]] const BundleEntry* find(std::string_view path) const;
  [[nodiscard]] const std::vector<BundleEntry>& entries() const { return entries_; }  // in the order of their paths

 private:
  std::vector<BundleEntry> entries_;
};

}  // namespace aseptic::fetch
