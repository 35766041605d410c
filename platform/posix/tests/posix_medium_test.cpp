// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_medium.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aseptic/platform/codes.h"
#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

namespace fs = std::filesystem;

class PosixMediumTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root / "stick/targets");
    write_file(root / "stick/targets/file", "content");
  }
  [[nodiscard]] core::Result<std::unique_ptr<MediumFile>> open(const std::string& path) const {
    PosixMedium medium(root / "stick");
    ASEPTIC_TRY(const MediumContent content, medium.open());
    return content.folder->open_file(path);
  }
  TemporaryDirectory root;
};

// Answers: DL-06
TEST_F(PosixMediumTest, ReadsAnyPartOfAFileInItsFolder) {
  const auto file = open("targets/file");
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->size(), 7u);
  core::Bytes part(3);
  ASSERT_TRUE((*file)->read(4, part));
  EXPECT_EQ(core::as_text(part), "ent");
  EXPECT_TRUE((*file)->read(5, part).error().is(PlatformCode::kNetProtocol)) << "never a short answer";
}

// Answers: DL-06
TEST_F(PosixMediumTest, SaysThatAMediumIsAwayAndThatAFileIsMissing) {
  EXPECT_TRUE(PosixMedium(root / "other").open().error().is(PlatformCode::kNetConnect));
  EXPECT_TRUE(open("targets/other").error().is(PlatformCode::kNotFound));
  EXPECT_TRUE(open("other/file").error().is(PlatformCode::kNotFound));
}

// Answers: T-41, DL-06
TEST_F(PosixMediumTest, T41_FollowsNoLinkAndLeavesItsFolderByNoName) {
  write_file(root / "secret", "secret");
  fs::create_symlink("/etc/passwd", root / "stick/targets/link");
  fs::create_symlink("../../secret", root / "stick/targets/beside");
  fs::create_directory_symlink(root.path(), root / "stick/metadata");
  fs::create_symlink("file", root / "stick/targets/harmless");
  for (const char* path : {"targets/link", "targets/beside", "metadata/secret", "targets/harmless", "../secret", "/etc/passwd", "targets/../../secret"})
    EXPECT_TRUE(open(path).error().is(PlatformCode::kNetProtocol)) << path;
  EXPECT_TRUE(open("targets/file"));
}

// Answers: T-41, DL-06
TEST_F(PosixMediumTest, T41_ThePathItselfPassesThroughNoLink) {
  fs::create_directory_symlink(root / "stick", root / "alias");
  EXPECT_TRUE(PosixMedium(root / "alias").open().error().is(PlatformCode::kNetProtocol));
  EXPECT_TRUE(PosixMedium(root / "alias/targets").open().error().is(PlatformCode::kNetProtocol));
  fs::create_symlink(root / "stick/targets/file", root / "bundle");
  EXPECT_TRUE(PosixMedium(root / "bundle").open().error().is(PlatformCode::kNetProtocol));
}

// Answers: T-41, DL-06
TEST_F(PosixMediumTest, T41_OpensOnlyRegularFilesAndWaitsForNobody) {
  ASSERT_EQ(::mkfifo((root / "stick/targets/fifo").c_str(), 0600), 0);
  EXPECT_TRUE(open("targets/fifo").error().is(PlatformCode::kNetProtocol));
  EXPECT_TRUE(open("targets").error().is(PlatformCode::kNetProtocol)) << "a folder";
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(PosixMedium(root / "fifo").open().error().is(PlatformCode::kNetProtocol));
  EXPECT_TRUE(PosixMedium("/dev/null").open().error().is(PlatformCode::kNetProtocol));
}

// Answers: DL-06
TEST_F(PosixMediumTest, OpensOneFileWithAnotherStampOnceItIsRewritten) {
  write_file(root / "bundle", "one");
  PosixMedium medium(root / "bundle");
  const auto first = medium.open();
  ASSERT_TRUE(first && first->file && !first->folder);
  EXPECT_EQ(first->stamp, medium.open()->stamp);
  fs::remove(root / "bundle");
  write_file(root / "bundle", "longer");
  const auto second = medium.open();
  ASSERT_TRUE(second);
  EXPECT_NE(first->stamp, second->stamp);
}

// Answers: DL-06
TEST_F(PosixMediumTest, NoticesWhatIsInsertedAfterTheSandboxWasClosed) {
  PosixMedium medium(root / "stick");
  const int handle = medium.sandbox_handle();
  ASSERT_GE(handle, 0);
  ::close(handle);
  EXPECT_FALSE(medium.has_changed());
  fs::rename(root / "stick", root / "away");
  EXPECT_FALSE(medium.has_changed()) << "nothing is there that could be read";
  fs::rename(root / "away", root / "stick");
  EXPECT_TRUE(medium.has_changed()) << "the same files, but perhaps another mount";
  PosixMedium later(root / "later");
  EXPECT_EQ(later.sandbox_handle(), -1);
  EXPECT_FALSE(later.has_changed());
  fs::create_directory(root / "later");
  EXPECT_TRUE(later.has_changed());
}

}  // namespace
}  // namespace aseptic::platform
