// SPDX-License-Identifier: Apache-2.0
// A medium asked like a server: statuses, caps, and which errors say what.
#include "aseptic/fetch/medium_client.h"

#include <gtest/gtest.h>

#include "aseptic/fetch/codes.h"
#include "aseptic/platform/codes.h"
#include "tar_maker.h"

namespace aseptic::fetch {
namespace {

using core::Error;
using core::Result;
using platform::PlatformCode;

class MemoryFile final : public platform::MediumFile {
 public:
  explicit MemoryFile(const std::string& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, core::ByteSpan out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) return Error(PlatformCode::kNetProtocol, "shorter");
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }

 private:
  std::string bytes_;
};

// A folder of files in memory, or one bundle; opened() counts.
class MemoryMedium final : public platform::Medium {
 public:
  std::map<std::string, std::string> files;
  std::optional<std::string> bundle;
  bool is_absent = false;
  std::size_t bundles_opened = 0;
  std::string stamp = "1";

  Result<platform::MediumContent> open() override {
    if (is_absent) return Error(PlatformCode::kNetConnect, "absent");
    platform::MediumContent content;
    content.stamp = stamp;
    if (bundle) {
      ++bundles_opened;
      content.file = std::make_unique<MemoryFile>(*bundle);
    } else {
      content.folder = std::make_unique<Folder>(files);
    }
    return content;
  }

 private:
  class Folder final : public platform::MediumFolder {
   public:
    explicit Folder(const std::map<std::string, std::string>& files) : files_(files) {}
    Result<std::unique_ptr<platform::MediumFile>> open_file(const std::string& path) const override {
      const auto at = files_.find(path);
      if (at == files_.end()) return Error(PlatformCode::kNotFound, "missing");
      return std::unique_ptr<platform::MediumFile>(std::make_unique<MemoryFile>(at->second));
    }

   private:
    const std::map<std::string, std::string>& files_;
  };
};

class MediumClientTest : public ::testing::Test {
 protected:
  MemoryMedium medium;
  MediumClient client{{&medium}, nullptr};
  std::string body;

  Result<platform::HttpReply> get(const std::string& url, std::uint64_t bytes_max = 1 << 20, std::optional<std::uint64_t> first = {},
                                  std::optional<std::uint64_t> last = {}) {
    body.clear();
    return client.get({.url = url, .bytes_max = bytes_max, .range_first = first, .range_last = last}, [&](core::ByteView bytes) -> Result<void> {
      body += core::as_text(bytes);
      return {};
    });
  }
  int status(const std::string& url, std::optional<std::uint64_t> first = {}, std::optional<std::uint64_t> last = {}) {
    const auto reply = get(url, 1 << 20, first, last);
    return reply ? reply->status : -1;
  }
};

// Answers: DL-06
TEST_F(MediumClientTest, AnswersAsAServerWould) {
  medium.files = {{"targets/a b", "0123456789"}, {"targets/empty", ""}};
  EXPECT_EQ(status("medium:0/targets/a%20b"), 200);
  EXPECT_EQ(body, "0123456789");
  EXPECT_EQ(status("medium:0/targets/a%20b", 4), 206);
  EXPECT_EQ(body, "456789");
  EXPECT_EQ(status("medium:0/targets/a%20b", 4, 5), 206);
  EXPECT_EQ(body, "45");
  EXPECT_EQ(status("medium:0/targets/a%20b", 4, 99), 206);
  EXPECT_EQ(body, "456789");
  EXPECT_EQ(status("medium:0/targets/a%20b", 10), 416);
  EXPECT_EQ(status("medium:0/targets/a%20b", 5, 4), 416);
  EXPECT_EQ(status("medium:0/targets/none"), 404);
  EXPECT_EQ(status("medium:0/targets/empty"), 200);
  EXPECT_EQ(body, "");
}

// Answers: DL-06
TEST_F(MediumClientTest, ReadsFilesOfABundleInPlaceAndItsIndexOnce) {
  const std::string large(200'000, 'x');
  medium.bundle = test::tar_entry("metadata/timestamp.json", "{}") + test::tar_entry("targets/large", large) + test::tar_end();
  EXPECT_EQ(status("medium:0/metadata/timestamp.json"), 200);
  EXPECT_EQ(body, "{}");
  EXPECT_EQ(status("medium:0/targets/large", 199'990), 206);
  EXPECT_EQ(body, std::string(10, 'x')) << "not what lies behind it";
  EXPECT_EQ(status("medium:0/targets/other"), 404);
  medium.bundle->front() = 'X';  // the index is known; only another stamp has it read again
  EXPECT_EQ(status("medium:0/metadata/timestamp.json"), 200);
  medium.stamp = "2";
  EXPECT_TRUE(get("medium:0/metadata/timestamp.json").error().is(FetchCode::kBundle));
  medium.bundle->front() = 'm';
  EXPECT_TRUE(get("medium:0/metadata/timestamp.json").error().is(FetchCode::kBundle)) << "refused as a whole, until it is exchanged";
  medium.stamp = "3";
  EXPECT_EQ(status("medium:0/metadata/timestamp.json"), 200);
}

// Answers: AP-07
TEST_F(MediumClientTest, FindsATargetOfABundleWithoutTheHashInItsName) {
  const std::string digest(64, 'a');
  medium.bundle = test::tar_entry("metadata/1.root.json", "root") + test::tar_entry("targets/payloads/" + digest + ".payload", "p") + test::tar_end();
  EXPECT_EQ(status("medium:0/targets/payloads/" + std::string(64, 'b') + "." + digest + ".payload"), 200);
  EXPECT_EQ(body, "p");
  EXPECT_EQ(status("medium:0/targets/payloads/" + std::string(128, 'b') + "." + digest + ".payload"), 200);
  EXPECT_EQ(status("medium:0/targets/payloads/" + std::string(63, 'b') + "." + digest + ".payload"), 404);
  EXPECT_EQ(status("medium:0/metadata/1.root.json"), 200);
  EXPECT_EQ(status("medium:0/metadata/" + digest + ".1.root.json"), 404) << "metadata has no such names";
}

// Answers: DL-01, DL-06, T-15
TEST_F(MediumClientTest, T42_RefusesMoreBytesThanTheCapBeforeItReadsOne) {
  medium.files = {{"targets/x", "0123456789"}};
  EXPECT_TRUE(get("medium:0/targets/x", 10));
  EXPECT_TRUE(get("medium:0/targets/x", 9).error().is(PlatformCode::kNetTooLarge));
  EXPECT_EQ(body, "");
  EXPECT_TRUE(get("medium:0/targets/x", 9, 1));
  EXPECT_TRUE(get("medium:0/targets/x", 8, 1).error().is(PlatformCode::kNetTooLarge));
}

// Answers: DL-06
TEST_F(MediumClientTest, AMediumThatIsAwayIsAPlaceThatCannotBeReached) {
  medium.is_absent = true;
  const auto reply = get("medium:0/metadata/timestamp.json");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(PlatformCode::kNetConnect));
  EXPECT_EQ(reply.error().action(), core::ActionClass::kRetry);
}

// Answers: T-41
TEST_F(MediumClientTest, T41_AsksForNothingButFilesOfARepository) {
  medium.files = {{"targets/../secret", "x"}, {"secret", "x"}, {"targets/a/b", "x"}};
  for (const char* url : {"medium:0/secret", "medium:0/targets/../secret", "medium:0/targets/%2E%2E/secret", "medium:0/targets/a%2Fb", "medium:0/targets/a%2",
                          "medium:0/targets/%zz", "medium:0/targets/%+1", "medium:0//targets/x", "medium:1/targets/x", "medium:x/targets/x", "medium:0"})
    EXPECT_TRUE(get(url).error().is(PlatformCode::kNameRefused)) << url;
  EXPECT_EQ(status("medium:0/targets/a/b"), 200);
}

// Answers: DL-06
TEST_F(MediumClientTest, WithoutANetworkNoOtherAddressIsReached) {
  EXPECT_TRUE(get("https://localhost/metadata/timestamp.json").error().is(PlatformCode::kNetConnect));
  EXPECT_TRUE(client.post({.url = "https://localhost/report"}, [](core::ByteView) -> Result<void> { return {}; }).error().is(PlatformCode::kNetConnect));
}

}  // namespace
}  // namespace aseptic::fetch
