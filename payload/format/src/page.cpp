// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/format/page.h"

namespace aseptic::payload {
namespace {

ByteView magic_bytes() {
  return {reinterpret_cast<const std::uint8_t*>(kPageMagic), 8};
}

Status check_reserved(const EntryWire& wire) {
  if (wire.source_size.get() != 0) return Status::kReservedNotZero;
  if (!boot::all_bytes_are(wire.reserved0, 0) || !boot::all_bytes_are(wire.reserved1, 0))
    return Status::kReservedNotZero;
  return Status::kOk;
}

// A reserved encoding and one that the header did not announce are different faults for the reader of the
// log.
Status check_encoding(std::uint8_t number, std::uint32_t announced) {
  if (number >= 32 || ((1U << number) & kEncodingsSupported) == 0) return Status::kEncodingUnsupported;
  if (((1U << number) & announced) == 0) return Status::kBadEncoding;
  return Status::kOk;
}

// Compression must win: so a stored chunk never needs more buffer than a raw one, and there is one form per
// content length. SECURITY(T-42): the stored size bounds the input, the chunk size the output.
Status check_stored_size(const PayloadHeader& header, const ChunkEntry& entry) {
  const std::uint32_t least = header.tag_size();
  const std::uint32_t raw = entry.decoded_size + least;
  switch (entry.encoding) {
    case Encoding::kRaw:
      return entry.stored_size == raw ? Status::kOk : Status::kBadStoredSize;
    case Encoding::kZstd:
      return entry.stored_size > least && entry.stored_size < raw ? Status::kOk : Status::kBadStoredSize;
    case Encoding::kZero:
    case Encoding::kCopyFromSlot:
      return entry.stored_size == 0 ? Status::kOk : Status::kBadStoredSize;
    case Encoding::kDelta:
      return entry.stored_size >= boot::kDigestSize + least && entry.stored_size < raw ? Status::kOk : Status::kBadStoredSize;
  }
  return Status::kEncodingUnsupported;
}

// SECURITY(T-35): a copy lies inside the base; a delta's group starts at or in front of it, on the same page, so that a
// resume never has to go back further than the page at hand.
Status check_source(const PayloadHeader& header, std::uint64_t chunk_index, const ChunkEntry& entry) {
  if (entry.encoding == Encoding::kCopyFromSlot) {
    const bool fits = entry.source_offset <= header.base_image_size &&
                      entry.decoded_size <= header.base_image_size - entry.source_offset;
    return fits ? Status::kOk : Status::kBadSource;
  }
  if (entry.encoding == Encoding::kDelta) {
    const std::uint64_t page_start = chunk_index - chunk_index % header.page_entries;
    const bool fits = entry.source_offset >= page_start && entry.source_offset <= chunk_index;
    return fits ? Status::kOk : Status::kBadSource;
  }
  return entry.source_offset == 0 ? Status::kOk : Status::kReservedNotZero;
}

Status check_entry_digests(const PayloadHeader& header, const ChunkEntry& entry) {
  const bool zero = entry.encoding == Encoding::kZero;
  const bool nothing_stored = zero || entry.encoding == Encoding::kCopyFromSlot;
  if (boot::is_zero(entry.stored_digest) != nothing_stored || boot::is_zero(entry.decoded_digest) != zero)
    return Status::kBadEntryDigest;
  // A raw chunk's stored bytes are its image bytes, unless they are sealed: one digest, twice.
  if (entry.encoding == Encoding::kRaw && !header.is_encrypted() && entry.stored_digest != entry.decoded_digest)
    return Status::kBadEntryDigest;
  return Status::kOk;
}

Status read_entry(const PayloadHeader& header, std::uint64_t chunk_index, ByteView bytes, ChunkEntry& out) {
  EntryWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), bytes);
  ASEPTIC_PAYLOAD_TRY(check_encoding(wire.encoding.get(), header.encodings));
  ASEPTIC_PAYLOAD_TRY(check_reserved(wire));
  const ChunkEntry entry{.encoding = static_cast<Encoding>(wire.encoding.get()),
                         .stored_size = wire.stored_size.get(),
                         .decoded_size = header.decoded_size(chunk_index),
                         .stored_digest = wire.stored_digest,
                         .decoded_digest = wire.decoded_digest,
                         .source_offset = wire.source_offset.get()};
  ASEPTIC_PAYLOAD_TRY(check_stored_size(header, entry));
  ASEPTIC_PAYLOAD_TRY(check_source(header, chunk_index, entry));
  ASEPTIC_PAYLOAD_TRY(check_entry_digests(header, entry));
  out = entry;
  return Status::kOk;
}

ByteView entry_bytes(ByteView page, std::uint32_t index) {
  return page.subspan(kPageHeaderSize + index * kEntrySize, kEntrySize);
}

// SECURITY(T-35): a packed page is smaller than what it is unpacked to, so a device's two buffers hold both.
Status check_link(const PayloadHeader& header, std::uint64_t page_index, const PageLink& next) {
  const bool last = page_index + 1 == header.page_count;
  if (boot::is_zero(next.digest) != last) return Status::kBadPageLink;
  const bool is_packed = header.has_packed_table() && !last;
  if ((next.stored_size != 0) != is_packed) return Status::kBadPageLink;
  if (is_packed && next.stored_size >= page_size(header.entries_of_page(page_index + 1))) return Status::kBadPageLink;
  return Status::kOk;
}

}  // namespace

Status check_page(const PayloadHeader& header, std::uint64_t page_index, ByteView page, PageLink& next) {
  const std::uint32_t entries = header.entries_of_page(page_index);
  if (entries == 0) return Status::kBadPageIndex;
  if (page.size() != page_size(entries)) return Status::kBadLength;
  PageHeaderWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), page);
  if (!boot::equal(wire.magic, magic_bytes())) return Status::kBadMagic;
  if (wire.index.get() != page_index) return Status::kBadPageIndex;
  if (wire.entry_count.get() != entries) return Status::kBadLength;
  if (!boot::all_bytes_are(wire.reserved, 0)) return Status::kReservedNotZero;
  ASEPTIC_PAYLOAD_TRY(check_link(header, page_index, {wire.next_page, wire.next_page_size.get()}));
  for (std::uint32_t i = 0; i < entries; ++i) {
    ChunkEntry entry;
    ASEPTIC_PAYLOAD_TRY(
        read_entry(header, page_index * header.page_entries + i, entry_bytes(page, i), entry));
  }
  next = {wire.next_page, wire.next_page_size.get()};
  return Status::kOk;
}

Status decode_entry(const PayloadHeader& header, std::uint64_t chunk_index, ByteView page, ChunkEntry& out) {
  if (chunk_index >= header.chunk_count) return Status::kBadPageIndex;
  const std::uint64_t page_index = chunk_index / header.page_entries;
  if (page.size() != page_size(header.entries_of_page(page_index))) return Status::kBadLength;
  return read_entry(header, chunk_index,
                    entry_bytes(page, static_cast<std::uint32_t>(chunk_index % header.page_entries)), out);
}

void encode_page_header(std::uint64_t index, std::uint32_t entries, const PageLink& next, MutableBytes page) {
  PageHeaderWire wire{};
  boot::copy_bytes(wire.magic, magic_bytes());
  wire.index.set(index);
  wire.entry_count.set(entries);
  wire.next_page = next.digest;
  wire.next_page_size.set(next.stored_size);
  boot::copy_bytes(page, boot::bytes_of(wire));
}

void encode_entry(const ChunkEntry& entry, std::span<std::uint8_t, kEntrySize> out) {
  EntryWire wire{};
  wire.encoding.set(static_cast<std::uint8_t>(entry.encoding));
  wire.stored_size.set(entry.stored_size);
  wire.source_offset.set(entry.source_offset);
  wire.stored_digest = entry.stored_digest;
  wire.decoded_digest = entry.decoded_digest;
  boot::copy_bytes(out, boot::bytes_of(wire));
}

}  // namespace aseptic::payload
