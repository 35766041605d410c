// SPDX-License-Identifier: Apache-2.0
// The packed table of a delta: smaller, the same image, and no way round the checks of a plain one.
#include <gtest/gtest.h>
#include <zstd.h>

#include "aseptic/payload/make/seal.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "delta_support.h"
#include "slow_delta.h"

namespace aseptic::payload::tests {
namespace {

MakeOptions options_of(bool pack, std::uint32_t page_entries) {
  MakeOptions options = delta_options();
  options.pack_table = pack;
  options.page_entries = page_entries;
  return options;
}

core::Bytes content(std::size_t inserted) {
  core::Bytes bytes = mixed_bytes(300'000, 5);
  bytes.insert(bytes.begin() + 90'000, inserted, 0x77);
  return bytes;
}

DeltaPair pair_of(bool pack, std::uint32_t page_entries) { return make_pair(content(0), content(100), options_of(pack, page_entries)); }

PayloadHeader header_of(const core::Bytes& file) {
  PayloadHeader header;
  EXPECT_EQ(decode_header(core::ByteView(file).first<kHeaderSize>(), header), Status::kOk);
  return header;
}

void put_u32(core::Bytes& file, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    file[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

class PackedTable : public testing::Test {
 protected:
  static const DeltaPair& packed() {
    static const DeltaPair pair = pair_of(true, 8);
    return pair;
  }
  static const DeltaPair& one_page() {
    static const DeltaPair pair = pair_of(true, 1024);
    return pair;
  }
  core::Result<void> install_from(const DeltaPair& pair, const core::Bytes& file, const DeltaInstall& how = {}) {
    fill_device(old_slot_, pair.old_image.bytes);
    const BaseSlot base{&old_slot_, pair.old_image.image_digest, pair.old_image.bytes.size()};
    return install_delta(file, resign(file).reference(), pair.payload.image.reference(), slot_, base, how);
  }

  SparseDevice old_slot_{1U << 20U};
  SparseDevice slot_{1U << 20U};
};

// Where the one page of a table lies, and files with another one in its place, signed by somebody who signs anything.
class OnePage {
 public:
  explicit OnePage(const core::Bytes& file) : file_(file), header_(header_of(file)), at_(kHeaderSize + static_cast<std::size_t>(header_.auxiliary_size)) {}

  [[nodiscard]] core::Bytes page() const {
    core::Bytes out(page_size(header_.entries_of_page(0)));
    EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), file_.data() + at_, header_.first_page_size), out.size());
    return out;
  }
  [[nodiscard]] core::Bytes with_stored(const core::Bytes& stored) const {
    core::Bytes file = file_;
    const auto from = file.begin() + static_cast<std::ptrdiff_t>(at_);
    file.erase(from, from + header_.first_page_size);
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(at_), stored.begin(), stored.end());
    put_u32(file, offsetof(HeaderWire, payload_size), static_cast<std::uint32_t>(file.size()));
    put_u32(file, offsetof(HeaderWire, first_page_size), static_cast<std::uint32_t>(stored.size()));
    const auto digest = core::sha256(stored);
    std::ranges::copy(digest.bytes, file.begin() + offsetof(HeaderWire, first_page));
    return file;
  }
  [[nodiscard]] core::Bytes stored() const {
    const auto from = file_.begin() + static_cast<std::ptrdiff_t>(at_);
    return {from, from + header_.first_page_size};
  }

 private:
  const core::Bytes& file_;
  PayloadHeader header_;
  std::size_t at_;
};

core::Bytes frame_of(const core::Bytes& bytes) {
  core::Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 19));
  return out;
}

TEST_F(PackedTable, GivesTheSameImageFromFewerBytes) {
  const DeltaPair plain = pair_of(false, 8);
  ASSERT_TRUE(header_of(packed().payload.file).has_packed_table());
  ASSERT_FALSE(header_of(plain.payload.file).has_packed_table());
  EXPECT_EQ(packed().payload.image.bytes, plain.payload.image.bytes);
  const std::size_t table = page_size(8) * header_of(plain.payload.file).page_count;
  EXPECT_LT(packed().payload.file.size() + table / 4, plain.payload.file.size());
  const auto done = install_from(packed(), packed().payload.file);
  ASSERT_TRUE(done) << done.error().sentence();
  EXPECT_TRUE(measure_slot(slot_, packed().payload.image.reference()));
}

TEST_F(PackedTable, IsReadAlikeByTheSecondDecoder) {
  SlowTools tools;
  tools.digest = [](const core::Bytes& bytes) {
    const auto digest = core::sha256(bytes);
    return core::Bytes(digest.bytes.begin(), digest.bytes.end());
  };
  tools.decode = [](unsigned codec, const core::Bytes& stored, std::uint64_t size) {
    core::Bytes text(size);
    const bool is_whole = codec == 3 && ZSTD_decompress(text.data(), text.size(), stored.data(), stored.size()) == size;
    return is_whole ? text : core::Bytes();
  };
  for (const DeltaPair* pair : {&packed(), &one_page()}) {
    const auto image = slow_delta_payload(pair->payload.file, pair->old_image.bytes, tools);
    ASSERT_TRUE(image);
    EXPECT_EQ(*image, pair->payload.image.bytes);
  }
}

// Answers: DL-03
TEST_F(PackedTable, ResumesAfterEveryChunk) {
  const TestPayload& payload = packed().payload;
  fill_device(old_slot_, packed().old_image.bytes);
  const BaseSlot base{&old_slot_, packed().old_image.image_digest, packed().old_image.bytes.size()};
  const auto header = payload.verify();
  ASSERT_TRUE(header);
  for (std::uint64_t cut = 0; cut <= (*header)->chunk_count; ++cut) {
    SparseDevice slot(1U << 20U);
    auto first = PayloadInstaller::begin(*header, slot, {}, {.flush_every_bytes = 1}, base);
    ASSERT_TRUE(first);
    for (std::size_t at = 0; at < payload.file.size() && first->progress().chunks_done < cut; ++at)
      ASSERT_TRUE(first->feed(at, core::ByteView(payload.file).subspan(at, 1)));
    const auto done = install_delta(payload.file, payload.reference(), payload.image.reference(), slot, base,
                                    {.hint = {first->progress().chunks_durable}});
    ASSERT_TRUE(done) << "cut " << cut << ": " << done.error().sentence();
  }
}

// Answers: T-29
TEST_F(PackedTable, IsHashedBeforeItIsUnpacked) {
  const std::size_t at = kHeaderSize + static_cast<std::size_t>(header_of(one_page().payload.file).auxiliary_size);
  for (std::size_t i = 0; i < header_of(one_page().payload.file).first_page_size; ++i) {
    core::Bytes file = one_page().payload.file;
    file[at + i] ^= 1U;
    const auto refused = install_from(one_page(), file);
    ASSERT_FALSE(refused);
    ASSERT_TRUE(refused.error().is(PayloadCode::kPageDigest)) << refused.error().sentence();
  }
  EXPECT_TRUE(slot_.blocks.empty());
}

// Answers: T-31, T-42
TEST_F(PackedTable, RefusesFramesThatAreNotExactlyOnePage) {
  const OnePage table(one_page().payload.file);
  ASSERT_TRUE(install_from(one_page(), table.with_stored(frame_of(table.page())))) << "the way of this test";
  slot_.blocks.clear();
  core::Bytes longer = table.page();
  longer.push_back(0);
  core::Bytes shorter = table.page();
  shorter.pop_back();
  core::Bytes bomb(64U << 20U, 0);
  core::Bytes trailing = table.stored();
  trailing.push_back(0);
  core::Bytes twice = table.stored();
  const core::Bytes empty_frame = frame_of({});
  twice.insert(twice.end(), empty_frame.begin(), empty_frame.end());
  core::Bytes noise(table.stored().size(), 0x5A);
  for (const core::Bytes& stored : {frame_of(longer), frame_of(shorter), frame_of(bomb), trailing, twice, noise}) {
    const auto refused = install_from(one_page(), table.with_stored(stored));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(PayloadCode::kChunkDecode) || refused.error().is(PayloadCode::kPageInvalid) ||
                refused.error().is(PayloadCode::kHeaderInvalid))
        << refused.error().sentence();
  }
  EXPECT_TRUE(slot_.blocks.empty());
}

// Answers: T-34
TEST_F(PackedTable, ItsEntriesObeyTheRulesOfAPlainOne) {
  const OnePage table(one_page().payload.file);
  core::Bytes page = table.page();
  page[kPageHeaderSize + 20] = 1;  // reserved
  const auto refused = install_from(one_page(), table.with_stored(frame_of(page)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(PayloadCode::kPageInvalid)) << refused.error().sentence();
}

TEST_F(PackedTable, HasOneFormForEachTable) {
  core::Bytes head(one_page().payload.file.begin(), one_page().payload.file.begin() + kHeaderSize);
  const auto decode = [&](std::uint32_t size) {
    put_u32(head, offsetof(HeaderWire, first_page_size), size);
    PayloadHeader header;
    return decode_header(core::ByteView(head).first<kHeaderSize>(), header);
  };
  const std::uint32_t plain = page_size(header_of(one_page().payload.file).entries_of_page(0));
  EXPECT_EQ(decode(plain - 1), Status::kOk);
  EXPECT_EQ(decode(plain), Status::kBadPageShape) << "packing must win";
  EXPECT_EQ(decode(~std::uint32_t{0}), Status::kBadPageShape);
  TestPayload full = make_test_payload(make_image_of(content(0), 7), small_options());
  put_u32(full.file, offsetof(HeaderWire, first_page_size), 100);
  PayloadHeader header;
  EXPECT_EQ(decode_header(core::ByteView(full.file).first<kHeaderSize>(), header), Status::kBadPageShape) << "a full payload's is plain";
}

TEST_F(PackedTable, EveryPageSaysHowTheNextOneIsStored) {
  PayloadHeader header = header_of(packed().payload.file);
  ASSERT_GT(header.page_count, 2U);
  Digest some{};
  some.fill(1);
  const auto check = [&](std::uint64_t index, const PageLink& next) {
    core::Bytes page(page_size(header.entries_of_page(index)));
    encode_page_header(index, header.entries_of_page(index), next, page);
    for (std::uint32_t i = 0; i < header.entries_of_page(index); ++i)
      encode_entry({Encoding::kZero, 0, header.chunk_size, {}, {}}, core::ByteSpan(page).subspan(kPageHeaderSize + i * kEntrySize).first<kEntrySize>());
    PageLink link;
    PayloadHeader announced = header;
    announced.encodings |= encoding_bit(Encoding::kZero);
    return check_page(announced, index, page, link);
  };
  EXPECT_EQ(check(0, {some, 100}), Status::kOk);
  EXPECT_EQ(check(0, {some, 0}), Status::kBadPageLink) << "all pages are packed or none";
  EXPECT_EQ(check(0, {some, page_size(header.entries_of_page(1))}), Status::kBadPageLink);
  EXPECT_EQ(check(header.page_count - 1, {}), Status::kOk);
  EXPECT_EQ(check(header.page_count - 1, {{}, 100}), Status::kBadPageLink);
  header.first_page_size = 0;
  EXPECT_EQ(check(0, {some, 0}), Status::kOk);
  EXPECT_EQ(check(0, {some, 100}), Status::kBadPageLink);
}

TEST_F(PackedTable, IsPlainAgainInASealedPayload) {
  MemoryPayload plain, out;
  plain.content = packed().payload.file;
  MemoryImage image(packed().payload.image.bytes), base(packed().old_image.bytes);
  platform::PosixEntropy entropy;
  const auto sealed = seal_payload(plain, out, image, &base, entropy);  // installs what it made and compares
  ASSERT_TRUE(sealed) << sealed.error().sentence();
  const PayloadHeader header = header_of(out.content);
  EXPECT_TRUE(header.is_encrypted());
  EXPECT_FALSE(header.has_packed_table());
  EXPECT_EQ(header.payload_size, out.content.size());
  core::Bytes head(out.content.begin(), out.content.begin() + kHeaderSize);
  put_u32(head, offsetof(HeaderWire, first_page_size), 100);
  PayloadHeader refused;
  EXPECT_EQ(decode_header(core::ByteView(head).first<kHeaderSize>(), refused), Status::kBadPageShape);
}

}  // namespace
}  // namespace aseptic::payload::tests
