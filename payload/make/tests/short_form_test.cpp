// SPDX-License-Identifier: Apache-2.0
// The short form of a delta payload: it leads to the same image, costs next to nothing where next to nothing changed, and whatever
// is wrong with it, with the base or with what was signed, no byte is written.
#include <gtest/gtest.h>

#include "aseptic/payload/make/seal.h"
#include "short_form_support.h"
#include "file_systems.h"

namespace aseptic::payload::tests {
namespace {

const DeltaPair& pair() {
  static const DeltaPair made = short_pair();
  return made;
}
const core::Bytes& file() { return pair().payload.file; }

class ShortForm : public testing::Test {
 protected:
  void SetUp() override { fill_device(old_slot_, pair().old_image.bytes); }
  BaseSlot base(platform::BlockDevice& device) { return {&device, pair().old_image.image_digest, pair().old_image.bytes.size()}; }
  core::Result<void> install(const core::Bytes& bytes, ResumeHint hint = {}) {
    return install_short(bytes, short_reference(bytes, pair().payload.summary.header_digest), pair().payload.image.reference(), slot_,
                         base(old_slot_), hint);
  }
  void expect_refused(const core::Result<void>& done, PayloadCode code) {
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(code)) << done.error().sentence();
    EXPECT_EQ(slot_.writes, 0);
  }

  SparseDevice old_slot_{1U << 20U};
  SparseDevice slot_{1U << 20U};
};

// Answers: DL-01
TEST_F(ShortForm, GivesBackTheImage) {
  ASSERT_TRUE(pair().payload.summary.is_short);
  const auto& summary = pair().payload.summary;
  for (const std::uint64_t count : {summary.chunks_copied, summary.chunks_delta, summary.chunks_zero, summary.chunks_raw, summary.chunks_zstd})
    EXPECT_GT(count, 0U) << "the pair has lost a kind of chunk";
  const auto done = install(file());
  ASSERT_TRUE(done) << done.error().sentence();
  core::Bytes content = slot_.content();
  content.resize(pair().payload.image.bytes.size());
  EXPECT_EQ(content, pair().payload.image.bytes);
}

// Answers: DL-01
TEST(ShortFormSize, ATinyChangeCostsTheSameWhateverTheImageSize) {
  std::vector<std::uint64_t> sizes;
  for (const std::size_t blocks : {16U, 200U}) {
    const core::Bytes old_content = mixed_bytes(blocks * 4096, 3);
    core::Bytes new_content = old_content;
    for (std::size_t i = 0; i < 20; ++i)
      new_content[8000 + i] ^= static_cast<std::uint8_t>(37 * i + 1);
    MakeOptions options = short_options();
    options.chunk_size = 4096;
    options.page_entries = 64;
    const DeltaPair made = make_pair(old_content, new_content, options);
    ASSERT_TRUE(made.payload.summary.is_short);
    sizes.push_back(made.payload.file.size());
  }
  EXPECT_LT(sizes[0], 196U);  // what bsdiff needs at least
  EXPECT_LE(sizes[1], sizes[0] + 24);
}

// Answers: T-29, T-42
TEST_F(ShortForm, EveryChangedByteIsRefusedBeforeAnythingIsParsed) {
  for (std::size_t at = 0; at < file().size(); at += at < 200 ? 1 : 61) {
    core::Bytes changed = file();
    changed[at] ^= 1U;
    expect_refused(install_short(changed, short_reference(file(), pair().payload.summary.header_digest), pair().payload.image.reference(),
                                 slot_, base(old_slot_)),
                   PayloadCode::kHeaderDigest);
  }
}

// Answers: T-13, T-38
TEST_F(ShortForm, WhatASignerOfAnythingChangesLeadsToAnotherHeader) {
  for (std::size_t at = 0; at < file().size(); at += at < 130 ? 1 : 131) {
    core::Bytes changed = file();
    changed[at] ^= static_cast<std::uint8_t>(1U << at % 8);
    EXPECT_FALSE(install(changed)) << at;
    EXPECT_EQ(slot_.writes, 0) << at;
  }
  core::Digest other = pair().payload.summary.header_digest;
  other.bytes[5] ^= 1U;
  expect_refused(install_short(file(), short_reference(file(), other), pair().payload.image.reference(), slot_, base(old_slot_)),
                 PayloadCode::kHeaderDigest);
}

// Answers: VF-06, T-29, T-31
TEST_F(ShortForm, AChangedBaseIsRefusedBeforeAnythingIsDecodedOrWritten) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < pair().old_image.bytes.size(); at += 8209) {
    core::Bytes bytes = pair().old_image.bytes;
    bytes[at] ^= 0x10U;
    fill_device(old_slot_, bytes);
    const auto done = install(file());
    if (done) {  // nothing is made from this byte
      slot_.writes = 0;
      continue;
    }
    ++refused;
    expect_refused(done, PayloadCode::kBase);
  }
  EXPECT_GT(refused, 20U);
}

// Answers: T-31
TEST_F(ShortForm, IsRefusedWithoutABase) {
  const BaseSlot none;
  expect_refused(install_short(file(), short_reference(file(), pair().payload.summary.header_digest), pair().payload.image.reference(),
                               slot_, none),
                 PayloadCode::kBase);
  BaseSlot longer = base(old_slot_);
  longer.image_size = old_slot_.size() + 4096;
  expect_refused(install_short(file(), short_reference(file(), pair().payload.summary.header_digest), pair().payload.image.reference(),
                               slot_, longer),
                 PayloadCode::kBase);
}

// Gives other bytes from the n-th read on.
class ForgetfulDevice final : public SparseDevice {
 public:
  using SparseDevice::SparseDevice;
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    ASEPTIC_TRY_VOID(SparseDevice::read(offset, out));
    if (++reads > good_reads)
      for (auto& byte : out) byte ^= 1U;
    return {};
  }
  std::size_t reads = 0;
  std::size_t good_reads = ~std::size_t{0};
};

// Answers: T-29
TEST_F(ShortForm, ABaseThatGivesOtherBytesTheSecondTimeIsCaughtAtEachRead) {
  ForgetfulDevice base_device(1U << 20U);
  fill_device(base_device, pair().old_image.bytes);
  const auto try_it = [&] {
    base_device.reads = 0;
    SparseDevice slot(1U << 20U);
    const auto done = install_short(file(), short_reference(file(), pair().payload.summary.header_digest),
                                    pair().payload.image.reference(), slot, base(base_device));
    for (const auto& [block, bytes] : slot.blocks) {  // what was written before is right
      const core::ByteView expected = core::ByteView(pair().payload.image.bytes).subspan(static_cast<std::size_t>(block * kBlockSize), kBlockSize);
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), expected.begin()));
    }
    return done;
  };
  ASSERT_TRUE(try_it());
  const std::size_t reads = base_device.reads;
  for (base_device.good_reads = 0; base_device.good_reads < reads; base_device.good_reads += 9) {
    const auto done = try_it();
    ASSERT_FALSE(done) << base_device.good_reads;
    EXPECT_TRUE(done.error().is(PayloadCode::kBase)) << done.error().sentence();
  }
}

// Answers: DL-01
TEST_F(ShortForm, ResumesWhereItWasInterrupted) {
  ASSERT_TRUE(install(file()));
  const int all = slot_.writes;
  slot_.writes = 0;
  ASSERT_TRUE(install(file(), {pair().payload.image.bytes.size() / 8192}));
  EXPECT_LT(slot_.writes, all / 2);
}

// Answers: T-42
TEST_F(ShortForm, ALargeFileIsRefusedWithoutACopyOfIt) {
  core::Bytes large = file();
  large.resize(kShortSizeMax + 1);
  expect_refused(install(large), PayloadCode::kIdentity);
  ShortReference other = short_reference(file(), pair().payload.summary.header_digest);
  other.payload_size += 1;
  expect_refused(install_short(file(), other, pair().payload.image.reference(), slot_, base(old_slot_)), PayloadCode::kIdentity);
}

// Rules of the format, on bytes that somebody signed.
class ShortRules : public testing::Test {
 protected:
  static core::Bytes head(const core::Bytes& numbers, std::size_t section = 0) {
    core::Bytes bytes = {'A', 'S', 'P', 'S'};
    bytes.insert(bytes.end(), numbers.begin(), numbers.end());
    bytes.resize(bytes.size() + section + 32, 0x5A);
    return bytes;
  }
  static Status parse(const core::Bytes& bytes) {
    ShortHead out;
    return decode_short_head(bytes, out);
  }
  // The list alone, for an image of so many chunks of 4096 bytes, 4 to a page.
  static Status walk(const core::Bytes& list, std::uint64_t chunks, std::size_t* rest = nullptr) {
    PayloadHeader header;
    header.chunk_size = 4096;
    header.page_entries = 4;
    header.image_size = chunks * 4096;
    header.chunk_count = chunks;
    ShortEntries entries(header, list);
    for (std::uint64_t i = 0; i < chunks; ++i) {
      ChunkEntry entry;
      if (const Status status = entries.next(entry); !ok(status)) return status;
    }
    if (rest != nullptr) *rest = entries.rest().size();
    return Status::kOk;
  }
};

// Answers: T-35, T-42
TEST_F(ShortRules, TheHeadIsRefusedWhereItBreaksARule) {
  EXPECT_EQ(parse(head({1, 1, 4, 1, 1, 0, 0, 0})), Status::kOk);
  EXPECT_EQ(parse(head({1, 64, 0x80, 0x08, 6}, 3)), Status::kOk);
  EXPECT_EQ(parse({'A', 'S', 'P'}), Status::kBadMagic);
  core::Bytes other = head({1, 1, 4, 0});
  other[3] = 'T';
  EXPECT_EQ(parse(other), Status::kBadMagic);
  EXPECT_EQ(parse(head({2, 1, 4, 0})), Status::kBadFormat);
  EXPECT_EQ(parse(head({1, 0, 4, 0})), Status::kBadShortForm) << "no chunk size";
  EXPECT_EQ(parse(head({1, 65, 4, 0})), Status::kBadShortForm) << "chunk size";
  EXPECT_EQ(parse(head({1, 1, 0, 0})), Status::kBadShortForm) << "no page entries";
  EXPECT_EQ(parse(head({1, 1, 0x81, 0x08, 0})), Status::kBadShortForm) << "page entries";
  EXPECT_EQ(parse(head({1, 1, 0x84, 0, 0})), Status::kBadShortForm) << "a number with a zero in front";
  EXPECT_EQ(parse(head({1, 1, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80})), Status::kBadShortForm) << "a number without an end";
  EXPECT_EQ(parse(head({1, 1, 4, 1, 0x81, 0x80, 0x06, 0, 0, 0})), Status::kBadShortForm) << "98,305 segments";
  EXPECT_EQ(parse(head({1, 1, 4, 1, 0, 0x81, 0x20, 0, 0})), Status::kBadShortForm) << "4,097 elements";
  EXPECT_EQ(parse(head({1, 1, 4, 1, 0, 0, 0x81, 0x80, 0x02, 0})), Status::kBadShortForm) << "32,769 ranges";
  EXPECT_EQ(parse(head({1, 1, 4, 1, 0, 0, 0, 0x81, 0x80, 0x02})), Status::kBadShortForm) << "32,769 areas";
  EXPECT_EQ(parse(head({1, 1, 4, 200, 1})), Status::kBadShortForm) << "a section behind the end";
  core::Bytes large = head({1, 1, 4, 0});
  large.resize(kShortSizeMax + 1);
  EXPECT_EQ(parse(large), Status::kBadShortForm);
  const core::Bytes whole = head({1, 1, 4, 1, 1, 0, 0, 0});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(parse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), Status::kOk) << size;
}

// Answers: T-35, T-42
TEST_F(ShortRules, TheListIsRefusedWhereItBreaksARule) {
  const auto token = [](unsigned run, unsigned count) { return static_cast<std::uint8_t>((count - 1) * 8 + run); };
  std::size_t rest = 0;
  EXPECT_EQ(walk({token(0, 2), token(7, 2), 9, 9, 1, 2, 3}, 4, &rest), Status::kOk);
  EXPECT_EQ(rest, 3U);
  EXPECT_EQ(walk({token(0, 5)}, 4), Status::kBadShortForm) << "a run behind the last chunk";
  EXPECT_EQ(walk({token(0, 3)}, 4), Status::kBadShortForm) << "no run for the last chunk";
  EXPECT_EQ(walk({token(5, 1), 9}, 1), Status::kBadShortForm) << "a delta chunk without a group";
  EXPECT_EQ(walk({token(4, 1)}, 1), Status::kBadShortForm) << "the same without coded bytes";
  EXPECT_EQ(walk({token(6, 1), token(0, 3), token(5, 1), 9}, 5), Status::kBadShortForm) << "a group of the page before";
  EXPECT_EQ(walk({token(7, 1), 0}, 1), Status::kBadShortForm) << "coded bytes of no size";
  EXPECT_EQ(walk({token(7, 1), 0xDF, 0x1F}, 1), Status::kOk) << "4,063 and the digest";
  EXPECT_EQ(walk({token(7, 1), 0xE0, 0x1F}, 1), Status::kBadShortForm) << "4,064";
  EXPECT_EQ(walk({token(2, 1), 0xFF, 0x1F}, 1), Status::kOk) << "4,095";
  EXPECT_EQ(walk({token(2, 1), 0x80, 0x20}, 1), Status::kBadShortForm) << "compression must win";
  EXPECT_EQ(walk({token(3, 1)}, 1), Status::kBadShortForm) << "a copy from nowhere";
  EXPECT_EQ(walk({}, 1), Status::kBadShortForm);
  ChunkEntry entry;
  PayloadHeader nothing;
  EXPECT_EQ(ShortEntries(nothing, core::Bytes{0}).next(entry), Status::kBadShortForm) << "more than all chunks";
}

// Answers: T-34, T-42
TEST_F(ShortForm, BytesBehindTheLastChunkAndTooManyChunksAreRefused) {
  const ImageFacts facts{pair().payload.image.manifest_digest, pair().payload.image.image_digest, pair().payload.image.bytes.size()};
  core::Bytes longer = file();
  longer.push_back(0);
  for (const core::Bytes& bytes : {longer, core::Bytes(file().begin(), file().end() - 1)}) {
    const auto expanded = PayloadSelfCheck::expand(bytes, facts, base(old_slot_));
    ASSERT_FALSE(expanded);
    EXPECT_TRUE(expanded.error().is(PayloadCode::kDeltaInvalid)) << expanded.error().sentence();
  }
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4097}, (kShortChunksMax + 1) * 8192, kImageSizeMax * 2}) {
    const auto expanded = PayloadSelfCheck::expand(file(), {facts.manifest_digest, facts.image_digest, size}, base(old_slot_));
    EXPECT_FALSE(expanded) << size;
  }
  const auto too_many = PayloadSelfCheck::expand(file(), {facts.manifest_digest, facts.image_digest, (kShortChunksMax + 1) * 8192}, base(old_slot_));
  EXPECT_TRUE(too_many.error().sentence().find("more memory") != std::string::npos) << too_many.error().sentence();
}

// Answers: T-35
TEST(ShortFormDifferential, BothDecodersAgreeOnChangedFilesThatSomebodySigned) {
  const SlowTools tools = product_tools();
  const auto slow = slow_short_payload(file(), pair().old_image.bytes, pair().payload.image.bytes.size(), tools);
  ASSERT_TRUE(slow);
  EXPECT_EQ(*slow, pair().payload.image.bytes);
  std::mt19937_64 random(31);
  std::size_t accepted = 0;
  for (int i = 0; i < 60; ++i) {
    core::Bytes changed = file();
    for (std::uint64_t flips = 1 + random() % 2; flips != 0; --flips)
      changed[i % 3 == 0 ? random() % 24 : 5 + random() % (changed.size() - 5)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    const auto second = slow_short_payload(changed, pair().old_image.bytes, pair().payload.image.bytes.size(), tools);
    const core::Bytes first = image_of_signed(changed, pair());
    ASSERT_EQ(!first.empty(), second.has_value()) << i;
    if (second) {
      ++accepted;
      ASSERT_EQ(first, *second) << i;
    }
  }
  EXPECT_GT(accepted, 3U);
}

// Answers: DL-01
TEST(ShortFormRecoded, HoldsRecodedBlocksThatReachOverChunks) {
  const FileTree tree = make_tree(1, 16384);
  if (make_squashfs({{"a", {1, 2, 3}}}, "").empty()) GTEST_FAIL() << "mksquashfs is missing: './dev setup test' installs it";
  MakeOptions options = short_options();
  options.recompression = Recompression::kAlways;
  options.page_entries = 64;
  const std::string how = "-comp gzip -b 16384";
  FileTree changed = tree;
  changed.begin()->second.at(100) ^= 1U;
  const DeltaPair made = make_pair(make_squashfs(tree, how), make_squashfs(changed, how), options);
  ASSERT_TRUE(made.payload.summary.is_short);
  EXPECT_GT(made.payload.summary.recoded_blocks, 0U);
  EXPECT_EQ(image_of_signed(made.payload.file, made), made.payload.image.bytes);
  EXPECT_EQ(slow_short_payload(made.payload.file, made.old_image.bytes, made.payload.image.bytes.size(), product_tools()),
            std::optional(made.payload.image.bytes));
}

// Answers: CF-02
TEST(ShortFormMade, IsNotSealed) {
  MemoryPayload plain;
  plain.content = file();
  MemoryPayload out;
  MemoryImage image(pair().payload.image.bytes);
  MemoryImage base(pair().old_image.bytes);
  class : public platform::Entropy {
   public:
    void fill(core::ByteSpan bytes) override { std::fill(bytes.begin(), bytes.end(), std::uint8_t{7}); }
  } entropy;
  EXPECT_FALSE(seal_payload(plain, out, image, &base, entropy));
  EXPECT_TRUE(out.content.empty());
}

TEST(ShortFormMade, IsNotMadeWhereTheDeviceWouldDecodeMuchTwice) {
  core::Bytes old_content = mixed_bytes(1200 * 1024, 5);
  core::Bytes new_content = old_content;
  std::mt19937_64 random(9);
  for (std::size_t at = 100; at < new_content.size(); at += 700)
    new_content[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
  EXPECT_FALSE(make_pair(std::move(old_content), std::move(new_content), short_options()).payload.summary.is_short);
}

}  // namespace
}  // namespace aseptic::payload::tests
