// SPDX-License-Identifier: Apache-2.0
#include "aseptic/payload/apply/read_back.h"

#include <gtest/gtest.h>

#include "support.h"

namespace aseptic::payload::tests {
namespace {

void store(SparseDevice& slot, const core::Bytes& bytes) {
  ASSERT_TRUE(slot.write(0, bytes));
}

TEST(SlotReadBack, MeasuresTheSignedImage) {
  for (const std::size_t exec : {1UL, 4096UL, 5000UL, (1UL << 20U) + 1}) {
    const TestImage image = make_image(exec, 3 * kBlockSize);
    SparseDevice slot(image.bytes.size() + 4 * kBlockSize);
    store(slot, image.bytes);
    const auto measured = measure_slot(slot, image.reference());
    ASSERT_TRUE(measured) << measured.error().sentence();
    EXPECT_EQ(measured->image_digest(), image.image_digest);
    EXPECT_TRUE(
        std::equal(measured->manifest_area().begin(), measured->manifest_area().end(), image.bytes.begin()));
  }
}

// The two signatures lie outside of every digest: boot verifies them when it turns the request to stage into a record.
// Answers: VF-03, MF-06, T-34
TEST(SlotReadBack, RefusesEveryChangedByteButThoseOfTheSignatures) {
  const TestImage image = make_image(5000, 3 * kBlockSize);
  SparseDevice slot(image.bytes.size() + 2 * kBlockSize);
  store(slot, image.bytes);
  for (std::size_t at = 0; at < slot.size(); at += at % kBlockSize < 1200 ? 1 : 97) {
    const bool signature = at >= boot::kManifestRegionSize && at < boot::kManifestRegionSize + boot::kP256SignatureSize + boot::kSlhDsaSignatureSize;
    auto& block = slot.blocks[at / kBlockSize];
    block.resize(kBlockSize);
    block[at % kBlockSize] ^= 0x10;
    const auto measured = measure_slot(slot, image.reference());
    block[at % kBlockSize] ^= 0x10;
    ASSERT_EQ(measured.has_value(), signature) << at;
    if (!measured) {
      EXPECT_TRUE(measured.error().is(PayloadCode::kReadBack)) << at;
    }
  }
}

TEST(SlotReadBack, RefusesAnotherValidImage) {
  const TestImage image = make_image(5000, 0, 1);
  const TestImage other = make_image(5000, 0, 2);
  SparseDevice slot(image.bytes.size());
  store(slot, other.bytes);
  const auto measured = measure_slot(slot, image.reference());
  ASSERT_FALSE(measured);
  EXPECT_TRUE(measured.error().is(PayloadCode::kReadBack));
}

TEST(SlotReadBack, RefusesAManifestWhoseRegionsAreNotThoseOfTheRelease) {
  const TestImage image = make_image(5000, 0, 1);
  SparseDevice slot(image.bytes.size());
  store(slot, image.bytes);
  ImageReference reference = image.reference();
  reference.image_digest = make_image(5000, 0, 2).reference().image_digest;
  const auto measured = measure_slot(slot, reference);
  ASSERT_FALSE(measured);
  EXPECT_TRUE(measured.error().is(PayloadCode::kReadBack));
}

TEST(SlotReadBack, RefusesASlotThatIsTooSmall) {
  const TestImage image = make_image(5000, 0);
  SparseDevice slot(image.bytes.size() - kBlockSize);
  const auto measured = measure_slot(slot, image.reference());
  ASSERT_FALSE(measured);
  EXPECT_TRUE(measured.error().is(PayloadCode::kSlotTooSmall));
}

// Acknowledges every write and keeps other bytes on the medium; its page cache would still show the written
// ones.
class LyingDevice final : public SparseDevice {
 public:
  using SparseDevice::SparseDevice;
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    if (lie_in_write-- != 0) return SparseDevice::write(offset, bytes);
    core::Bytes other(bytes.begin(), bytes.end());
    other[other.size() / 2] ^= 1;
    return SparseDevice::write(offset, other);
  }
  int lie_in_write = -1;
};

// Answers: VF-03
TEST(SlotReadBack, CatchesADeviceThatStoredOtherBytesThanItAcknowledged) {
  const TestPayload payload = make_test_payload(make_image(30'000, 6 * kBlockSize), small_options());
  SparseDevice honest(payload.image.bytes.size());
  ASSERT_TRUE(install(payload.file, payload.reference(), payload.image.reference(), honest));
  // Write 0 holds the manifest's signature area in its middle, which the signature check covers.
  for (int lie = 1; lie < honest.writes; ++lie) {
    LyingDevice slot(payload.image.bytes.size());
    slot.lie_in_write = lie;
    const auto installed = install(payload.file, payload.reference(), payload.image.reference(), slot);
    ASSERT_FALSE(installed) << lie;
    EXPECT_TRUE(installed.error().is(PayloadCode::kReadBack)) << lie;
  }
}

TEST(SlotReadBack, ReadsPastThePageCacheOnly) {
  class Cached final : public SparseDevice {
   public:
    using SparseDevice::SparseDevice;
    core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
      if (in_read_back) return SparseDevice::read(offset, out);
      return core::Error(PayloadCode::kSourceIo, "the page cache was asked");
    }
    core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override {
      in_read_back = true;
      auto result = SparseDevice::read_back(offset, out);
      in_read_back = false;
      return result;
    }
    bool in_read_back = false;
  };
  const TestImage image = make_image(5000, 3 * kBlockSize);
  Cached slot(image.bytes.size());
  store(slot, image.bytes);
  EXPECT_TRUE(measure_slot(slot, image.reference()));
}

}  // namespace
}  // namespace aseptic::payload::tests
