// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/installer.h"

#include <gtest/gtest.h>

#include <utility>

#include "support.h"

namespace aseptic::payload::tests {
namespace {

const TestPayload& small_payload() {
  static const TestPayload payload = make_test_payload(make_image(70'001, 20 * kBlockSize), small_options());
  return payload;
}

core::Result<void> install(const TestPayload& payload, platform::BlockDevice& slot, std::size_t piece = 1000,
                           ResumeHint hint = {}, InstallOptions options = {}) {
  return tests::install(payload.file, payload.reference(), payload.image.reference(), slot, piece, hint,
                        options);
}

TEST(PayloadInstaller, WritesExactlyTheImage) {
  const auto& payload = small_payload();
  EXPECT_GT(payload.summary.chunks_raw, 0U);
  EXPECT_GT(payload.summary.chunks_zstd, 0U);
  EXPECT_GT(payload.summary.chunks_zero, 0U);
  SparseDevice slot(payload.image.bytes.size());
  const auto installed = install(payload, slot);
  ASSERT_TRUE(installed) << installed.error().sentence();
  EXPECT_EQ(slot.content(), payload.image.bytes);
}

TEST(PayloadInstaller, GivesTheSameSlotForEveryStreamPiece) {
  const auto& payload = small_payload();
  for (const std::size_t piece : {1UL, 7UL, 511UL, 512UL, 513UL, 4096UL, 8192UL, 100'000'000UL}) {
    SparseDevice slot(payload.image.bytes.size());
    ASSERT_TRUE(install(payload, slot, piece)) << piece;
    EXPECT_EQ(slot.content(), payload.image.bytes) << piece;
  }
}

// Answers: MF-06
TEST(PayloadInstaller, ClearsTheSlotBehindTheImage) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size() + 10 * kBlockSize);
  ASSERT_TRUE(slot.write(payload.image.bytes.size() + 3 * kBlockSize, core::Bytes(kBlockSize, 0xEE)));
  ASSERT_TRUE(install(payload, slot));
  EXPECT_LT(slot.blocks.rbegin()->first * kBlockSize, payload.image.bytes.size());
}

TEST(PayloadInstaller, RefusesASlotThatIsOneBlockTooSmall) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size() - kBlockSize);
  const auto installed = install(payload, slot);
  ASSERT_FALSE(installed);
  EXPECT_TRUE(installed.error().is(PayloadCode::kSlotTooSmall));
  EXPECT_TRUE(slot.blocks.empty());
}

// Answers: DL-01, T-34
TEST(PayloadInstaller, RefusesBytesBehindTheSignedEnd) {
  TestPayload payload = small_payload();
  payload.file.push_back(0);
  SparseDevice slot(payload.image.bytes.size());
  for (const std::size_t piece : {payload.file.size(), payload.file.size() - 1, std::size_t{1}}) {
    const auto installed = install(payload, slot, piece);
    ASSERT_FALSE(installed);
    EXPECT_TRUE(installed.error().is(PayloadCode::kTrailingBytes)) << piece;
  }
}

TEST(PayloadInstaller, SaysThatATruncatedStreamMustContinue) {
  const auto& payload = small_payload();
  for (std::size_t size : {kHeaderSize, kHeaderSize + 1, payload.file.size() / 2, payload.file.size() - 1}) {
    TestPayload cut = payload;
    cut.file.resize(size);
    SparseDevice slot(payload.image.bytes.size());
    const auto installed = install(cut, slot);
    ASSERT_FALSE(installed);
    EXPECT_TRUE(installed.error().is(PayloadCode::kTruncated)) << size;
    EXPECT_EQ(installed.error().action(), core::ActionClass::kRetry);
  }
}

TEST(PayloadInstaller, RefusesAStreamWithAGap) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot);
  ASSERT_TRUE(installer);
  const auto fed = installer->feed(installer->next_offset() + 1, core::Bytes(10));
  ASSERT_FALSE(fed);
  EXPECT_TRUE(fed.error().is(PayloadCode::kStreamGap));
}

// Another image on the device.
struct OtherImage {
  explicit OtherImage(const core::Bytes& bytes) : device(bytes.size()) {
    static_cast<void>(device.write(0, bytes).has_value());
  }
  [[nodiscard]] BaseSlot slot() { return {&device, {}, device.size()}; }
  SparseDevice device;
};

// Feeds only what the installer asks for; gives the number of bytes.
std::uint64_t feed_what_is_wanted(PayloadInstaller& installer, const core::Bytes& file) {
  std::uint64_t fed = 0;
  while (!installer.is_complete()) {
    const auto at = static_cast<std::size_t>(installer.next_offset());
    const auto size = static_cast<std::size_t>(installer.wanted_bytes());
    if (!installer.feed(at, core::ByteView(file).subspan(at, size))) return ~std::uint64_t{0};
    fed += size;
  }
  return fed;
}

// Answers: AP-03
TEST(PayloadInstaller, TakesChunksThatLieInAnotherSlotWithoutFetchingThem) {
  const auto& payload = small_payload();
  OtherImage other(payload.image.bytes);
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot, {}, {}, other.slot());
  ASSERT_TRUE(installer);
  const std::uint64_t fed = feed_what_is_wanted(*installer, payload.file);
  EXPECT_GT(installer->progress().chunks_found, 0u);
  EXPECT_LT(fed, payload.file.size() / 4) << "pages, and nothing that the other slot holds";
  ASSERT_TRUE(installer->finish());
  EXPECT_TRUE(measure_slot(slot, payload.image.reference()));
}

// One that counts how often it is read.
class CountingDevice final : public SparseDevice {
 public:
  using SparseDevice::SparseDevice;
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    ++reads;
    return SparseDevice::read(offset, out);
  }
  std::uint64_t reads = 0;
};

// Answers: T-29, VF-04
TEST(PayloadInstaller, ChunksOfAnotherSlotThatDifferInOneBitAreFetched) {
  const auto& payload = small_payload();
  core::Bytes changed = payload.image.bytes;
  for (std::size_t at = 100; at < changed.size(); at += 4096) changed[at] ^= 1;
  OtherImage other(changed);
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot, {}, {}, other.slot());
  ASSERT_TRUE(installer);
  EXPECT_NE(feed_what_is_wanted(*installer, payload.file), ~std::uint64_t{0});
  EXPECT_EQ(installer->progress().chunks_found, 0u);
  ASSERT_TRUE(installer->finish());
  EXPECT_TRUE(measure_slot(slot, payload.image.reference()));
}

// The search must not cost what it saves.
TEST(PayloadInstaller, SeldomLooksWhereLookingHasFoundNothing) {
  const TestPayload payload = make_test_payload(make_image(3'000'001, 20 * kBlockSize), small_options());
  CountingDevice other(payload.image.bytes.size());
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot, {}, {}, {&other, {}, other.size()});
  ASSERT_TRUE(installer);
  EXPECT_NE(feed_what_is_wanted(*installer, payload.file), ~std::uint64_t{0});
  const std::uint64_t chunks = installer->progress().chunks_done;
  ASSERT_GT(chunks, 64u);
  EXPECT_GE(other.reads, 16u);
  EXPECT_LE(other.reads, 16 + chunks / 32 + 1);
}

TEST(PayloadInstaller, StaysFailedAfterAnError) {
  TestPayload payload = small_payload();
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot);
  ASSERT_TRUE(installer);
  core::Bytes bad(payload.file.begin() + kHeaderSize, payload.file.end());
  bad[100] ^= 1;
  ASSERT_FALSE(installer->feed(kHeaderSize, bad));
  const auto again = installer->feed(kHeaderSize, core::ByteView(payload.file).subspan(kHeaderSize));
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(PayloadCode::kPageDigest));
  EXPECT_FALSE(installer->finish());
  EXPECT_TRUE(slot.blocks.empty());
}

// Answers: VF-01, VF-09, MF-06
TEST(PayloadInstaller, RefusesEveryChangedByteAndWritesNoByteOfThatChunk) {
  const auto& payload = small_payload();
  for (std::size_t at = kHeaderSize; at < payload.file.size(); at += at < 1000 ? 1 : 37) {
    core::Bytes changed = payload.file;
    changed[at] ^= 0x20;
    SparseDevice slot(payload.image.bytes.size());
    const auto installed =
        tests::install(changed, payload.reference(), payload.image.reference(), slot, 100'000);
    ASSERT_FALSE(installed) << at;
    EXPECT_TRUE(installed.error().is(PayloadCode::kChunkDigest) ||
                installed.error().is(PayloadCode::kPageDigest))
        << at << installed.error().sentence();
    for (const auto& [block, bytes] : slot.blocks)
      ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(),
                             payload.image.bytes.begin() + static_cast<std::ptrdiff_t>(block * kBlockSize)));
  }
}

// A stream source that changes its own buffer as soon as the installer has taken it.
// Answers: VF-04, T-29
TEST(PayloadInstaller, UsesItsOwnCopyOfTheStream) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot);
  ASSERT_TRUE(installer);
  core::Bytes shared(333);
  for (std::size_t at = 0; at < payload.file.size(); at += shared.size()) {
    const std::size_t size = std::min(shared.size(), payload.file.size() - at);
    std::copy_n(payload.file.begin() + static_cast<std::ptrdiff_t>(at), size, shared.begin());
    ASSERT_TRUE(installer->feed(at, core::ByteView(shared).first(size)));
    std::fill(shared.begin(), shared.end(), std::uint8_t{0xAA});
  }
  ASSERT_TRUE(installer->finish());
  EXPECT_EQ(slot.content(), payload.image.bytes);
}

// Answers: DL-03
TEST(PayloadInstaller, ResumesAtEveryChunkWithoutFetchingItAgain) {
  const auto& payload = small_payload();
  const auto header = payload.verify();
  ASSERT_TRUE(header);
  for (std::uint64_t stop = 0; stop <= (*header)->chunk_count; ++stop) {
    SparseDevice slot(payload.image.bytes.size());
    {
      auto first = PayloadInstaller::begin(*header, slot);
      ASSERT_TRUE(first);
      for (std::size_t at = kHeaderSize; at < payload.file.size() && first->progress().chunks_done < stop;
           ++at)
        ASSERT_TRUE(first->feed(at, core::ByteView(payload.file).subspan(at, 1)));
    }  // killed here
    auto second = PayloadInstaller::begin(*header, slot, {.chunks_written = stop});
    ASSERT_TRUE(second);
    std::uint64_t fed = 0;
    while (!second->is_complete()) {
      const std::uint64_t at = second->next_offset();
      const std::uint64_t size = second->wanted_bytes();
      ASSERT_TRUE(second->feed(at, core::ByteView(payload.file).subspan(at, size)));
      fed += size;
    }
    ASSERT_TRUE(second->finish());
    EXPECT_TRUE(measure_slot(slot, payload.image.reference()));
    const auto progress = second->progress();
    EXPECT_EQ(progress.chunks_done, (*header)->chunk_count);
    if (stop == (*header)->chunk_count) {
      EXPECT_EQ(progress.bytes_written, 0U);
    }
    EXPECT_GE(progress.chunks_kept + payload.summary.chunks_zero + 3, std::min(stop, (*header)->chunk_count));
    EXPECT_LE(fed, payload.file.size() - kHeaderSize);
  }
}

// Answers: DL-03, AP-10
TEST(PayloadInstaller, DoesNotTrustAResumeHint) {
  const auto& payload = small_payload();
  for (const std::uint64_t hint : {std::uint64_t{1}, std::uint64_t{10}, ~std::uint64_t{0}}) {
    SparseDevice slot(payload.image.bytes.size());
    for (std::uint64_t at = 0; at < slot.size(); at += kBlockSize)
      ASSERT_TRUE(slot.write(at, core::Bytes(kBlockSize, 0xEE)));
    ASSERT_TRUE(install(payload, slot, 5000, {.chunks_written = hint}));
    EXPECT_EQ(slot.content(), payload.image.bytes);
  }
}

// Answers: AP-10
TEST(PayloadInstaller, WritesNothingWhenTheSlotHoldsTheImageAlready) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size());
  ASSERT_TRUE(install(payload, slot));
  slot.writes = 0;
  ASSERT_TRUE(install(payload, slot, 5000, {.chunks_written = ~std::uint64_t{0}}));
  EXPECT_EQ(slot.writes, 0);
}

TEST(PayloadInstaller, FlushesOncePerResumeDistanceAndAtTheEnd) {
  const auto& payload = small_payload();
  SparseDevice rarely(payload.image.bytes.size());
  ASSERT_TRUE(install(payload, rarely));
  EXPECT_EQ(rarely.flushes, 1);
  SparseDevice often(payload.image.bytes.size());
  ASSERT_TRUE(install(payload, often, 5000, {}, {.flush_every_bytes = 1}));
  EXPECT_GT(often.flushes, 10);
}

TEST(PayloadInstaller, CountsOnlyFlushedChunksAsDurable) {
  const auto& payload = small_payload();
  SparseDevice slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot);
  ASSERT_TRUE(installer);
  ASSERT_TRUE(installer->feed(0, payload.file));
  EXPECT_TRUE(installer->is_complete());
  EXPECT_EQ(installer->progress().chunks_durable, 0U);
  ASSERT_TRUE(installer->finish());
  EXPECT_EQ(installer->progress().chunks_durable, installer->progress().chunks_done);
}

class FailingDevice final : public SparseDevice {
 public:
  using SparseDevice::SparseDevice;
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    if (writes == fail_at) return core::Error(PayloadCode::kSourceIo, "the medium failed");
    return SparseDevice::write(offset, bytes);
  }
  int fail_at = -1;
};

TEST(PayloadInstaller, ReportsTheMediumsErrorWithTheChunk) {
  const auto& payload = small_payload();
  FailingDevice slot(payload.image.bytes.size());
  slot.fail_at = 2;
  const auto installed = install(payload, slot);
  ASSERT_FALSE(installed);
  EXPECT_NE(installed.error().sentence().find("payload chunk"), std::string::npos);
  EXPECT_NE(installed.error().sentence().find("the medium failed"), std::string::npos);
}

TEST(PayloadInstaller, DoesNotGoOnAfterTheMediumFailedOnce) {
  const auto& payload = small_payload();
  class FailingOnce final : public SparseDevice {
   public:
    using SparseDevice::SparseDevice;
    core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
      if (writes == 1 && !std::exchange(failed, true))
        return core::Error(PayloadCode::kSourceIo, "the medium failed");
      return SparseDevice::write(offset, bytes);
    }
    bool failed = false;
  };
  FailingOnce slot(payload.image.bytes.size());
  auto installer = PayloadInstaller::begin(*payload.verify(), slot);
  ASSERT_TRUE(installer);
  ASSERT_FALSE(installer->feed(0, payload.file));
  const auto again = installer->feed(0, payload.file);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().sentence().find("the medium failed"), std::string::npos);
  EXPECT_FALSE(installer->finish());
}

}  // namespace
}  // namespace aseptic::payload::tests
