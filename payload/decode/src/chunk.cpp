// SPDX-License-Identifier: Apache-2.0
// zstd frame layout: RFC 8878 section 3.1.1.
#include "aseptic/payload/decode/chunk.h"

namespace aseptic::payload {
namespace {

constexpr std::uint32_t kZstdMagic = 0xFD2FB528U;
constexpr std::uint32_t kZstdBlockMax = 128U * 1024U;
constexpr std::uint8_t kSingleSegment = 1U << 5U;
// Unused bit, reserved bit, content checksum, dictionary id: all must be absent.
constexpr std::uint8_t kForbiddenBits = 0x1FU;

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = (value << 8U) | bytes[i];
  return value;
}

// Reads the frame header; `at` becomes the offset of the first block.
Status read_frame_header(ByteView frame, std::uint32_t decoded_size, std::size_t& at) {
  if (frame.size() < 5 || little_endian(frame.first(4)) != kZstdMagic) return Status::kBadFrame;
  const std::uint8_t descriptor = frame[4];
  if ((descriptor & kSingleSegment) == 0 || (descriptor & kForbiddenBits) != 0) return Status::kBadFrame;
  const std::size_t size_bytes = std::size_t{1} << (descriptor >> 6U);
  if (frame.size() < 5 + size_bytes) return Status::kBadFrame;
  const std::uint64_t bias = size_bytes == 2 ? 256 : 0;
  if (little_endian(frame.subspan(5, size_bytes)) + bias != decoded_size) return Status::kFrameSize;
  at = 5 + size_bytes;
  return Status::kOk;
}

}  // namespace

// SECURITY(T-42, T-34): the decompressor sees only a frame whose declared size is the chunk's, whose blocks
// end exactly at the end of the stored bytes, and to which nothing is appended (a second or a skippable frame
// would be decoded too).
Status check_zstd_frame(ByteView frame, std::uint32_t decoded_size) {
  std::size_t at = 0;
  ASEPTIC_PAYLOAD_TRY(read_frame_header(frame, decoded_size, at));
  for (bool last = false; !last;) {
    if (frame.size() - at < 3) return Status::kBadFrame;
    const auto header = static_cast<std::uint32_t>(little_endian(frame.subspan(at, 3)));
    last = (header & 1U) != 0;
    const std::uint32_t type = (header >> 1U) & 3U;
    const std::uint32_t size = header >> 3U;
    if (type == 3 || size > kZstdBlockMax) return Status::kBadFrame;
    const std::size_t stored = type == 1 ? 1 : size;  // type 1: one byte, repeated
    at += 3;
    if (frame.size() - at < stored) return Status::kBadFrame;
    at += stored;
  }
  return at == frame.size() ? Status::kOk : Status::kBadFrame;
}

// SECURITY(T-42): as a chunk's: one frame of exactly the size that the header gives a page.
Status unpack_page(ByteView stored, FrameDecoder& zstd, MutableBytes page) {
  if (stored.size() == page.size()) {
    __builtin_memcpy(page.data(), stored.data(), page.size());
    return Status::kOk;
  }
  ASEPTIC_PAYLOAD_TRY(check_zstd_frame(stored, static_cast<std::uint32_t>(page.size())));
  std::size_t produced = 0;
  if (!zstd.decompress(stored, page, produced)) return Status::kDecodeFailed;
  return produced == page.size() ? Status::kOk : Status::kDecodeFailed;
}

Status verify_and_decode(const ChunkEntry& entry, ByteView stored, boot::Hasher& hasher, FrameDecoder& zstd,
                         MutableBytes out) {
  if (stored.size() != entry.stored_size || out.size() != entry.decoded_size) return Status::kBufferSize;
  if (entry.encoding == Encoding::kZero) {
    __builtin_memset(out.data(), 0, out.size());
    return Status::kOk;
  }
  if (!boot::equal(boot::hash_of(hasher, stored), entry.stored_digest)) return Status::kStoredDigest;
  if (entry.encoding == Encoding::kRaw) {
    if (stored.size() != out.size()) return Status::kBadStoredSize;
    __builtin_memcpy(out.data(), stored.data(), out.size());
    return Status::kOk;
  }
  if (entry.encoding != Encoding::kZstd) return Status::kEncodingUnsupported;
  ASEPTIC_PAYLOAD_TRY(check_zstd_frame(stored, entry.decoded_size));
  std::size_t produced = 0;
  if (!zstd.decompress(stored, out, produced)) return Status::kDecodeFailed;
  return produced == entry.decoded_size ? Status::kOk : Status::kDecodeFailed;
}

}  // namespace aseptic::payload
