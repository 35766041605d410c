// SPDX-License-Identifier: Apache-2.0
#include "aseptic/platform/posix/posix_block_device.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../../tests/block_device_contract.h"
#include "temporary_directory.h"

namespace aseptic::platform {
namespace {

class OwnedDevice : public BlockDevice {
 public:
  explicit OwnedDevice(const std::string& parent) : directory_(std::filesystem::path(parent)) {
    EXPECT_TRUE(PosixBlockDevice::create_file(directory_ / "slot.img", BlockDeviceMaker::kSize));
    inner_ = *PosixBlockDevice::open(directory_ / "slot.img", PosixBlockDevice::Mode::kReadWrite);
  }
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override { return inner_->read(offset, out); }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override { return inner_->read_back(offset, out); }
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override { return inner_->write(offset, bytes); }
  core::Result<void> discard(std::uint64_t offset, std::uint64_t size) override { return inner_->discard(offset, size); }
  core::Result<void> flush() override { return inner_->flush(); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<PosixBlockDevice> inner_;
};

// The test's own folder lies on a disk, /dev/shm on a tmpfs that may lack O_DIRECT: both paths of read_back().
INSTANTIATE_TEST_SUITE_P(Posix, BlockDeviceContract,
                         ::testing::Values(BlockDeviceMaker{"disk", [] { return std::make_unique<OwnedDevice>("."); }},
                                           BlockDeviceMaker{"tmpfs", [] { return std::make_unique<OwnedDevice>("/dev/shm"); }}));

TEST(PosixBlockDevice, ReadBackSeesTheMediumAndNotThePageCache) {
  const TemporaryDirectory root(".");
  ASSERT_TRUE(PosixBlockDevice::create_file(root / "slot", 1 << 20));
  auto device = *PosixBlockDevice::open(root / "slot", PosixBlockDevice::Mode::kReadWrite);
  if (device->read_back_path() != PosixBlockDevice::ReadBackPath::kDirect) GTEST_SKIP() << "no O_DIRECT here";  // NOLINT(skip: a property of the file system)
  EXPECT_EQ(device->read_back_path(), PosixBlockDevice::ReadBackPath::kDirect);
}

TEST(PosixBlockDevice, StaysSparse) {
  const TemporaryDirectory root(".");
  const std::uint64_t size = std::uint64_t{4} << 30;
  ASSERT_TRUE(PosixBlockDevice::create_file(root / "slot", size));
  auto device = *PosixBlockDevice::open(root / "slot", PosixBlockDevice::Mode::kReadWrite);
  ASSERT_TRUE(device->write(size - 4096, core::Bytes(4096, 7)));
  ASSERT_TRUE(device->write(0, core::Bytes(1 << 20, 7)));
  ASSERT_TRUE(device->discard(0, 1 << 20));
  ASSERT_TRUE(device->flush());
  struct stat status {};
  ASSERT_EQ(::stat((root / "slot").c_str(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), size);
  EXPECT_LE(status.st_blocks * 512, 128 * 1024);
}

TEST(PosixBlockDevice, RefusesASecondWriter) {
  const TemporaryDirectory root;
  ASSERT_TRUE(PosixBlockDevice::create_file(root / "slot", 8192));
  auto first = PosixBlockDevice::open(root / "slot", PosixBlockDevice::Mode::kReadWrite);
  ASSERT_TRUE(first);
  EXPECT_TRUE(PosixBlockDevice::open(root / "slot", PosixBlockDevice::Mode::kReadWrite).error().is(PlatformCode::kBusy));
  EXPECT_TRUE(PosixBlockDevice::open(root / "slot", PosixBlockDevice::Mode::kReadOnly));
}

TEST(PosixBlockDevice, RefusesLinksOddSizesAndOtherThings) {
  const TemporaryDirectory root;
  ASSERT_TRUE(PosixBlockDevice::create_file(root / "slot", 8192));
  EXPECT_FALSE(PosixBlockDevice::create_file(root / "slot", 8192)) << "an existing slot is never replaced";
  ASSERT_EQ(::symlink((root / "slot").c_str(), (root / "link").c_str()), 0);
  EXPECT_FALSE(PosixBlockDevice::open(root / "link", PosixBlockDevice::Mode::kReadOnly));
  EXPECT_FALSE(PosixBlockDevice::open(root.path(), PosixBlockDevice::Mode::kReadOnly));
  EXPECT_FALSE(PosixBlockDevice::open("/dev/null", PosixBlockDevice::Mode::kReadOnly));
  write_file(root / "odd", "12345");
  EXPECT_TRUE(PosixBlockDevice::open(root / "odd", PosixBlockDevice::Mode::kReadOnly).error().is(PlatformCode::kBlockRange));
}

}  // namespace
}  // namespace aseptic::platform
