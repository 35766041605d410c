// SPDX-License-Identifier: Apache-2.0
// The pages of a payload file, and their chain of digests made anew after a test changed them.
#pragma once

#include <algorithm>

#include "support.h"

namespace aseptic::payload::tests {

struct PagePlace {
  std::size_t offset;
  std::size_t size;
};

// Of a valid file.
inline std::vector<PagePlace> page_offsets(const core::Bytes& file) {
  PayloadHeader header;
  if (!ok(decode_header(core::ByteView(file).first<kHeaderSize>(), header))) std::abort();
  std::vector<PagePlace> places;
  std::size_t at = kHeaderSize + static_cast<std::size_t>(header.auxiliary_size);
  for (std::uint64_t page = 0; page < header.page_count; ++page) {
    const std::uint32_t entries = header.entries_of_page(page);
    const core::ByteView bytes = core::ByteView(file).subspan(at, page_size(entries));
    places.push_back({at, bytes.size()});
    at += bytes.size();
    for (std::uint32_t i = 0; i < entries; ++i) {
      ChunkEntry entry;
      if (!ok(decode_entry(header, page * header.page_entries + i, bytes, entry))) std::abort();
      at += entry.stored_size;
    }
  }
  return places;
}

// Links each page to the next and the header to the first, whatever stands in them.
inline void rechain(core::Bytes& file, const std::vector<PagePlace>& pages) {
  CoreHasher hasher;
  for (std::size_t i = pages.size(); i-- > 0;) {
    const Digest digest = boot::hash_of(hasher, core::ByteView(file).subspan(pages[i].offset, pages[i].size));
    const std::size_t link = i == 0 ? 128 : pages[i - 1].offset + 24;
    // A link that a test has changed on purpose in the last page stays; all others are made right.
    std::copy(digest.begin(), digest.end(), file.begin() + static_cast<std::ptrdiff_t>(link));
  }
}

inline bool is_in_page(const std::vector<PagePlace>& pages, std::size_t at) {
  return std::any_of(pages.begin(), pages.end(), [&](const PagePlace& page) { return at >= page.offset && at < page.offset + page.size; });
}

// The table's digest of the chunk whose stored bytes hold file byte `changed` made right.
inline void resign_chunk(core::Bytes& file, const std::vector<PagePlace>& pages, std::size_t changed) {
  for (const PagePlace& page : pages) {
    std::size_t at = page.offset + page.size;
    for (std::size_t entry = page.offset + kPageHeaderSize; entry < page.offset + page.size; entry += kEntrySize) {
      boot::Le32 size;
      std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(entry) + 4, 4, size.raw);
      if (changed >= at && changed < at + size.get()) {
        const auto digest = core::sha256(core::ByteView(file).subspan(at, size.get()));
        std::copy(digest.bytes.begin(), digest.bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(entry) + 32);
      }
      at += size.get();
    }
  }
}

}  // namespace aseptic::payload::tests
