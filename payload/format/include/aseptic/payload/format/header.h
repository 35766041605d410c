// SPDX-License-Identifier: Apache-2.0
// The payload container's header: 512 bytes, fixed offsets, little-endian. Format: docs/formats/payload.md.
// Called by payload/apply and payload/make, `aseptic inspect`, fuzz targets.
// A payload file is: header, auxiliary section if any, then for each table page: the page, then the stored bytes of its chunks.
// Nothing else: every byte is covered by the header digest, a page digest or a chunk digest. Security:
// decode_header() takes untrusted bytes; it reads no more than its fixed-size view, allocates nothing and
// returns only headers that obey every rule. It does not authenticate: HeaderVerifier (payload/apply) does,
// first. Pure functions, freestanding.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/payload/format/status.h"

namespace aseptic::payload {

using boot::ByteView;
using boot::Digest;
using boot::MutableBytes;

inline constexpr char kPayloadMagic[] = "ASPTPAYL";
inline constexpr char kHeaderDomain[] = "aseptic-payload-header-v1";  // hashed with its terminating zero
inline constexpr std::uint16_t kPayloadFormat = 1;
inline constexpr std::size_t kHeaderSize = 512;

inline constexpr std::uint64_t kBlockSize = 4096;             // image sizes and chunk sizes are multiples
inline constexpr std::uint64_t kImageSizeMax = 1ULL << 48U;   // as boot/format: no sum of offsets can wrap
inline constexpr std::uint32_t kChunkSizeMax = 256U * 1024U;  // bounds the device's buffers
inline constexpr std::uint32_t kPageEntriesMax = 1024;        // bounds the device's copy of one table page
inline constexpr std::uint32_t kDecodeWindowMax =
    1024U * 1024U;  // bounds any codec's history, later ones included

// The auxiliary section is held in memory while it is decoded.
inline constexpr std::uint64_t kAuxiliarySizeMax = 1024U * 1024U;

// Numbers are final.
enum class Encoding : std::uint8_t {
  kRaw = 1,
  kZstd = 2,   // exactly one zstd frame, single segment, content size present, no dictionary, no checksum
  kZero = 3,   // nothing stored
  kDelta = 4,         // digest of the old bytes, then coded differences; docs/formats/delta.md
  kCopyFromSlot = 5,  // nothing stored: bytes of the base image
};
constexpr std::uint32_t encoding_bit(Encoding encoding) {
  return 1U << static_cast<std::uint32_t>(encoding);
}
inline constexpr std::uint32_t kEncodingsSupported =
    encoding_bit(Encoding::kRaw) | encoding_bit(Encoding::kZstd) | encoding_bit(Encoding::kZero) |
    encoding_bit(Encoding::kDelta) | encoding_bit(Encoding::kCopyFromSlot);
// Encodings that read the image which is installed in another slot.
inline constexpr std::uint32_t kEncodingsFromBase =
    encoding_bit(Encoding::kDelta) | encoding_bit(Encoding::kCopyFromSlot);
inline constexpr std::uint32_t kFlagEncrypted = 1U << 0U;  // AES-256-GCM per chunk
inline constexpr std::uint32_t kCipherAes256Gcm = 1;
inline constexpr std::uint32_t kTagSize = 16;  // behind the stored bytes of a chunk and of the copy map
inline constexpr char kSealDomain[] = "aseptic-payload-seal-v1";          // hashed with its terminating zero
inline constexpr char kKeyIdDomain[] = "aseptic-payload-content-key-v1";  // likewise
// The index under which the copy map is sealed: no chunk can have it.
inline constexpr std::uint64_t kAuxiliaryIndex = ~std::uint64_t{0};

struct HeaderWire {
  std::uint8_t magic[8];
  boot::Le16 format;
  boot::Le16 header_size;
  boot::Le32 flags;
  boot::Le64 payload_size;  // of the whole file
  boot::Le64 image_size;
  boot::Le64 chunk_count;
  boot::Le64 page_count;
  boot::Le32 chunk_size;
  boot::Le32 page_entries;   // entries of every page but the last
  boot::Le32 encodings;      // bit n: encoding n occurs
  boot::Le32 decode_window;  // chunk_size when zstd or delta occurs, else 0
  Digest image_digest;
  Digest manifest_digest;
  Digest first_page;  // digest of page 0; each page holds the digest of the next
  boot::Le32 cipher;  // 0 = none, 1 = AES-256-GCM: nonce = chunk index, AAD = seal digest ‖ index
  boot::Le32 tag_size;
  Digest key_id;           // SHA-256(kKeyIdDomain ‖ content key); zero exactly when there is no cipher
  Digest envelope_digest;  // reserved, zero: an envelope names its payload and proves itself by the key id
  Digest base_image_digest;  // not zero exactly when an encoding reads the base
  boot::Le64 base_image_size;
  boot::Le64 auxiliary_size;  // of the delta's copy map; not zero exactly when delta occurs
  Digest auxiliary_digest;    // SHA-256 of the section
  boot::Le32 first_page_size;  // of a packed table: stored bytes of page 0; else zero
  std::uint8_t reserved[196];
};
static_assert(sizeof(HeaderWire) == kHeaderSize && alignof(HeaderWire) == 1);
static_assert(offsetof(HeaderWire, format) == 8 && offsetof(HeaderWire, header_size) == 10);
static_assert(offsetof(HeaderWire, flags) == 12 && offsetof(HeaderWire, payload_size) == 16);
static_assert(offsetof(HeaderWire, image_size) == 24 && offsetof(HeaderWire, chunk_count) == 32);
static_assert(offsetof(HeaderWire, page_count) == 40 && offsetof(HeaderWire, chunk_size) == 48);
static_assert(offsetof(HeaderWire, page_entries) == 52 && offsetof(HeaderWire, encodings) == 56);
static_assert(offsetof(HeaderWire, decode_window) == 60 && offsetof(HeaderWire, image_digest) == 64);
static_assert(offsetof(HeaderWire, manifest_digest) == 96 && offsetof(HeaderWire, first_page) == 128);
static_assert(offsetof(HeaderWire, cipher) == 160 && offsetof(HeaderWire, tag_size) == 164);
static_assert(offsetof(HeaderWire, key_id) == 168 && offsetof(HeaderWire, envelope_digest) == 200);
static_assert(offsetof(HeaderWire, base_image_digest) == 232 && offsetof(HeaderWire, base_image_size) == 264);
static_assert(offsetof(HeaderWire, auxiliary_size) == 272 && offsetof(HeaderWire, auxiliary_digest) == 280);
static_assert(offsetof(HeaderWire, first_page_size) == 312 && offsetof(HeaderWire, reserved) == 316);

// A header that obeys every rule. Not yet authentic: core::Verified<PayloadHeader> is.
struct PayloadHeader {
  std::uint64_t payload_size = 0;
  std::uint64_t image_size = 0;
  std::uint64_t chunk_count = 0;
  std::uint64_t page_count = 0;
  std::uint32_t chunk_size = 0;
  std::uint32_t page_entries = 0;
  std::uint32_t encodings = 0;
  Digest image_digest{};
  Digest manifest_digest{};
  Digest first_page{};
  std::uint32_t first_page_size = 0;  // not zero: the table is packed
  Digest base_image_digest{};
  std::uint64_t base_image_size = 0;
  std::uint64_t auxiliary_size = 0;
  Digest auxiliary_digest{};
  Digest key_id{};         // zero: not encrypted
  Digest seal_digest{};    // of an encrypted payload; left for the caller who hashed
  Digest header_digest{};  // of the bytes it was decoded from; encode_header ignores it

  // Bytes of the image that chunk `index` holds: chunk_size, or less for the last one.
  [[nodiscard]] std::uint32_t decoded_size(std::uint64_t index) const;
  [[nodiscard]] std::uint32_t entries_of_page(std::uint64_t page) const;
  [[nodiscard]] bool has(Encoding encoding) const { return (encodings & encoding_bit(encoding)) != 0; }
  [[nodiscard]] bool is_encrypted() const { return !boot::is_zero(key_id); }
  [[nodiscard]] std::uint32_t tag_size() const { return is_encrypted() ? kTagSize : 0; }
  [[nodiscard]] bool has_packed_table() const { return first_page_size != 0; }
  // What so many pages with so many entries take at least.
  [[nodiscard]] std::uint64_t table_size_min(std::uint64_t pages, std::uint64_t entries) const;
  [[nodiscard]] bool needs_base() const { return (encodings & kEncodingsFromBase) != 0; }
};

std::uint64_t chunk_count_for(std::uint64_t image_size, std::uint32_t chunk_size);
std::uint64_t page_count_for(std::uint64_t chunk_count, std::uint32_t page_entries);

// SHA-256(kHeaderDomain ‖ 512 header bytes): what the signed payload index names.
Digest header_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kHeaderSize> header);

// SHA-256(kSealDomain ‖ header with the two digests that cover sealed bytes set to zero): what every chunk is bound to. The
// header digest itself cannot be, since it covers the sealed bytes.
Digest seal_digest(boot::Hasher& hasher, std::span<const std::uint8_t, kHeaderSize> header);
Digest key_id_of(boot::Hasher& hasher, ByteView content_key);

// `out` is written only on success; its header_digest is left for the caller who hashed.
Status decode_header(std::span<const std::uint8_t, kHeaderSize> bytes, PayloadHeader& out);
// Refuses what decode_header would refuse.
Status encode_header(const PayloadHeader& header, std::span<std::uint8_t, kHeaderSize> out);

}  // namespace aseptic::payload
