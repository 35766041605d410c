// SPDX-License-Identifier: Apache-2.0
// Encrypted payloads: what they give back, to whom, and what a hostile publisher of tables can do with them.
#include "aseptic/payload/make/seal.h"

#include <gtest/gtest.h>

#include "aseptic/platform/posix/posix_entropy.h"
#include "delta_support.h"
#include "rechain.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::string_view kCanary = "THE DOSE TABLE OF THE SECRET PUMP";

struct Sealed {
  core::Bytes file;
  SealedPayload facts;
};

Sealed seal(const core::Bytes& plain_file, const TestImage& image, const TestImage* base = nullptr) {
  MemoryPayload plain, out;
  plain.content = plain_file;
  MemoryImage source(image.bytes);
  std::optional<MemoryImage> base_source;
  if (base != nullptr) base_source.emplace(base->bytes);
  platform::PosixEntropy entropy;
  auto sealed = seal_payload(plain, out, source, base_source ? &*base_source : nullptr, entropy);
  if (!sealed) throw std::runtime_error(sealed.error().sentence());
  return {std::move(out.content), *std::move(sealed)};
}

TestImage image_with_canary() {
  core::Bytes content = mixed_bytes(60'000, 3);
  for (std::size_t at = 100; at + kCanary.size() < content.size(); at += 9000) std::ranges::copy(kCanary, content.begin() + static_cast<std::ptrdiff_t>(at));
  return make_image_of(std::move(content), 7);
}

const TestPayload& plain() {
  static const TestPayload payload = make_test_payload(image_with_canary(), small_options());
  return payload;
}
const Sealed& sealed() {
  static const Sealed made = seal(plain().file, plain().image);
  return made;
}

core::Result<void> install(const core::Bytes& file, const core::SecretKey* key, SparseDevice& slot, ResumeHint hint = {}, BaseSlot base = {},
                           const TestImage& image = plain().image) {
  const Resigned signer = resign(file);
  ASEPTIC_TRY(const auto header, HeaderVerifier::verify(core::Untrusted<core::ByteView>(core::ByteView(file).first(kHeaderSize)),
                                                        signer.reference(), image.reference()));
  ASEPTIC_TRY(auto installer, PayloadInstaller::begin(header, slot, hint, {.flush_every_bytes = 1, .content_key = key}, base));
  ASEPTIC_TRY_VOID(installer.feed(0, core::ByteView(file).subspan(0)));
  ASEPTIC_TRY_VOID(installer.finish());
  const auto measured = measure_slot(slot, image.reference());
  if (!measured) return measured.error();
  return {};
}

core::Error refusal(const core::Bytes& file, const core::SecretKey* key) {
  SparseDevice slot(plain().image.bytes.size());
  auto installed = install(file, key, slot);
  if (installed) return {PayloadCode::kSelfCheck, "it was installed"};
  return installed.error();
}

bool contains(const core::Bytes& bytes, core::ByteView part) { return !std::ranges::search(bytes, part).empty(); }

PayloadHeader header_of(const core::Bytes& file) {
  PayloadHeader header;
  if (!ok(decode_header(core::ByteView(file).first<kHeaderSize>(), header))) std::abort();
  return header;
}
// Entry bytes of a chunk on the first page.
std::size_t entry_at(std::size_t chunk) { return kHeaderSize + kPageHeaderSize + chunk * kEntrySize; }

// Answers: CF-01, T-37
TEST(SealedPayloads, GivesBackTheImageToTheHolderOfTheKey) {
  SparseDevice slot(plain().image.bytes.size());
  const auto installed = install(sealed().file, &sealed().facts.content_key, slot);
  ASSERT_TRUE(installed) << installed.error().sentence();
  EXPECT_EQ(slot.content(), plain().image.bytes);
}

// What a cache, a mirror or a CDN holds. The plain payload shows that the search would find them.
// Answers: CF-01, T-23
TEST(SealedPayloads, HoldsNeitherPlainBytesNorDigestsOfThem) {
  ASSERT_TRUE(contains(plain().file, core::as_bytes(kCanary)));
  EXPECT_FALSE(contains(sealed().file, core::as_bytes(kCanary)));
  for (std::size_t at = 0; at < plain().image.bytes.size(); at += 8192) {
    const auto chunk = core::ByteView(plain().image.bytes).subspan(at, std::min<std::size_t>(8192, plain().image.bytes.size() - at));
    EXPECT_FALSE(contains(sealed().file, core::sha256(chunk).bytes)) << at;
  }
  EXPECT_FALSE(contains(sealed().file, sealed().facts.content_key.view()));
}

// Answers: CF-01, CF-03, T-37
TEST(SealedPayloads, WithoutItsKeyOrWithTheKeyOfAnotherReleaseNothingIsWritten) {
  const Sealed later = seal(plain().file, plain().image);
  const std::array<const core::SecretKey*, 2> wrong{nullptr, &later.facts.content_key};
  for (const core::SecretKey* key : wrong) {
    SparseDevice slot(plain().image.bytes.size());
    const auto installed = install(sealed().file, key, slot);
    ASSERT_FALSE(installed);
    EXPECT_TRUE(installed.error().is(PayloadCode::kContentKey));
    EXPECT_EQ(slot.writes, 0);
  }
}

// The same image sealed twice: other key, other bytes. A key cannot be given, so no nonce can be used twice with one.
// Answers: CF-01, CF-03
TEST(SealedPayloads, EachHasAFreshKey) {
  const Sealed again = seal(plain().file, plain().image);
  EXPECT_NE(again.facts.key_id, sealed().facts.key_id);
  EXPECT_FALSE(std::ranges::equal(again.facts.content_key.view(), sealed().facts.content_key.view()));
  const std::size_t chunks = page_offsets(sealed().file)[0].offset + page_offsets(sealed().file)[0].size;
  EXPECT_FALSE(std::ranges::equal(core::ByteView(again.file).subspan(chunks, 4096), core::ByteView(sealed().file).subspan(chunks, 4096)));
}

// Changed sealed bytes are a wrong digest, never a failed decryption: nothing unauthentic reaches the cipher.
// Answers: CF-02
TEST(SealedPayloads, IsVerifiedFirstAndDecryptedSecond) {
  const auto pages = page_offsets(sealed().file);
  for (const std::size_t at : {pages[0].offset + pages[0].size + 5, pages[1].offset - 1}) {
    core::Bytes bad = sealed().file;
    bad[at] ^= 1;
    EXPECT_TRUE(refusal(bad, &sealed().facts.content_key).is(PayloadCode::kChunkDigest)) << at;
  }
  core::Bytes bad = sealed().file;
  bad[pages[0].offset + kPageHeaderSize + 40] ^= 1;
  EXPECT_TRUE(refusal(bad, &sealed().facts.content_key).is(PayloadCode::kPageDigest));
}

// A table that is signed, but exchanges two chunks with their entries: as stored they are authentic, at their place they are not.
// Answers: CF-01, T-29
TEST(SealedPayloads, AChunkAtAnotherPlaceDoesNotOpen) {
  core::Bytes file = sealed().file;
  const auto pages = page_offsets(file);
  const PayloadHeader header = header_of(file);
  const auto page = core::ByteView(file).subspan(pages[0].offset, pages[0].size);
  ChunkEntry first, second;
  ASSERT_TRUE(ok(decode_entry(header, 0, page, first)) && ok(decode_entry(header, 1, page, second)));
  ASSERT_NE(first.stored_size, 0u);
  ASSERT_NE(second.stored_size, 0u);
  const auto chunks = file.begin() + static_cast<std::ptrdiff_t>(pages[0].offset + pages[0].size);
  std::rotate(chunks, chunks + first.stored_size, chunks + first.stored_size + second.stored_size);
  std::swap_ranges(file.begin() + static_cast<std::ptrdiff_t>(entry_at(0)), file.begin() + static_cast<std::ptrdiff_t>(entry_at(1)),
                   file.begin() + static_cast<std::ptrdiff_t>(entry_at(1)));
  rechain(file, pages);
  EXPECT_TRUE(refusal(file, &sealed().facts.content_key).is(PayloadCode::kNotOpened));
}

// Answers: CF-01, T-29
TEST(SealedPayloads, AChangedTagDoesNotOpenAlthoughTheTableAgrees) {
  core::Bytes file = sealed().file;
  const auto pages = page_offsets(file);
  ChunkEntry entry;
  ASSERT_TRUE(ok(decode_entry(header_of(file), 0, core::ByteView(file).subspan(pages[0].offset, pages[0].size), entry)));
  const std::size_t chunk = pages[0].offset + pages[0].size;
  file[chunk + entry.stored_size - 1] ^= 1;
  const core::Digest digest = core::sha256(core::ByteView(file).subspan(chunk, entry.stored_size));
  std::ranges::copy(digest.bytes, file.begin() + static_cast<std::ptrdiff_t>(entry_at(0) + 32));
  rechain(file, pages);
  EXPECT_TRUE(refusal(file, &sealed().facts.content_key).is(PayloadCode::kNotOpened));
}

// A table entry whose stored size leaves no room for a tag is refused before anything is read.
TEST(SealedPayloads, AStoredSizeWithoutRoomForTheTagIsRefused) {
  core::Bytes file = sealed().file;
  const auto pages = page_offsets(file);
  const PayloadHeader header = header_of(file);
  const auto page = core::ByteSpan(file).subspan(pages[0].offset, pages[0].size);
  ChunkEntry entry;
  for (std::uint32_t i = 0; i < header.entries_of_page(0); ++i) {
    ASSERT_TRUE(ok(decode_entry(header, i, page, entry)));
    if (entry.encoding == Encoding::kZero) continue;
    ChunkEntry bad = entry;
    bad.stored_size = entry.encoding == Encoding::kRaw ? entry.decoded_size : kTagSize;
    encode_entry(bad, page.subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
    EXPECT_EQ(decode_entry(header, i, page, bad), Status::kBadStoredSize) << i;
    encode_entry(entry, page.subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
  }
}

// Answers: DL-03, CF-01
TEST(SealedPayloads, ResumesFromWhatIsOnTheMedium) {
  SparseDevice slot(plain().image.bytes.size());
  ASSERT_TRUE(install(sealed().file, &sealed().facts.content_key, slot));
  const int writes = slot.writes;
  ASSERT_TRUE(install(sealed().file, &sealed().facts.content_key, slot, {~std::uint64_t{0}}));
  EXPECT_EQ(slot.writes, writes) << "every chunk was there";
}

// Answers: CF-01, AP-03
TEST(SealedPayloads, ADeltaIsSealedWithItsCopyMap) {
  const DeltaPair pair = program_pair();
  const Sealed delta = seal(pair.payload.file, pair.payload.image, &pair.old_image);
  const PayloadHeader before = header_of(pair.payload.file), after = header_of(delta.file);
  EXPECT_EQ(after.auxiliary_size, before.auxiliary_size + kTagSize);
  SparseDevice base(pair.old_image.bytes.size()), slot(pair.payload.image.bytes.size());
  fill_device(base, pair.old_image.bytes);
  const BaseSlot base_slot{&base, pair.old_image.image_digest, pair.old_image.bytes.size()};
  const auto installed = install(delta.file, &delta.facts.content_key, slot, {}, base_slot, pair.payload.image);
  ASSERT_TRUE(installed) << installed.error().sentence();
  EXPECT_EQ(slot.content(), pair.payload.image.bytes);
}

}  // namespace
}  // namespace aseptic::payload::tests
