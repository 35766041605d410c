// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/make/maker.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "self_check.h"
#include "support.h"

namespace aseptic::payload::tests {
namespace {

core::Result<PayloadSummary> make(const core::Bytes& image, core::Bytes* file = nullptr,
                                  MakeOptions options = small_options()) {
  MemoryImage source(image);
  MemoryPayload out;
  auto summary = make_payload(source, out, options);
  if (file != nullptr) *file = out.content;
  return summary;
}

TEST(PayloadMaker, GivesTheSameBytesForAnyNumberOfWorkers) {
  const TestImage image = make_image(3'000'000, 5 * kBlockSize);
  core::Bytes one;
  core::Bytes four;
  MakeOptions options = small_options();
  options.workers = 1;
  ASSERT_TRUE(make(image.bytes, &one, options));
  options.workers = 4;
  ASSERT_TRUE(make(image.bytes, &four, options));
  EXPECT_EQ(one, four);
}

TEST(PayloadMaker, ReportsWhatTheIndexNeeds) {
  const TestImage image = make_image(70'001, 5 * kBlockSize);
  core::Bytes file;
  const auto summary = make(image.bytes, &file);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->payload_size, file.size());
  EXPECT_EQ(summary->file_digest, core::sha256(file));
  EXPECT_EQ(summary->header_digest, resign(file).header_digest);
  EXPECT_EQ(summary->manifest_digest, image.manifest_digest);
  EXPECT_EQ(summary->image_digest, image.image_digest);
  EXPECT_EQ(summary->image_size, image.bytes.size());
  EXPECT_EQ(summary->chunks_raw + summary->chunks_zstd + summary->chunks_zero,
            (image.bytes.size() + 8191) / 8192);
}

TEST(PayloadMaker, LeavesOutTheZerosOfASlotDump) {
  TestImage image = make_image(70'001, 0);
  core::Bytes exact;
  core::Bytes dump;
  ASSERT_TRUE(make(image.bytes, &exact));
  image.bytes.resize(image.bytes.size() + 100 * kBlockSize);
  ASSERT_TRUE(make(image.bytes, &dump));
  EXPECT_EQ(exact, dump);
}

TEST(PayloadMaker, RefusesAnImageThatItsManifestDoesNotDescribe) {
  const TestImage image = make_image(20'000, 2 * kBlockSize);
  for (const std::size_t at : {0UL, 200UL, 9'300UL, 12'288UL, 32'287UL, 32'300UL, image.bytes.size() - 1}) {
    core::Bytes changed = image.bytes;
    changed[at] ^= 1;
    const auto summary = make(changed);
    ASSERT_FALSE(summary) << at;
    EXPECT_TRUE(summary.error().is(PayloadCode::kImageInvalid)) << at << summary.error().sentence();
  }
  core::Bytes dirty = image.bytes;
  dirty.resize(dirty.size() + kBlockSize, 1);
  EXPECT_FALSE(make(dirty));
  core::Bytes cut(image.bytes.begin(), image.bytes.end() - kBlockSize);
  EXPECT_FALSE(make(cut));
  EXPECT_FALSE(make(core::Bytes(100, 0)));
  EXPECT_FALSE(make({}));
}

TEST(PayloadMaker, RefusesOptionsOutOfRange) {
  const TestImage image = make_image(20'000, 0);
  for (const MakeOptions& options :
       {MakeOptions{.chunk_size = 0}, MakeOptions{.chunk_size = 5000}, MakeOptions{.chunk_size = 512 * 1024},
        MakeOptions{.page_entries = 0}, MakeOptions{.page_entries = 1025}, MakeOptions{.zstd_level = 0},
        MakeOptions{.zstd_level = 23}, MakeOptions{.workers = 0}, MakeOptions{.workers = 65}}) {
    const auto summary = make(image.bytes, nullptr, options);
    ASSERT_FALSE(summary);
    EXPECT_TRUE(summary.error().is(PayloadCode::kOptions));
  }
}

// A file that forgets what was written shows that the check at the end is real.
TEST(PayloadMaker, ChecksThePayloadThatItHasWritten) {
  class Forgetful final : public PayloadFile {
   public:
    core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
      ASEPTIC_TRY_VOID(inner.write(offset, bytes));
      if (offset > 1000) inner.content[offset] ^= 1;
      return {};
    }
    core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
      return inner.read(offset, out);
    }
    MemoryPayload inner;
  };
  const TestImage image = make_image(20'000, 0);
  MemoryImage source(image.bytes);
  Forgetful out;
  EXPECT_FALSE(make_payload(source, out, small_options()));
}

// The payload is whole in itself, but it is not a payload of this image.
TEST(PayloadMaker, ChecksThatThePayloadGivesBackThisVeryImage) {
  const TestPayload payload = make_test_payload(make_image(20'000, 0, 1), small_options());
  MemoryPayload file;
  file.content = payload.file;
  MemoryImage own(payload.image.bytes);
  EXPECT_TRUE(PayloadSelfCheck::apply(file, payload.summary, own));
  const TestImage other = make_image(20'000, 0, 2);
  MemoryImage source(other.bytes);
  const auto checked = PayloadSelfCheck::apply(file, payload.summary, source);
  ASSERT_FALSE(checked);
  EXPECT_TRUE(checked.error().is(PayloadCode::kSelfCheck));
}

class PayloadFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("aseptic-payload-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const char* name) const { return (folder_ / name).string(); }
  static void store(const std::string& path, const core::Bytes& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::filesystem::path folder_;
};

TEST_F(PayloadFiles, AreMadeFromImageFiles) {
  const TestImage image = make_image(70'001, 0);
  store(path("image"), image.bytes);
  const auto summary = make_payload_file(path("image"), path("out.payload"), small_options());
  ASSERT_TRUE(summary) << summary.error().sentence();
  EXPECT_EQ(std::filesystem::file_size(path("out.payload")), summary->payload_size);
}

TEST_F(PayloadFiles, AreNotLeftBehindByAFailure) {
  store(path("image"), core::Bytes(20'480, 1));
  store(path("out.payload"), core::Bytes(3, 9));
  const auto summary = make_payload_file(path("image"), path("out.payload"));
  ASSERT_FALSE(summary);
  EXPECT_NE(summary.error().sentence().find(path("image")), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path("out.payload")), 3U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
  EXPECT_FALSE(make_payload_file(path("absent"), path("other.payload")));
  EXPECT_FALSE(make_payload_file(path("image"), path("no/such/folder")));
}

}  // namespace
}  // namespace aseptic::payload::tests
