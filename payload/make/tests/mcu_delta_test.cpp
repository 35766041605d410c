// SPDX-License-Identifier: Apache-2.0
// The microcontroller's delta: from flash, in 16 KiB, refused whenever anything is not what was signed.
#include <gtest/gtest.h>

#include "firmware.h"

namespace aseptic::payload::tests {
namespace {

class McuDelta : public testing::Test {
 protected:
  McuDelta() { flash_.old_image = old_; }
  Status apply(const core::Bytes& patch, const Digest& digest) {
    CoreHasher hasher;
    flash_.new_image.clear();
    return apply_mcu_delta(patch, digest, flash_, flash_, hasher, *workspace_);
  }
  // As somebody would who signs anything: body digest and header digest are made right.
  Status apply_signed(core::Bytes patch) {
    const Digest body = core::sha256(core::ByteView(patch).subspan(kMcuDeltaHeaderSize)).bytes;
    std::copy(body.begin(), body.end(), patch.begin() + 96);
    return apply(patch, digest_of(patch));
  }
  static core::Bytes made(const core::Bytes& old_image, const core::Bytes& new_image) {
    auto patch = make_mcu_delta(old_image, new_image);
    if (!patch) ADD_FAILURE() << patch.error().sentence();
    return patch ? std::move(*patch) : core::Bytes();
  }

  const core::Bytes old_ = make_firmware(900, 0);
  const core::Bytes new_ = make_firmware(900, 24);
  const core::Bytes patch_ = made(old_, new_);
  Flash flash_;
  std::unique_ptr<McuWorkspace> workspace_ = std::make_unique<McuWorkspace>();
};

TEST_F(McuDelta, GivesBackTheImageFromAFewHundredBytes) {
  EXPECT_LE(patch_.size(), 500U) << "48 new bytes, and thousands of shifted references";
  EXPECT_EQ(apply(patch_, digest_of(patch_)), Status::kOk);
  EXPECT_EQ(flash_.new_image, new_);
}

TEST_F(McuDelta, NeedsNoMoreThanSixteenKibibytes) {
  EXPECT_LE(sizeof(McuWorkspace) + kMcuStackMax, 16U * 1024U);
}

TEST_F(McuDelta, RefusesAnotherOldImageBeforeAnyWrite) {
  for (std::size_t at = 0; at < old_.size(); at += 997) {
    flash_.old_image = old_;
    flash_.old_image[at] ^= 1U;
    EXPECT_EQ(apply(patch_, digest_of(patch_)), Status::kOldDigest);
    EXPECT_TRUE(flash_.new_image.empty());
  }
  flash_.old_image.resize(old_.size() - 1);
  EXPECT_EQ(apply(patch_, digest_of(patch_)), Status::kOldUnreadable);
}

TEST_F(McuDelta, RefusesEveryChangedByteBeforeAnyWrite) {
  const Digest digest = digest_of(patch_);
  for (std::size_t at = 0; at < patch_.size(); ++at) {
    core::Bytes patch = patch_;
    patch[at] ^= 4U;
    EXPECT_EQ(apply(patch, digest), Status::kStoredDigest) << at;
    EXPECT_TRUE(flash_.new_image.empty());
  }
}

TEST_F(McuDelta, RefusesEveryOtherLength) {
  for (std::size_t size = 0; size < patch_.size(); size += 3) {
    const core::Bytes patch(patch_.begin(), patch_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(apply(patch, digest_of(patch_)), Status::kOk) << size;
  }
  core::Bytes longer = patch_;
  longer.push_back(0);
  EXPECT_EQ(apply_signed(longer), Status::kBadLength);
}

// CVE-2014-9862, CVE-2020-14315: lengths that were signed numbers, or sums that wrapped.
TEST_F(McuDelta, RefusesHostileHeadersThatSomebodySigned) {
  const auto with = [&](std::size_t offset, std::uint32_t value, std::size_t size) {
    core::Bytes patch = patch_;
    for (std::size_t i = 0; i < size; ++i)
      patch[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
    return apply_signed(patch);
  };
  EXPECT_EQ(with(0, 'X', 1), Status::kBadMagic);
  EXPECT_EQ(with(8, 2, 2), Status::kBadDeltaHeader);
  EXPECT_EQ(with(10, 1, 2), Status::kBadDeltaHeader);
  EXPECT_EQ(with(12, 0, 4), Status::kBadImageSize);
  EXPECT_EQ(with(12, 0x80000000U, 4), Status::kBadImageSize);
  EXPECT_EQ(with(16, 0, 4), Status::kBadImageSize);
  EXPECT_EQ(with(16, 0xFFFFFFFFU, 4), Status::kBadImageSize);
  EXPECT_EQ(with(20, 0xFFFFFFFFU, 4), Status::kBadLength);
  EXPECT_EQ(with(24, 0xFFFFFFFFU, 4), Status::kBadLength);
  EXPECT_EQ(with(28, McuProfile::kSegmentsMax + 1, 2), Status::kDeltaLimit);
  EXPECT_EQ(with(30, McuProfile::kRangesMax + 1, 1), Status::kDeltaLimit);
  EXPECT_EQ(with(31, McuProfile::kAreasMax + 1, 1), Status::kDeltaLimit);
  EXPECT_TRUE(flash_.new_image.empty());
}

TEST_F(McuDelta, NeverWritesBeyondTheAnnouncedSizeAndNeverAcceptsAnotherImage) {
  std::size_t reached = 0;
  for (std::size_t at = kMcuDeltaHeaderSize; at < patch_.size(); ++at) {
    for (const unsigned bit : {0U, 7U}) {
      core::Bytes patch = patch_;
      patch[at] = static_cast<std::uint8_t>(patch[at] ^ (1U << bit));
      // Some bits mean nothing, such as the last ones of a block; then the image is the announced one all the same.
      if (apply_signed(patch) == Status::kOk) {
        EXPECT_EQ(flash_.new_image, new_);
        continue;
      }
      EXPECT_LE(flash_.new_image.size(), new_.size());
      reached += flash_.new_image.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(reached, 50U) << "the decoder itself must have seen changed bytes";
}

TEST_F(McuDelta, StopsWhenTheSlotIsFull) {
  flash_.room = new_.size() - 1;
  EXPECT_EQ(apply(patch_, digest_of(patch_)), Status::kBufferSize);
  EXPECT_LT(flash_.new_image.size(), new_.size());
}

TEST_F(McuDelta, ServesImagesThatAreNoProgramAndOnesWithNothingInCommon) {
  const core::Bytes text = mixed_bytes(20000, 3);
  core::Bytes other = text;
  other.insert(other.begin() + 7000, 33, 0x42);
  const core::Bytes unlike = mixed_bytes(5000, 4);
  for (const auto& [from, to] : {std::pair{text, other}, {text, unlike}, {unlike, text}, {core::Bytes(1, 9), core::Bytes(1, 8)}}) {
    const core::Bytes patch = made(from, to);
    flash_.old_image = from;
    EXPECT_EQ(apply(patch, digest_of(patch)), Status::kOk);
    EXPECT_EQ(flash_.new_image, to);
  }
  EXPECT_FALSE(make_mcu_delta({}, text));
  EXPECT_FALSE(make_mcu_delta(text, {}));
}

}  // namespace
}  // namespace aseptic::payload::tests
