// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_file_drop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "aseptic/platform/codes.h"
#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

std::vector<std::string> everything_in(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename());
  return names;
}

TEST(PosixFileDrop, ShowsAFileOnlyWhenItIsPublished) {
  const TemporaryDirectory root;
  auto drop = *PosixFileDrop::open(root / "targets");
  auto file = *drop->begin();
  ASSERT_TRUE(file->write(core::as_bytes("one ")));
  ASSERT_TRUE(file->write(core::as_bytes("two")));
  EXPECT_TRUE(everything_in(root / "targets").empty());
  ASSERT_TRUE(file->publish("a%2Fb.bin"));
  EXPECT_EQ(everything_in(root / "targets"), std::vector<std::string>{"a%2Fb.bin"});
  EXPECT_EQ(read_file(root / "targets/a%2Fb.bin"), "one two");
}

TEST(PosixFileDrop, LeavesNothingOfAFileThatWasNotPublished) {
  const TemporaryDirectory root;
  auto drop = *PosixFileDrop::open(root.path());
  { ASSERT_TRUE((*drop->begin())->write(core::as_bytes("half"))); }
  EXPECT_TRUE(everything_in(root.path()).empty());
}

TEST(PosixFileDrop, ReplacesAnOlderFileInOneStep) {
  const TemporaryDirectory root;
  auto drop = *PosixFileDrop::open(root.path());
  write_file(root / "target", "old");
  auto file = *drop->begin();
  ASSERT_TRUE(file->write(core::as_bytes("new")));
  ASSERT_TRUE(file->publish("target"));
  EXPECT_EQ(everything_in(root.path()), std::vector<std::string>{"target"});
  EXPECT_EQ(read_file(root / "target"), "new");
}

// Answers: T-41
TEST(PosixFileDrop, RefusesNamesThatLeaveItsDirectoryAndFollowsNoLink) {
  const TemporaryDirectory root;
  const TemporaryDirectory outside;
  write_file(outside / "file", "untouched");
  auto drop = *PosixFileDrop::open(root.path());
  for (const char* name : {"../x", "a/b", "/x", "..", "", ".tmp~x"}) {
    auto file = *drop->begin();
    EXPECT_TRUE(file->publish(name).error().is(PlatformCode::kNameRefused)) << name;
  }
  ASSERT_EQ(::symlink((outside / "file").c_str(), (root / "link").c_str()), 0);
  EXPECT_FALSE(drop->read("link", [](core::ByteView) { return core::Result<void>(); }));
  auto file = *drop->begin();
  ASSERT_TRUE(file->write(core::as_bytes("new")));
  ASSERT_TRUE(file->publish("link"));
  EXPECT_EQ(read_file(outside / "file"), "untouched");
  EXPECT_EQ(read_file(root / "link"), "new");
}

TEST(PosixFileDrop, RemovesWhatAPowerCutLeft) {
  const TemporaryDirectory root;
  write_file(root / ".tmp~drop", "half");
  ASSERT_TRUE(PosixFileDrop::open(root.path()));
  EXPECT_TRUE(everything_in(root.path()).empty());
}

}  // namespace
}  // namespace aseptic::platform
