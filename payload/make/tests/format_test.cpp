// SPDX-License-Identifier: Apache-2.0
// Each field of header, page and entry, changed by somebody who can sign what he changed.
#include <gtest/gtest.h>

#include "rechain.h"
#include "support.h"

namespace aseptic::payload::tests {
namespace {

const TestPayload& small_payload() {
  static const TestPayload payload = make_test_payload(make_image(70'001, 20 * kBlockSize), small_options());
  return payload;
}

std::array<std::uint8_t, kHeaderSize> valid_header() {
  std::array<std::uint8_t, kHeaderSize> bytes{};
  std::copy_n(small_payload().file.begin(), kHeaderSize, bytes.begin());
  return bytes;
}

Status decode_with(std::size_t offset, std::uint64_t value, std::size_t size) {
  auto bytes = valid_header();
  for (std::size_t i = 0; i < size; ++i)
    bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
  PayloadHeader header;
  return decode_header(bytes, header);
}

TEST(PayloadHeaderFormat, DecodesWhatItEncoded) {
  PayloadHeader header;
  ASSERT_EQ(decode_header(valid_header(), header), Status::kOk);
  std::array<std::uint8_t, kHeaderSize> again{};
  ASSERT_EQ(encode_header(header, again), Status::kOk);
  EXPECT_EQ(again, valid_header());
}

struct FieldCase {
  const char* name;
  std::size_t offset;
  std::size_t size;
  std::uint64_t value;
  Status status;
};

// Deltas do not exist yet: a payload that needs a base is refused whatever the base is (VF-06).
// Answers: MF-04, MF-06, MF-08, VF-06, T-25, T-35
TEST(PayloadHeaderFormat, RefusesEachFieldWithItsReason) {
  const std::vector<FieldCase> cases{
      {"magic", 0, 1, 'X', Status::kBadMagic},
      {"format_0", 8, 2, 0, Status::kBadFormat},
      {"format_2", 8, 2, 2, Status::kBadFormat},
      {"header_size", 10, 2, 511, Status::kBadLength},
      {"flag_encrypted", 12, 4, 1, Status::kEncryptionUnsupported},
      {"flag_unknown", 12, 4, 2, Status::kUnknownFlag},
      {"flag_top", 12, 4, 0x80000000U, Status::kUnknownFlag},
      {"payload_size_0", 16, 8, 0, Status::kBadPayloadSize},
      {"payload_size_max", 16, 8, ~0ULL, Status::kBadPayloadSize},
      {"payload_size_negative", 16, 8, 1ULL << 63U, Status::kBadPayloadSize},
      {"image_size_0", 24, 8, 0, Status::kBadImageSize},
      {"image_size_odd", 24, 8, 4097, Status::kBadImageSize},
      {"image_size_negative", 24, 8, 1ULL << 63U, Status::kBadImageSize},
      {"image_size_over_max", 24, 8, (1ULL << 48U) + 4096, Status::kBadImageSize},
      {"image_size_2_gib", 24, 8, 1ULL << 31U, Status::kBadChunkCount},
      {"image_size_4_gib", 24, 8, 1ULL << 32U, Status::kBadChunkCount},
      {"chunk_count_0", 32, 8, 0, Status::kBadChunkCount},
      {"chunk_count_wraps", 32, 8, (1ULL << 32U) + 23, Status::kBadChunkCount},
      {"page_count_0", 40, 8, 0, Status::kBadPageShape},
      {"page_count_more", 40, 8, 1000, Status::kBadPageShape},
      {"chunk_size_0", 48, 4, 0, Status::kBadChunkSize},
      {"chunk_size_odd", 48, 4, 8193, Status::kBadChunkSize},
      {"chunk_size_over_max", 48, 4, 256 * 1024 + 4096, Status::kBadChunkSize},
      {"chunk_size_huge", 48, 4, 0xFFFFF000U, Status::kBadChunkSize},
      {"page_entries_0", 52, 4, 0, Status::kBadPageShape},
      {"page_entries_over_max", 52, 4, 1025, Status::kBadPageShape},
      {"encodings_none", 56, 4, 0, Status::kBadEncodingSet},
      {"encoding_0", 56, 4, 0b1111, Status::kEncodingUnsupported},
      {"encoding_delta_without_base", 56, 4, 0b11110, Status::kBadBase},
      {"encoding_copy_without_base", 56, 4, 0b101110, Status::kBadBase},
      {"encoding_6", 56, 4, 0b1001110, Status::kEncodingUnsupported},
      {"encoding_31", 56, 4, 0x8000000EU, Status::kEncodingUnsupported},
      {"window_0", 60, 4, 0, Status::kBadWindow},
      {"window_larger", 60, 4, 1U << 30U, Status::kBadWindow},
      {"cipher_gcm", 160, 4, 1, Status::kEncryptionUnsupported},
      {"tag_size", 164, 4, 16, Status::kEncryptionUnsupported},
      {"key_id", 168, 1, 1, Status::kEncryptionUnsupported},
      {"envelope_digest", 231, 1, 1, Status::kEncryptionUnsupported},
      {"base_digest", 232, 1, 1, Status::kBadBase},
      {"base_size", 264, 8, 4096, Status::kBadBase},
      {"auxiliary_size", 272, 8, 1, Status::kBadAuxiliary},
      {"auxiliary_digest", 311, 1, 1, Status::kBadAuxiliary},
      {"packed_table_without_base", 312, 4, 100, Status::kBadPageShape},
      {"reserved_first", 316, 1, 1, Status::kReservedNotZero},
      {"reserved_last", 511, 1, 0x80, Status::kReservedNotZero},
  };
  for (const FieldCase& field : cases)
    EXPECT_EQ(decode_with(field.offset, field.value, field.size), field.status) << field.name;
}

TEST(PayloadHeaderFormat, RefusesMissingDigests) {
  for (const std::size_t offset : {64U, 96U, 128U}) {
    auto bytes = valid_header();
    std::fill_n(bytes.begin() + offset, 32, std::uint8_t{0});
    PayloadHeader header;
    EXPECT_EQ(decode_header(bytes, header), Status::kDigestMissing) << offset;
  }
}

TEST(PayloadHeaderFormat, CountsChunksAndPagesAtEveryBoundary) {
  const std::uint64_t mib = 1ULL << 20U;
  for (const std::uint64_t size : {mib / 256, mib / 4, 2048 * mib, 4096 * mib, kImageSizeMax}) {
    for (const std::uint64_t near : {size - 4096, size, size + 4096}) {
      if (near == 0 || near > kImageSizeMax) continue;
      PayloadHeader header;
      header.image_size = near;
      header.chunk_size = kChunkSizeMax;
      header.page_entries = 256;
      header.chunk_count = chunk_count_for(near, kChunkSizeMax);
      header.page_count = page_count_for(header.chunk_count, 256);
      const std::uint64_t last = header.chunk_count - 1;
      EXPECT_EQ(last * kChunkSizeMax + header.decoded_size(last), near);
      EXPECT_EQ(header.decoded_size(header.chunk_count), 0U);
      EXPECT_EQ((header.page_count - 1) * 256 + header.entries_of_page(header.page_count - 1),
                header.chunk_count);
      EXPECT_EQ(header.entries_of_page(header.page_count), 0U);
    }
  }
}

TEST(PayloadHeaderFormat, AcceptsTheLimitsAndRefusesOneBeyond) {
  PayloadHeader header;
  header.image_size = kImageSizeMax;
  header.chunk_size = kChunkSizeMax;
  header.page_entries = kPageEntriesMax;
  header.chunk_count = chunk_count_for(header.image_size, header.chunk_size);
  header.page_count = page_count_for(header.chunk_count, header.page_entries);
  header.encodings = encoding_bit(Encoding::kRaw);
  header.image_digest.fill(1);
  header.manifest_digest.fill(2);
  header.first_page.fill(3);
  const std::uint64_t fixed =
      kHeaderSize + header.page_count * kPageHeaderSize + header.chunk_count * kEntrySize;
  std::array<std::uint8_t, kHeaderSize> out{};
  for (const auto& [size, status] :
       {std::pair{fixed - 1, Status::kBadPayloadSize}, std::pair{fixed, Status::kOk},
        std::pair{fixed + header.image_size, Status::kOk},
        std::pair{fixed + header.image_size + 1, Status::kBadPayloadSize}}) {
    header.payload_size = size;
    EXPECT_EQ(encode_header(header, out), status) << size;
  }
}

TEST(PayloadHeaderVerifier, RefusesEveryBitThatDiffersFromTheSignedIndex) {
  const auto& payload = small_payload();
  for (std::size_t bit = 0; bit < kHeaderSize * 8; ++bit) {
    core::Bytes head(payload.file.begin(), payload.file.begin() + kHeaderSize);
    head[bit / 8] = static_cast<std::uint8_t>(head[bit / 8] ^ (1U << (bit % 8)));
    const auto verified = HeaderVerifier::verify(core::Untrusted<core::ByteView>(head), payload.reference(),
                                                 payload.image.reference());
    ASSERT_FALSE(verified);
    EXPECT_TRUE(verified.error().is(PayloadCode::kHeaderDigest));
  }
}

// Answers: MF-06, T-13
TEST(PayloadHeaderVerifier, RefusesAHeaderForAnotherImageEvenWhenTheIndexNamesIt) {
  const auto& payload = small_payload();
  const TestImage other = make_image(5000, 0, 5);
  const auto head = core::ByteView(payload.file).first(kHeaderSize);
  const auto verify = [&](const PayloadReference& index, const ImageReference& image) {
    return HeaderVerifier::verify(core::Untrusted<core::ByteView>(head), index, image);
  };
  ImageReference image = payload.image.reference();
  image.image_digest = other.reference().image_digest;
  EXPECT_TRUE(verify(payload.reference(), image).error().is(PayloadCode::kIdentity));
  image = payload.image.reference();
  image.manifest_digest = other.reference().manifest_digest;
  EXPECT_TRUE(verify(payload.reference(), image).error().is(PayloadCode::kIdentity));
  image = payload.image.reference();
  image.image_size += 4096;
  EXPECT_TRUE(verify(payload.reference(), image).error().is(PayloadCode::kIdentity));
  PayloadReference index = payload.reference();
  ++index.payload_size;
  EXPECT_TRUE(verify(index, payload.image.reference()).error().is(PayloadCode::kIdentity));
}

TEST(PayloadHeaderVerifier, RefusesEveryOtherHeaderLength) {
  const auto& payload = small_payload();
  for (const std::size_t size : {0UL, 1UL, 511UL, 513UL, 4096UL}) {
    const auto verified =
        HeaderVerifier::verify(core::Untrusted<core::ByteView>(core::ByteView(payload.file).first(size)),
                               payload.reference(), payload.image.reference());
    EXPECT_FALSE(verified) << size;
  }
}

// The index key is hostile: header and pages are signed as changed. Only the image's own digests are out of
// its reach. Answers: MF-04, MF-06, MF-08, VF-01, VF-09
TEST(PayloadTableFormat, RefusesEveryChangedBitOfASignedTable) {
  const auto& payload = small_payload();
  const auto pages = page_offsets(payload.file);
  std::size_t accepted = 0;
  for (const PagePlace& page : pages) {
    for (std::size_t at = page.offset; at < page.offset + page.size; ++at) {
      // rechain() makes the links right again, except in the last page, which has none.
      const bool is_link = at - page.offset >= 24 && at - page.offset < 56;
      if (is_link && page.offset != pages.back().offset) continue;
      core::Bytes file = payload.file;
      file[at] = static_cast<std::uint8_t>(file[at] ^ (1U << (at % 8)));
      rechain(file, pages);
      SparseDevice slot(payload.image.bytes.size());
      const auto installed =
          install(file, resign(file).reference(), payload.image.reference(), slot, 100'000);
      if (installed) {
        // Only a zstd chunk's decoded digest decides nothing in a first install: it steers what a resume
        // keeps.
        const std::size_t inside = (at - page.offset - kPageHeaderSize) % kEntrySize;
        EXPECT_GE(inside, 64U) << at;
        EXPECT_EQ(file[at - inside], static_cast<std::uint8_t>(Encoding::kZstd));
        EXPECT_EQ(slot.content(), payload.image.bytes);
        ++accepted;
      }
    }
  }
  EXPECT_EQ(accepted, payload.summary.chunks_zstd * 32);
}

TEST(PayloadTableFormat, RefusesUnknownAndUnannouncedEncodingsInATableEntry) {
  const auto& payload = small_payload();
  const auto pages = page_offsets(payload.file);
  for (const unsigned encoding : {0U, 4U, 5U, 6U, 31U, 32U, 255U}) {
    core::Bytes file = payload.file;
    file[pages[0].offset + kPageHeaderSize] = static_cast<std::uint8_t>(encoding);
    rechain(file, pages);
    SparseDevice slot(payload.image.bytes.size());
    const auto installed = install(file, resign(file).reference(), payload.image.reference(), slot);
    ASSERT_FALSE(installed);
    const bool is_assigned = encoding == 4 || encoding == 5;  // known, but not announced by this header
    EXPECT_TRUE(installed.error().is(is_assigned ? PayloadCode::kPageInvalid : PayloadCode::kUnsupported))
        << encoding << installed.error().sentence();
    EXPECT_TRUE(slot.blocks.empty());
  }
}

TEST(PayloadTableFormat, RefusesAPageOfAnotherPlace) {
  const auto& payload = small_payload();
  const auto pages = page_offsets(payload.file);
  ASSERT_GT(pages.size(), 2U);
  core::Bytes file = payload.file;
  std::copy_n(payload.file.begin() + static_cast<std::ptrdiff_t>(pages[0].offset), pages[0].size,
              file.begin() + static_cast<std::ptrdiff_t>(pages[1].offset));
  rechain(file, pages);
  SparseDevice slot(payload.image.bytes.size());
  const auto installed = install(file, resign(file).reference(), payload.image.reference(), slot);
  ASSERT_FALSE(installed);
  EXPECT_TRUE(installed.error().is(PayloadCode::kPageInvalid)) << installed.error().sentence();
}

// Answers: T-34
TEST(PayloadTableFormat, RefusesASignedSizeThatLeavesAHole) {
  const auto& payload = small_payload();
  const auto pages = page_offsets(payload.file);
  for (const std::size_t extra : {1UL, 100UL, 4096UL}) {
    core::Bytes file = payload.file;
    file.resize(file.size() + extra, 0xAA);
    for (std::size_t i = 0; i < 8; ++i)
      file[16 + i] = static_cast<std::uint8_t>(std::uint64_t{file.size()} >> (8 * i));
    rechain(file, pages);
    SparseDevice slot(payload.image.bytes.size());
    const auto installed = install(file, resign(file).reference(), payload.image.reference(), slot);
    ASSERT_FALSE(installed);
    EXPECT_TRUE(installed.error().is(PayloadCode::kPageInvalid)) << installed.error().sentence();
  }
}

// One chunk of 8192 bytes in one page; the entry as a test wants it.
Status check_entry_page(const ChunkEntry& entry) {
  PayloadHeader header;
  header.image_size = 8192;
  header.chunk_size = 8192;
  header.chunk_count = 1;
  header.page_entries = 1;
  header.page_count = 1;
  header.encodings = kEncodingsSupported;
  core::Bytes page(page_size(1));
  encode_page_header(0, 1, {}, page);
  encode_entry(entry, core::ByteSpan(page).subspan(kPageHeaderSize).first<kEntrySize>());
  PageLink next;
  return check_page(header, 0, page, next);
}

TEST(PayloadTableFormat, BoundsTheStoredSizeOnBothSides) {
  Digest some{};
  some.fill(1);
  const auto check = [&](Encoding encoding, std::uint32_t stored) {
    const Digest digest = encoding == Encoding::kZero ? Digest{} : some;
    return check_entry_page({encoding, stored, 8192, digest, digest});
  };
  EXPECT_EQ(check(Encoding::kRaw, 8191), Status::kBadStoredSize);
  EXPECT_EQ(check(Encoding::kRaw, 8192), Status::kOk);
  EXPECT_EQ(check(Encoding::kRaw, 8193), Status::kBadStoredSize);
  EXPECT_EQ(check(Encoding::kZstd, 0), Status::kBadStoredSize);
  EXPECT_EQ(check(Encoding::kZstd, 1), Status::kOk);
  EXPECT_EQ(check(Encoding::kZstd, 8191), Status::kOk);
  EXPECT_EQ(check(Encoding::kZstd, 8192), Status::kBadStoredSize);
  EXPECT_EQ(check(Encoding::kZero, 0), Status::kOk);
  EXPECT_EQ(check(Encoding::kZero, 1), Status::kBadStoredSize);
}

TEST(PayloadTableFormat, RefusesAnEncodingThatIsListedButNotUsed) {
  // Only zeros and text: no chunk needs the raw encoding.
  TestImage image = make_image(100, 0);
  const TestPayload payload = make_test_payload(std::move(image), {.chunk_size = 4096, .page_entries = 8});
  ASSERT_EQ(payload.summary.chunks_raw, 0U);
  core::Bytes file = payload.file;
  file[56] = static_cast<std::uint8_t>(file[56] | encoding_bit(Encoding::kRaw));
  SparseDevice slot(payload.image.bytes.size());
  const auto installed = install(file, resign(file).reference(), payload.image.reference(), slot);
  ASSERT_FALSE(installed);
  EXPECT_TRUE(installed.error().is(PayloadCode::kPageInvalid)) << installed.error().sentence();
}

TEST(PayloadErrors, HaveUniqueNumbersInTheirRange) {
  const auto table = payload_error_table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table[i].number, 301 + i);
    EXPECT_TRUE(table[i].name.starts_with("payload."));
    EXPECT_FALSE(table[i].meaning.empty());
  }
}

}  // namespace
}  // namespace aseptic::payload::tests
