// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/file_key_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/posix/posix_clock.h"
#include "aseptic/platform/posix/posix_entropy.h"
#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

class FileKeyStoreTest : public ::testing::TestWithParam<core::KeyAlgorithm> {
 protected:
  TemporaryDirectory root_;
  std::unique_ptr<FileKeyStore> store_ = *FileKeyStore::open_directory(root_ / "keys");
};

INSTANTIATE_TEST_SUITE_P(Algorithms, FileKeyStoreTest,
                         ::testing::Values(core::KeyAlgorithm::kEd25519, core::KeyAlgorithm::kEcdsaP256, core::KeyAlgorithm::kRsaPss));

TEST_P(FileKeyStoreTest, SignsSoThatCoreVerifies) {
  auto made = *store_->create("root-1", GetParam());
  auto opened = *store_->open("root-1");
  EXPECT_EQ(made->public_key().spki(), opened->public_key().spki());
  EXPECT_EQ(opened->public_key().algorithm(), GetParam());
  EXPECT_EQ(opened->custody(), KeyCustody::kDevelopmentFile);
  const auto message = core::as_bytes("message");
  const auto signature = *opened->sign(message);
  EXPECT_TRUE(made->public_key().verify(message, signature));
  EXPECT_FALSE(made->public_key().verify(core::as_bytes("Message"), signature));
  if (GetParam() == core::KeyAlgorithm::kEcdsaP256) {
    const auto raw = *opened->sign_raw(message);
    EXPECT_EQ(raw.size(), 64U);
    EXPECT_TRUE(made->public_key().verify_raw(message, raw));
  } else {
    EXPECT_FALSE(opened->sign_raw(message));
  }
}

TEST_P(FileKeyStoreTest, NeverReplacesAKey) {
  const auto first = (*store_->create("device", GetParam()))->public_key().fingerprint();
  EXPECT_FALSE(store_->create("device", GetParam()));
  EXPECT_EQ((*store_->open("device"))->public_key().fingerprint(), first);
  EXPECT_EQ(*store_->labels(), std::vector<std::string>{"device"});
}

TEST(FileKeyStore, KeepsKeysWithTheOwnerAndRefusesLeakedOnes) {
  const TemporaryDirectory root;
  auto store = *FileKeyStore::open_directory(root / "keys");
  ASSERT_TRUE(store->create("device", core::KeyAlgorithm::kEcdsaP256));
  struct stat status {};
  ASSERT_EQ(::stat((root / "keys/device.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::chmod((root / "keys/device.pem").c_str(), 0640), 0);
  EXPECT_TRUE(store->open("device").error().is(PlatformCode::kStoragePermission));
  EXPECT_FALSE(store->tls_key("device"));
}

TEST(FileKeyStore, RefusesLabelsThatAreNoFileNames) {
  const TemporaryDirectory root;
  auto store = *FileKeyStore::open_directory(root / "keys");
  const std::vector<std::string> labels{"", "../x", "a/b", ".hidden", "A", std::string(65, 'a')};
  for (const auto& label : labels) {
    EXPECT_TRUE(store->create(label, core::KeyAlgorithm::kEd25519).error().is(PlatformCode::kNameRefused)) << label;
    EXPECT_TRUE(store->open(label).error().is(PlatformCode::kNameRefused)) << label;
  }
  EXPECT_TRUE(store->open("absent").error().is(PlatformCode::kNotFound));
}

TEST(FileKeyStore, RefusesFilesThatAreNoKeys) {
  const TemporaryDirectory root;
  auto store = *FileKeyStore::open_directory(root / "keys");
  write_file(root / "keys/bad.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  ASSERT_EQ(::chmod((root / "keys/bad.pem").c_str(), 0600), 0);
  EXPECT_TRUE(store->open("bad").error().is(PlatformCode::kKeyFormat));
}

TEST(PosixClock, SinceBootNeverGoesBack) {
  PosixClock clock;
  const auto first = clock.since_boot();
  clock.sleep_for(std::chrono::milliseconds(2));
  EXPECT_GT(clock.since_boot(), first);
  EXPECT_GT(clock.wall(), core::UtcTime{});
}

TEST(PosixEntropy, FillsEveryByteSoonerOrLater) {
  PosixEntropy entropy;
  core::Bytes seen(64, 0);
  for (int round = 0; round < 20; ++round) {
    core::Bytes bytes(64, 0);
    entropy.fill(bytes);
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] |= bytes[i];
  }
  for (const auto byte : seen) EXPECT_NE(byte, 0);
}

}  // namespace
}  // namespace aseptic::platform
