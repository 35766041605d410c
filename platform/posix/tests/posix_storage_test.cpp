// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_storage.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "../../tests/storage_contract.h"
#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

// Owns the directory as well.
class OwnedStorage : public Storage {
 public:
  OwnedStorage() : inner_(*PosixStorage::open(directory_.path())) {}
  core::Result<core::Bytes> read(std::string_view name, std::uint64_t max) override { return inner_->read(name, max); }
  core::Result<void> replace(std::string_view name, core::ByteView bytes) override { return inner_->replace(name, bytes); }
  core::Result<void> append(std::string_view name, core::ByteView bytes) override { return inner_->append(name, bytes); }
  core::Result<void> remove(std::string_view name) override { return inner_->remove(name); }
  core::Result<void> make_directory(std::string_view name) override { return inner_->make_directory(name); }
  core::Result<std::vector<std::string>> list(std::string_view name) override { return inner_->list(name); }
  core::Result<std::uint64_t> free_bytes() override { return inner_->free_bytes(); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<PosixStorage> inner_;
};

INSTANTIATE_TEST_SUITE_P(Posix, StorageContract,
                         ::testing::Values(StorageMaker{"posix", [] { return std::make_unique<OwnedStorage>(); }}));

TEST(PosixStorage, RefusesAnAbsentDirectoryUnlessToldToCreate) {
  const TemporaryDirectory root;
  EXPECT_TRUE(PosixStorage::open(root / "new").error().is(PlatformCode::kNotFound));
  ASSERT_TRUE(PosixStorage::open(root / "new", {.missing = PosixStorage::Missing::kCreate}));
  struct stat status {};
  ASSERT_EQ(::stat((root / "new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

// Answers: T-41
TEST(PosixStorage, NeverFollowsASymbolicLink) {
  const TemporaryDirectory root;
  const TemporaryDirectory outside;
  write_file(outside / "secret", "secret");
  auto storage = *PosixStorage::open(root.path());
  ASSERT_EQ(::symlink((outside / "secret").c_str(), (root / "link").c_str()), 0);
  ASSERT_EQ(::symlink(outside.path().c_str(), (root / "directory").c_str()), 0);
  EXPECT_FALSE(storage->read("link", 100));
  EXPECT_FALSE(storage->append("link", core::as_bytes("x")));
  EXPECT_FALSE(storage->read("directory/secret", 100));
  EXPECT_FALSE(storage->replace("directory/secret", core::as_bytes("x")));
  EXPECT_FALSE(storage->make_directory("directory"));
  EXPECT_FALSE(storage->list("directory"));
  // replace() of a link replaces the link itself.
  ASSERT_TRUE(storage->replace("link", core::as_bytes("own")));
  EXPECT_EQ(read_file(outside / "secret"), "secret");
  EXPECT_EQ(read_file(root / "link"), "own");
}

TEST(PosixStorage, DoesNotHangOnAPlantedFifo) {
  const TemporaryDirectory root;
  auto storage = *PosixStorage::open(root.path());
  ASSERT_EQ(::mkfifo((root / "state").c_str(), 0600), 0);
  EXPECT_TRUE(storage->read("state", 10).error().is(PlatformCode::kNameRefused));
  EXPECT_FALSE(storage->append("state", core::as_bytes("x")));
}

TEST(PosixStorage, RefusesASecondExclusiveUser) {
  const TemporaryDirectory root;
  const PosixStorage::Options locked{.lock = PosixStorage::Lock::kExclusive};
  auto first = PosixStorage::open(root.path(), locked);
  ASSERT_TRUE(first);
  EXPECT_TRUE(PosixStorage::open(root.path(), locked).error().is(PlatformCode::kBusy));
  first->reset();
  EXPECT_TRUE(PosixStorage::open(root.path(), locked));
}

TEST(PosixStorage, HidesAndRemovesWhatAPowerCutLeft) {
  const TemporaryDirectory root;
  write_file(root / ".tmp~state", "half");
  write_file(root / "state", "whole");
  ASSERT_TRUE((*PosixStorage::open(root.path()))->make_directory("log"));
  write_file(root / "log/.tmp~00", "half");
  auto storage = *PosixStorage::open(root.path(), {.lock = PosixStorage::Lock::kExclusive});
  EXPECT_EQ(*storage->list(""), (std::vector<std::string>{"log", "state"}));
  EXPECT_FALSE(std::filesystem::exists(root / ".tmp~state"));
  EXPECT_FALSE(std::filesystem::exists(root / "log/.tmp~00"));
  EXPECT_EQ(read_file(root / "state"), "whole");
}

TEST(PosixStorage, WritesFilesThatOnlyTheOwnerReads) {
  const TemporaryDirectory root;
  auto storage = *PosixStorage::open(root.path());
  ASSERT_TRUE(storage->replace("state", core::as_bytes("x")));
  struct stat status {};
  ASSERT_EQ(::stat((root / "state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(PosixStorage, KeepsTheOldContentWhenTheNewCannotBeWritten) {
  const TemporaryDirectory root;
  auto storage = *PosixStorage::open(root.path());
  ASSERT_TRUE(storage->replace("state", core::as_bytes("old")));
  // A file size limit makes the write fail half way, as a full disk would.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto stored = storage->replace("state", core::Bytes(4000, 1));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(stored);
  EXPECT_TRUE(stored.error().is(PlatformCode::kStorageFull));
  EXPECT_EQ(read_file(root / "state"), "old");
  EXPECT_FALSE(std::filesystem::exists(root / ".tmp~state"));
}

}  // namespace
}  // namespace aseptic::platform
