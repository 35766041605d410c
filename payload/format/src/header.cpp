// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/format/header.h"

#include "aseptic/payload/format/page.h"

namespace aseptic::payload {
namespace {

Status check_envelope(const HeaderWire& wire) {
  if (!boot::equal(wire.magic, {reinterpret_cast<const std::uint8_t*>(kPayloadMagic), 8}))
    return Status::kBadMagic;
  if (wire.format.get() != kPayloadFormat) return Status::kBadFormat;
  if (wire.header_size.get() != kHeaderSize) return Status::kBadLength;
  return Status::kOk;
}

// One cipher, all of its fields or none of them.
Status check_cipher(const HeaderWire& wire) {
  const bool encrypted = (wire.flags.get() & kFlagEncrypted) != 0;
  if (wire.cipher.get() != (encrypted ? kCipherAes256Gcm : 0)) return Status::kEncryptionUnsupported;
  if (wire.tag_size.get() != (encrypted ? kTagSize : 0)) return Status::kEncryptionUnsupported;
  if (boot::is_zero(wire.key_id) == encrypted || !boot::is_zero(wire.envelope_digest)) return Status::kEncryptionUnsupported;
  return Status::kOk;
}

// SECURITY(T-25): what this version cannot do is refused before any size is used, never ignored.
Status check_unsupported(const HeaderWire& wire) {
  if ((wire.flags.get() & ~kFlagEncrypted) != 0) return Status::kUnknownFlag;
  ASEPTIC_PAYLOAD_TRY(check_cipher(wire));
  if (!boot::all_bytes_are(wire.reserved, 0)) return Status::kReservedNotZero;
  if ((wire.encodings.get() & ~kEncodingsSupported) != 0) return Status::kEncodingUnsupported;
  if (wire.encodings.get() == 0) return Status::kBadEncodingSet;
  return Status::kOk;
}

// SECURITY(T-35): every size is bounded before it takes part in arithmetic, and every count has one permitted
// value.
Status check_sizes(const PayloadHeader& header) {
  if (header.image_size == 0 || header.image_size > kImageSizeMax || header.image_size % kBlockSize != 0)
    return Status::kBadImageSize;
  if (header.chunk_size == 0 || header.chunk_size > kChunkSizeMax || header.chunk_size % kBlockSize != 0)
    return Status::kBadChunkSize;
  if (header.chunk_count != chunk_count_for(header.image_size, header.chunk_size))
    return Status::kBadChunkCount;
  if (header.page_entries == 0 || header.page_entries > kPageEntriesMax) return Status::kBadPageShape;
  if (header.page_count != page_count_for(header.chunk_count, header.page_entries))
    return Status::kBadPageShape;
  const std::uint64_t around = kHeaderSize + header.auxiliary_size;
  const std::uint64_t most = around + header.page_count * kPageHeaderSize + header.chunk_count * kEntrySize + header.image_size +
                             header.chunk_count * header.tag_size();
  if (header.payload_size > most || header.payload_size < around + header.table_size_min(header.page_count, header.chunk_count))
    return Status::kBadPayloadSize;
  return Status::kOk;
}

// One form each: what starts from a base may have a packed table, and packing must win.
Status check_table(const PayloadHeader& header) {
  if (!header.has_packed_table()) return Status::kOk;
  const bool may_be_packed = header.needs_base() && !header.is_encrypted();
  const bool is_smaller = header.first_page_size < page_size(header.entries_of_page(0));
  return may_be_packed && is_smaller ? Status::kOk : Status::kBadPageShape;
}

// One form each: what no encoding uses is zero, what an encoding uses is there.
Status check_base(const PayloadHeader& header) {
  const bool needs_base = header.needs_base();
  if (boot::is_zero(header.base_image_digest) == needs_base) return Status::kBadBase;
  if ((header.base_image_size == 0) == needs_base) return Status::kBadBase;
  if (header.base_image_size > kImageSizeMax || header.base_image_size % kBlockSize != 0) return Status::kBadBase;
  const bool needs_map = header.has(Encoding::kDelta);
  if ((header.auxiliary_size == 0) == needs_map || boot::is_zero(header.auxiliary_digest) == needs_map)
    return Status::kBadAuxiliary;
  if (header.auxiliary_size > kAuxiliarySizeMax) return Status::kBadAuxiliary;
  if (needs_map && header.auxiliary_size <= header.tag_size()) return Status::kBadAuxiliary;
  return Status::kOk;
}

Status check_digests(const PayloadHeader& header) {
  if (boot::is_zero(header.image_digest) || boot::is_zero(header.manifest_digest) ||
      boot::is_zero(header.first_page))
    return Status::kDigestMissing;
  return Status::kOk;
}

std::uint32_t window_for(const PayloadHeader& header) {
  return header.has(Encoding::kZstd) || header.has(Encoding::kDelta) ? header.chunk_size : 0;
}
static_assert(kChunkSizeMax <= kDecodeWindowMax);

}  // namespace

std::uint32_t PayloadHeader::decoded_size(std::uint64_t index) const {
  const std::uint64_t start = index * chunk_size;
  if (index >= chunk_count) return 0;
  const std::uint64_t rest = image_size - start;
  return rest < chunk_size ? static_cast<std::uint32_t>(rest) : chunk_size;
}

std::uint32_t PayloadHeader::entries_of_page(std::uint64_t page) const {
  if (page >= page_count) return 0;
  const std::uint64_t rest = chunk_count - page * page_entries;
  return rest < page_entries ? static_cast<std::uint32_t>(rest) : page_entries;
}

std::uint64_t PayloadHeader::table_size_min(std::uint64_t pages, std::uint64_t entries) const {
  return has_packed_table() ? pages : pages * kPageHeaderSize + entries * kEntrySize;
}

std::uint64_t chunk_count_for(std::uint64_t image_size, std::uint32_t chunk_size) {
  return image_size / chunk_size + (image_size % chunk_size != 0 ? 1 : 0);
}

std::uint64_t page_count_for(std::uint64_t chunk_count, std::uint32_t page_entries) {
  return chunk_count / page_entries + (chunk_count % page_entries != 0 ? 1 : 0);
}

Digest header_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kHeaderSize> header) {
  return boot::hash_of(hasher, boot::domain(kHeaderDomain), header);
}

Digest seal_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kHeaderSize> header) {
  HeaderWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), header);
  wire.first_page = {};
  wire.auxiliary_digest = {};
  return boot::hash_of(hasher, boot::domain(kSealDomain), boot::bytes_of(wire));
}

Digest key_id_of(boot::Hasher& hasher, ByteView content_key) {
  return boot::hash_of(hasher, boot::domain(kKeyIdDomain), content_key);
}

Status decode_header(std::span<const std::uint8_t, kHeaderSize> bytes, PayloadHeader& out) {
  HeaderWire wire;
  boot::copy_bytes(boot::mutable_bytes_of(wire), bytes);
  ASEPTIC_PAYLOAD_TRY(check_envelope(wire));
  ASEPTIC_PAYLOAD_TRY(check_unsupported(wire));
  PayloadHeader header;
  header.payload_size = wire.payload_size.get();
  header.image_size = wire.image_size.get();
  header.chunk_count = wire.chunk_count.get();
  header.page_count = wire.page_count.get();
  header.chunk_size = wire.chunk_size.get();
  header.page_entries = wire.page_entries.get();
  header.encodings = wire.encodings.get();
  header.image_digest = wire.image_digest;
  header.manifest_digest = wire.manifest_digest;
  header.first_page = wire.first_page;
  header.first_page_size = wire.first_page_size.get();
  header.base_image_digest = wire.base_image_digest;
  header.base_image_size = wire.base_image_size.get();
  header.auxiliary_size = wire.auxiliary_size.get();
  header.auxiliary_digest = wire.auxiliary_digest;
  header.key_id = wire.key_id;
  ASEPTIC_PAYLOAD_TRY(check_base(header));
  ASEPTIC_PAYLOAD_TRY(check_sizes(header));
  ASEPTIC_PAYLOAD_TRY(check_table(header));
  ASEPTIC_PAYLOAD_TRY(check_digests(header));
  if (wire.decode_window.get() != window_for(header)) return Status::kBadWindow;
  out = header;
  return Status::kOk;
}

Status encode_header(const PayloadHeader& header, std::span<std::uint8_t, kHeaderSize> out) {
  HeaderWire wire{};
  boot::copy_bytes(wire.magic, {reinterpret_cast<const std::uint8_t*>(kPayloadMagic), 8});
  wire.format.set(kPayloadFormat);
  wire.header_size.set(static_cast<std::uint16_t>(kHeaderSize));
  wire.payload_size.set(header.payload_size);
  wire.image_size.set(header.image_size);
  wire.chunk_count.set(header.chunk_count);
  wire.page_count.set(header.page_count);
  wire.chunk_size.set(header.chunk_size);
  wire.page_entries.set(header.page_entries);
  wire.encodings.set(header.encodings);
  wire.decode_window.set(window_for(header));
  wire.image_digest = header.image_digest;
  wire.manifest_digest = header.manifest_digest;
  wire.first_page = header.first_page;
  wire.first_page_size.set(header.first_page_size);
  wire.base_image_digest = header.base_image_digest;
  wire.base_image_size.set(header.base_image_size);
  wire.auxiliary_size.set(header.auxiliary_size);
  wire.auxiliary_digest = header.auxiliary_digest;
  if (header.is_encrypted()) {
    wire.flags.set(kFlagEncrypted);
    wire.cipher.set(kCipherAes256Gcm);
    wire.tag_size.set(kTagSize);
    wire.key_id = header.key_id;
  }
  PayloadHeader checked;
  std::array<std::uint8_t, kHeaderSize> bytes{};
  boot::copy_bytes(bytes, boot::bytes_of(wire));
  ASEPTIC_PAYLOAD_TRY(decode_header(bytes, checked));
  boot::copy_bytes(out, bytes);
  return Status::kOk;
}

}  // namespace aseptic::payload
