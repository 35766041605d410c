// SPDX-License-Identifier: Apache-2.0
// A page of the chunk table: 64 bytes, then one 96-byte entry per chunk. Format: docs/formats/payload.md. Stored as it is, or, in a
// packed table, as a zstd frame (unpack_page in payload/decode).
// Each page holds the digest of the next one; the header holds that of the first. So a device of bounded
// memory can stream an image of any size and every page is authentic before it is parsed. Security:
// decode_page_header/decode_entry take bytes whose digest was checked by the caller, and still trust nothing.
// Pure functions, freestanding.
#pragma once
#include "aseptic/payload/format/header.h"

namespace aseptic::payload {

inline constexpr char kPageMagic[] = "ASPTPAGE";
inline constexpr std::size_t kPageHeaderSize = 64;
inline constexpr std::size_t kEntrySize = 96;
inline constexpr std::size_t kPageSizeMax = kPageHeaderSize + kPageEntriesMax * kEntrySize;
constexpr std::uint32_t page_size(std::uint32_t entries) {
  return static_cast<std::uint32_t>(kPageHeaderSize + entries * kEntrySize);
}

struct PageHeaderWire {
  std::uint8_t magic[8];
  boot::Le64 index;
  boot::Le32 entry_count;
  boot::Le32 next_page_size;  // of a packed table: stored bytes of the next page; else, and in the last page, zero
  Digest next_page;           // zero in the last page
  std::uint8_t reserved[8];
};
static_assert(sizeof(PageHeaderWire) == kPageHeaderSize && alignof(PageHeaderWire) == 1);
static_assert(offsetof(PageHeaderWire, index) == 8 && offsetof(PageHeaderWire, entry_count) == 16);
static_assert(offsetof(PageHeaderWire, next_page_size) == 20 && offsetof(PageHeaderWire, next_page) == 24 && offsetof(PageHeaderWire, reserved) == 56);

struct EntryWire {
  boot::Le8 encoding;
  std::uint8_t reserved0[3];
  boot::Le32 stored_size;
  boot::Le64 source_offset;  // copy-from-slot: offset in the base; delta: first chunk of its group; else zero
  boot::Le32 source_size;    // reserved, zero
  std::uint8_t reserved1[12];
  Digest stored_digest;   // SHA-256 of the stored bytes; zero where nothing is stored
  Digest decoded_digest;  // SHA-256 of the chunk's image bytes (encrypted: HMAC of that); zero for kZero. Decides what a resume may keep, and
                          // whether what came out of the base may be written.
};
static_assert(sizeof(EntryWire) == kEntrySize && alignof(EntryWire) == 1);
static_assert(offsetof(EntryWire, stored_size) == 4 && offsetof(EntryWire, source_offset) == 8);
static_assert(offsetof(EntryWire, source_size) == 16 && offsetof(EntryWire, stored_digest) == 32);
static_assert(offsetof(EntryWire, decoded_digest) == 64);

struct ChunkEntry {
  Encoding encoding = Encoding::kZero;
  std::uint32_t stored_size = 0;
  std::uint32_t decoded_size = 0;  // from the header and the chunk's index
  Digest stored_digest{};
  Digest decoded_digest{};
  std::uint64_t source_offset = 0;
};

// What vouches for a page: the digest of its stored bytes, and in a packed table how many they are.
struct PageLink {
  Digest digest{};
  std::uint32_t stored_size = 0;
};
inline PageLink first_page_of(const PayloadHeader& header) { return {header.first_page, header.first_page_size}; }

// Checks the page's header and every entry; `next` is zero for the last page.
Status check_page(const PayloadHeader& header, std::uint64_t page_index, ByteView page, PageLink& next);

// Entry `index` of a page that check_page accepted (and again refuses what it would refuse).
Status decode_entry(const PayloadHeader& header, std::uint64_t chunk_index, ByteView page, ChunkEntry& out);

void encode_page_header(std::uint64_t index, std::uint32_t entries, const PageLink& next, MutableBytes page);
void encode_entry(const ChunkEntry& entry, std::span<std::uint8_t, kEntrySize> out);

}  // namespace aseptic::payload
