// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/decode/chunk.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "support.h"

namespace aseptic::payload::tests {
namespace {

class LibzstdDecoder final : public FrameDecoder {
 public:
  bool decompress(ByteView frame, MutableBytes out, std::size_t& produced) override {
    ++calls;
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
    if (ZSTD_isError(size) != 0) return false;
    produced = size;
    return true;
  }
  int calls = 0;
};

struct FrameOptions {
  int checksum = 0;
  int content_size = 1;
  int window_log = 0;
};
core::Bytes compress(const core::Bytes& bytes, FrameOptions options = {}) {
  ZSTD_CCtx* cctx = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, options.checksum);
  ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, options.content_size);
  if (options.window_log != 0) ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, options.window_log);
  core::Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress2(cctx, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(cctx);
  return out;
}

ChunkEntry entry_for(const core::Bytes& stored, std::uint32_t decoded_size,
                     Encoding encoding = Encoding::kZstd) {
  return {.encoding = encoding,
          .stored_size = static_cast<std::uint32_t>(stored.size()),
          .decoded_size = decoded_size,
          .stored_digest = core::sha256(stored).bytes,
          .decoded_digest = {}};
}

Status decode(const ChunkEntry& entry, const core::Bytes& stored, core::Bytes* out = nullptr,
              int* calls = nullptr) {
  CoreHasher hasher;
  LibzstdDecoder zstd;
  core::Bytes bytes(entry.decoded_size);
  const Status status = verify_and_decode(entry, stored, hasher, zstd, bytes);
  if (out != nullptr) *out = bytes;
  if (calls != nullptr) *calls = zstd.calls;
  return status;
}

TEST(PayloadChunk, DecodesEveryPlainFrameOfTheCompressor) {
  for (const std::size_t size : {1UL, 255UL, 256UL, 4096UL, 65791UL, 65792UL, 262144UL}) {
    const core::Bytes image = mixed_bytes(size, size);
    const core::Bytes stored = compress(image);
    core::Bytes out;
    ASSERT_EQ(decode(entry_for(stored, static_cast<std::uint32_t>(size)), stored, &out), Status::kOk) << size;
    EXPECT_EQ(out, image);
  }
}

// Answers: VF-01
TEST(PayloadChunk, ShowsTheDecoderNothingBeforeTheDigestMatches) {
  core::Bytes stored = compress(mixed_bytes(9000, 1));
  const ChunkEntry entry = entry_for(stored, 9000);
  for (std::size_t at = 0; at < stored.size(); at += 11) {
    stored[at] ^= 1;
    int calls = 0;
    EXPECT_EQ(decode(entry, stored, nullptr, &calls), Status::kStoredDigest);
    EXPECT_EQ(calls, 0);
    stored[at] ^= 1;
  }
}

TEST(PayloadChunk, RefusesEveryTruncationAndExtensionOfAFrame) {
  const core::Bytes stored = compress(mixed_bytes(9000, 2));
  for (std::size_t size = 0; size < stored.size(); ++size)
    EXPECT_NE(check_zstd_frame(core::ByteView(stored).first(size), 9000), Status::kOk) << size;
  core::Bytes longer = stored;
  longer.push_back(0);
  EXPECT_EQ(check_zstd_frame(longer, 9000), Status::kBadFrame);
  EXPECT_EQ(check_zstd_frame(stored, 9000), Status::kOk);
}

// Answers: T-34
TEST(PayloadChunk, RefusesASecondOrASkippableFrame) {
  const core::Bytes frame = compress(mixed_bytes(5000, 3));
  core::Bytes twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  EXPECT_EQ(check_zstd_frame(twice, 5000), Status::kBadFrame);
  const core::Bytes skippable{0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
  core::Bytes after = frame;
  after.insert(after.end(), skippable.begin(), skippable.end());
  EXPECT_EQ(check_zstd_frame(after, 5000), Status::kBadFrame);
  core::Bytes before = skippable;
  before.insert(before.end(), frame.begin(), frame.end());
  EXPECT_EQ(check_zstd_frame(before, 5000), Status::kBadFrame);
}

TEST(PayloadChunk, RefusesFrameOptionsThatTheFormatExcludes) {
  const core::Bytes image = mixed_bytes(9000, 4);
  EXPECT_EQ(check_zstd_frame(compress(image, {.checksum = 1}), 9000), Status::kBadFrame);
  EXPECT_EQ(check_zstd_frame(compress(image, {.content_size = 0}), 9000), Status::kBadFrame);
  EXPECT_EQ(check_zstd_frame(compress(image, {.window_log = 10}), 9000), Status::kBadFrame);
  core::Bytes dictionary = compress(image);
  dictionary[4] |= 1;
  EXPECT_EQ(check_zstd_frame(dictionary, 9000), Status::kBadFrame);
  EXPECT_EQ(check_zstd_frame(compress(image), 8999), Status::kFrameSize);
  EXPECT_EQ(check_zstd_frame(compress(image), 9001), Status::kFrameSize);
}

// A frame of `blocks` repeat blocks of 128 KiB each that declares `declared` bytes of content.
core::Bytes repeat_frame(std::uint64_t declared, std::size_t blocks) {
  core::Bytes frame{0x28, 0xB5, 0x2F, 0xFD, 0xE0};
  for (int i = 0; i < 8; ++i)
    frame.push_back(static_cast<std::uint8_t>(declared >> (8 * i)));
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::uint32_t header = (i + 1 == blocks ? 1U : 0U) | (1U << 1U) | (0x20000U << 3U);
    for (int b = 0; b < 3; ++b)
      frame.push_back(static_cast<std::uint8_t>(header >> (8 * b)));
    frame.push_back('A');
  }
  return frame;
}

// 1 KB that claims to become 10 GB, one that lies about its size, and the honest largest one.
// Answers: DL-01, AP-03, T-42
TEST(PayloadChunk, BoundsADecompressionBomb) {
  const core::Bytes declared_bomb = repeat_frame(10ULL << 30U, 250);
  EXPECT_EQ(decode(entry_for(declared_bomb, kChunkSizeMax), declared_bomb), Status::kFrameSize);
  const core::Bytes lying_bomb = repeat_frame(kChunkSizeMax, 250);
  EXPECT_EQ(decode(entry_for(lying_bomb, kChunkSizeMax), lying_bomb), Status::kDecodeFailed);
  const core::Bytes short_one = repeat_frame(kChunkSizeMax, 1);
  EXPECT_EQ(decode(entry_for(short_one, kChunkSizeMax), short_one), Status::kDecodeFailed);
  const core::Bytes honest = repeat_frame(kChunkSizeMax, 2);
  core::Bytes out;
  EXPECT_EQ(decode(entry_for(honest, kChunkSizeMax), honest, &out), Status::kOk);
  EXPECT_EQ(out, core::Bytes(kChunkSizeMax, 'A'));
}

TEST(PayloadChunk, RefusesABlockOfTheReservedTypeOrAboveTheLimit) {
  core::Bytes reserved = repeat_frame(kChunkSizeMax, 2);
  reserved[13] |= 0x06;
  EXPECT_EQ(check_zstd_frame(reserved, kChunkSizeMax), Status::kBadFrame);
  core::Bytes large = repeat_frame(kChunkSizeMax, 2);
  large[13] |= 0x08;  // 128 KiB + 1
  EXPECT_EQ(check_zstd_frame(large, kChunkSizeMax), Status::kBadFrame);
}

TEST(PayloadChunk, RefusesADecoderThatProducedLessThanTheChunk) {
  class Lazy final : public FrameDecoder {
   public:
    bool decompress(ByteView, MutableBytes out, std::size_t& produced) override {
      produced = out.size() - 1;
      return true;
    }
  };
  const core::Bytes stored = compress(mixed_bytes(9000, 5));
  CoreHasher hasher;
  Lazy zstd;
  core::Bytes out(9000);
  EXPECT_EQ(verify_and_decode(entry_for(stored, 9000), stored, hasher, zstd, out), Status::kDecodeFailed);
}

TEST(PayloadChunk, RefusesReservedEncodingsAndWrongBuffers) {
  const core::Bytes stored(100, 7);
  EXPECT_EQ(decode(entry_for(stored, 200, Encoding::kDelta), stored), Status::kEncodingUnsupported);
  EXPECT_EQ(decode(entry_for(stored, 200, Encoding::kCopyFromSlot), stored), Status::kEncodingUnsupported);
  EXPECT_EQ(decode(entry_for(stored, 200, Encoding::kRaw), stored), Status::kBadStoredSize);
  ChunkEntry entry = entry_for(stored, 100, Encoding::kRaw);
  entry.stored_size = 99;
  EXPECT_EQ(decode(entry, stored), Status::kBufferSize);
}

}  // namespace
}  // namespace aseptic::payload::tests
