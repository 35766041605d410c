// SPDX-License-Identifier: Apache-2.0
// The product's delta decoder against the second one, on valid deltas and on deltas with changed bytes that somebody signed.
#include <gtest/gtest.h>

#include "firmware.h"
#include "slow_delta.h"

namespace aseptic::payload::tests {
namespace {

struct Outcome {
  bool is_accepted = false;
  core::Bytes image;
};

// The product's, with all digests made right for whatever the patch decodes to: a first run tells the image.
Outcome decode_signed(core::Bytes patch, const core::Bytes& old_image) {
  const Digest old_digest = core::sha256(old_image).bytes;
  std::copy(old_digest.begin(), old_digest.end(), patch.begin() + 32);
  const Digest body = core::sha256(core::ByteView(patch).subspan(kMcuDeltaHeaderSize)).bytes;
  std::copy(body.begin(), body.end(), patch.begin() + 96);
  Flash flash;
  flash.old_image = old_image;
  const Status status = flash.apply(patch);
  // Only the digest of the new image may stop it now; everything else is a refusal.
  return {ok(status) || status == Status::kNewDigest, std::move(flash.new_image)};
}

// Answers: T-35
TEST(DeltaDifferential, BothDecodersAgreeOnValidAndOnChangedDeltas) {
  const std::vector<std::pair<core::Bytes, core::Bytes>> pairs = {
      {make_firmware(60, 0), make_firmware(60, 10)},
      {mixed_bytes(3000, 1), mixed_bytes(2500, 2)},
      {make_firmware(25, 2), mixed_bytes(1700, 3)},
  };
  std::mt19937_64 random(20);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const auto& [old_image, new_image] : pairs) {
    const auto patch = make_mcu_delta(old_image, new_image);
    ASSERT_TRUE(patch);
    const auto slow = slow_mcu_delta(*patch, old_image);
    ASSERT_TRUE(slow);
    ASSERT_EQ(*slow, new_image);
    for (int i = 0; i < 60; ++i) {
      core::Bytes changed = *patch;
      for (std::uint64_t flips = 1 + random() % 3; flips != 0; --flips) {
        const std::size_t at = i % 3 == 0 ? 20 + random() % 12 : 128 + random() % (changed.size() - 128);
        changed[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
      }
      const Outcome product = decode_signed(changed, old_image);
      const auto second = slow_mcu_delta(changed, old_image);
      ASSERT_EQ(product.is_accepted, second.has_value()) << i;
      if (product.is_accepted) {
        ASSERT_EQ(product.image, *second);
      }
      (product.is_accepted ? accepted : refused)++;
    }
  }
  EXPECT_GT(refused, 30U);
  EXPECT_GT(accepted, 5U);
}

}  // namespace
}  // namespace aseptic::payload::tests
