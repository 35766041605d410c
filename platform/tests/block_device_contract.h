// SPDX-License-Identifier: Apache-2.0
// What every BlockDevice must do, run against POSIX and the simulator alike (see storage_contract.h).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>

#include "aseptic/platform/block_device.h"
#include "aseptic/platform/codes.h"

namespace aseptic::platform {

// Makes a device of 1 MiB that reads as zero.
struct BlockDeviceMaker {
  static constexpr std::uint64_t kSize = 1 << 20;
  std::string name;
  std::function<std::unique_ptr<BlockDevice>()> make;
  friend std::ostream& operator<<(std::ostream& out, const BlockDeviceMaker& maker) { return out << maker.name; }
};

class BlockDeviceContract : public ::testing::TestWithParam<BlockDeviceMaker> {
 protected:
  void SetUp() override {
    device_ = GetParam().make();
    ASSERT_NE(device_, nullptr);
    ASSERT_EQ(device_->size(), BlockDeviceMaker::kSize);
  }
  static core::Bytes pattern(std::size_t size, std::uint8_t seed) {
    core::Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(seed + i * 7 + i / 256);
    return bytes;
  }
  core::Bytes read(std::uint64_t offset, std::size_t size) {
    core::Bytes bytes(size, 0xee);
    EXPECT_TRUE(device_->read(offset, bytes));
    return bytes;
  }
  core::Bytes read_back(std::uint64_t offset, std::size_t size) {
    core::Bytes bytes(size, 0xee);
    EXPECT_TRUE(device_->read_back(offset, bytes));
    return bytes;
  }
  std::unique_ptr<BlockDevice> device_;
};

TEST_P(BlockDeviceContract, ReadsWhatWasWrittenAtAnyOffset) {
  const auto bytes = pattern(10'000, 3);
  ASSERT_TRUE(device_->write(4093, bytes));
  EXPECT_EQ(read(4093, bytes.size()), bytes);
  EXPECT_EQ(read(4092, 1), core::Bytes{0});
  EXPECT_EQ(read(4093 + bytes.size(), 1), core::Bytes{0});
}

// Answers: VF-03
TEST_P(BlockDeviceContract, ReadsBackFromTheMediumAfterFlush) {
  const auto bytes = pattern(300 * 1024, 9);
  ASSERT_TRUE(device_->write(8192, bytes));
  ASSERT_TRUE(device_->flush());
  EXPECT_EQ(read_back(8192, bytes.size()), bytes);
}

TEST_P(BlockDeviceContract, ReadsBackIntoABufferAtAnyAddress) {
  const auto bytes = pattern(64 * 1024, 4);
  ASSERT_TRUE(device_->write(4096, bytes));
  ASSERT_TRUE(device_->flush());
  core::Bytes room(bytes.size() + 2 * 4096);
  const auto address = reinterpret_cast<std::uintptr_t>(room.data());
  for (const std::size_t shift : {std::size_t{0}, std::size_t{1}, std::size_t{512}}) {
    const std::size_t start = static_cast<std::size_t>((4096 - address % 4096) % 4096) + shift;
    const auto out = core::ByteSpan(room).subspan(start, bytes.size());
    ASSERT_TRUE(device_->read_back(4096, out)) << shift;
    EXPECT_TRUE(std::equal(out.begin(), out.end(), bytes.begin())) << shift;
  }
}

TEST_P(BlockDeviceContract, ReadBackNeedsAlignment) {
  core::Bytes bytes(4096);
  EXPECT_TRUE(device_->read_back(BlockDeviceMaker::kSize - 4096, bytes));
  EXPECT_FALSE(device_->read_back(512, bytes));
  EXPECT_FALSE(device_->read_back(0, core::ByteSpan(bytes).first(512)));
}

TEST_P(BlockDeviceContract, DiscardedRangeReadsAsZeroAndNothingElseChanges) {
  const auto bytes = pattern(64 * 1024, 5);
  ASSERT_TRUE(device_->write(0, bytes));
  ASSERT_TRUE(device_->flush());
  ASSERT_TRUE(device_->discard(8192, 16384));
  ASSERT_TRUE(device_->flush());
  EXPECT_EQ(read_back(8192, 16384), core::Bytes(16384, 0));
  EXPECT_EQ(read(0, 8192), core::Bytes(bytes.begin(), bytes.begin() + 8192));
  EXPECT_EQ(read(8192 + 16384, 4096), core::Bytes(bytes.begin() + 8192 + 16384, bytes.begin() + 8192 + 16384 + 4096));
}

TEST_P(BlockDeviceContract, RefusesAccessBeyondTheEnd) {
  core::Bytes bytes(4096);
  const std::uint64_t size = BlockDeviceMaker::kSize;
  const std::vector<std::uint64_t> offsets{size, size - 1, size + 4096, UINT64_MAX, UINT64_MAX - 4095};
  for (const std::uint64_t offset : offsets) {
    const auto written = device_->write(offset, bytes);
    ASSERT_FALSE(written) << offset;
    EXPECT_TRUE(written.error().is(PlatformCode::kBlockRange)) << offset;
    EXPECT_FALSE(device_->read(offset, bytes)) << offset;
    EXPECT_FALSE(device_->read_back(offset, bytes)) << offset;
    EXPECT_FALSE(device_->discard(offset, 4096)) << offset;
  }
  EXPECT_FALSE(device_->discard(0, size + 1));
  EXPECT_TRUE(device_->write(size - 4096, bytes));
}

}  // namespace aseptic::platform
