// SPDX-License-Identifier: Apache-2.0
// The streaming installer against the slow second decoder: they must agree on every payload, valid or
// changed.
#include <gtest/gtest.h>

#include <iostream>

#include "rechain.h"
#include "slow_decoder.h"
#include "support.h"

namespace aseptic::payload::tests {
namespace {

struct Verdicts {
  bool fast = false;
  bool slow = false;
  std::string fast_reason;
  std::string slow_reason;
  core::Bytes fast_image;
  core::Bytes slow_image;
};

Verdicts judge(const core::Bytes& file, const Resigned& signer, const TestImage& image, std::size_t piece) {
  SparseDevice slot(image.bytes.size());
  const auto installed = install(file, signer.reference(), image.reference(), slot, piece);
  const SlowResult slow = slow_decode(file, {.header_digest = signer.header_digest.bytes,
                                             .payload_size = signer.payload_size,
                                             .manifest_digest = image.manifest_digest.bytes,
                                             .image_digest = image.image_digest.bytes,
                                             .image_size = image.bytes.size()});
  return {.fast = installed.has_value(),
          .slow = slow.why_not.empty(),
          .fast_reason = installed ? "" : installed.error().sentence(),
          .slow_reason = slow.why_not,
          .fast_image = slot.content(),
          .slow_image = slow.image};
}

// One hostile change. The chain of digests is made right again in most cases, so that the check behind is
// reached.
void mutate(core::Bytes& file, const std::vector<PagePlace>& pages, std::mt19937_64& random) {
  const auto flip = [&](std::size_t begin, std::size_t size) {
    file[begin + random() % size] ^= static_cast<std::uint8_t>(1U << (random() % 8));
  };
  switch (random() % 6) {
    case 0:
      flip(0, kHeaderSize);
      break;
    case 1: {
      const PagePlace& page = pages[random() % pages.size()];
      flip(page.offset, page.size);
      break;
    }
    case 2:
      flip(0, file.size());
      break;
    case 3:
      file.resize(random() % (file.size() + 1));
      break;
    case 4:
      file.resize(file.size() + 1 + random() % 100, static_cast<std::uint8_t>(random()));
      break;
    default: {
      // A small number written over a field: reaches size and encoding checks.
      const PagePlace& page = pages[random() % pages.size()];
      const std::size_t entry = page.offset + kPageHeaderSize +
                                (random() % ((page.size - kPageHeaderSize) / kEntrySize)) * kEntrySize;
      file[entry + random() % 32] = static_cast<std::uint8_t>(random() % 6);
    }
  }
  const bool chain_is_whole = file.size() >= pages.back().offset + pages.back().size;
  if (chain_is_whole && random() % 8 != 0) rechain(file, pages);
  if (file.size() >= kHeaderSize && random() % 4 == 0)
    for (std::size_t i = 0; i < 8; ++i)
      file[16 + i] = static_cast<std::uint8_t>(std::uint64_t{file.size()} >> (8 * i));
}

Resigned sign_whatever_stands(const core::Bytes& file) {
  if (file.size() < kHeaderSize) return {{}, file.size()};
  return resign(file);
}

// Answers: MF-08, T-39
TEST(PayloadDecoders, AgreeOnGeneratedPayloads) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    const std::size_t exec = 1 + random() % 60'000;
    const std::size_t tree = (random() % 8) * kBlockSize;
    const MakeOptions options{.chunk_size = static_cast<std::uint32_t>(kBlockSize * (1 + random() % 64)),
                              .page_entries = static_cast<std::uint32_t>(1 + random() % 20),
                              .zstd_level = static_cast<int>(1 + random() % 6)};
    const TestPayload payload = make_test_payload(make_image(exec, tree, random()), options);
    const Verdicts verdicts = judge(payload.file, resign(payload.file), payload.image, 1 + random() % 10'000);
    ASSERT_TRUE(verdicts.fast) << verdicts.fast_reason;
    ASSERT_TRUE(verdicts.slow) << verdicts.slow_reason;
    ASSERT_EQ(verdicts.fast_image, verdicts.slow_image);
    ASSERT_EQ(verdicts.fast_image, payload.image.bytes);
  }
}

// Answers: MF-08, VF-09, T-39
TEST(PayloadDecoders, AgreeOnChangedPayloads) {
  constexpr std::uint64_t kSeed = 12;
  std::mt19937_64 random(kSeed);
  int accepted = 0;
  std::map<std::string, int> reasons;
  constexpr int kRounds = 3000;
  std::vector<TestPayload> payloads;
  for (std::uint64_t i = 0; i < 6; ++i)
    payloads.push_back(
        make_test_payload(make_image(9'000 + i * 3000, (i % 3) * kBlockSize, i), small_options()));
  for (int round = 0; round < kRounds; ++round) {
    const TestPayload& payload = payloads[static_cast<std::size_t>(round) % payloads.size()];
    core::Bytes file = payload.file;
    mutate(file, page_offsets(payload.file), random);
    const Verdicts verdicts = judge(file, sign_whatever_stands(file), payload.image, 1 + random() % 3000);
    ASSERT_EQ(verdicts.fast, verdicts.slow) << "round " << round << " installer: " << verdicts.fast_reason
                                            << " second decoder: " << verdicts.slow_reason;
    if (verdicts.fast) {
      ++accepted;
      ASSERT_EQ(verdicts.fast_image, verdicts.slow_image);
    } else {
      ++reasons[verdicts.slow_reason];
    }
  }
  std::cout << "seed=" << kSeed << " cases=" << kRounds << " accepted=" << accepted
            << " distinct reasons=" << reasons.size() << "\n";
  EXPECT_GT(reasons.size(), 15U);
  EXPECT_LT(accepted, kRounds / 4);
}

}  // namespace
}  // namespace aseptic::payload::tests
