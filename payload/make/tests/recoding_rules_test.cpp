// SPDX-License-Identifier: Apache-2.0
// What the list of recoded blocks may not say, with every digest made right; and the arithmetic between image and text.
#include <gtest/gtest.h>

#include <functional>

#include "aseptic/payload/apply/text_reader.h"
#include "recoding_plan.h"
#include "span_image.h"
#include "support.h"

namespace aseptic::payload::tests {
namespace {

constexpr std::uint64_t kOldSize = 64 * 1024;
constexpr std::uint64_t kNewSize = 96 * 1024;

RecodingPlan valid_plan() {
  RecodingPlan plan;
  plan.settings = {{Codec::kZstd, 9, 0, 10504, 0}, {Codec::kXz, 6, 4, 50040012, 8192}};
  plan.old_blocks = {{100, 100, 50, 1000, 0}, {150, 1100, 60, 8192, 1}};
  plan.new_blocks = {{4000, 4000, 500, 20000, 0}, {9000, 28500, 7000, 30000, 0}, {90000, 0, 6144, kBlockTextMax, 1}};
  return plan;
}

struct Lists {
  std::vector<CodecSetting> settings;
  std::vector<RecodedBlock> old_blocks;
  std::vector<RecodedBlock> new_blocks;
};
Status decode(core::ByteView section, Lists* out = nullptr) {
  RecodingHeader header;
  if (const Status status = decode_recoding_header(section, header); !ok(status)) return status;
  Lists lists;
  lists.settings.resize(header.settings);
  lists.old_blocks.resize(header.old_blocks);
  lists.new_blocks.resize(header.new_blocks);
  const Status status = decode_recoding(section, kOldSize, kNewSize, {lists.settings, lists.old_blocks, lists.new_blocks});
  if (out != nullptr) *out = std::move(lists);
  return status;
}
Status decode_spoiled(const std::function<void(RecodingPlan&)>& spoil) {
  RecodingPlan plan = valid_plan();
  spoil(plan);
  return decode(encode_recoding(plan));
}

TEST(RecodingRules, AcceptsTheListsThatTheOtherTestsSpoil) {
  Lists lists;
  ASSERT_EQ(decode(encode_recoding(valid_plan()), &lists), Status::kOk);
  EXPECT_EQ(lists.settings, valid_plan().settings);
  ASSERT_EQ(lists.new_blocks.size(), 3U);
  EXPECT_EQ(lists.new_blocks[1].text_at, 28500U) << "the text's places follow from the sizes";
  EXPECT_EQ(lists.new_blocks[2].text_at, 90000U + 19500U + 23000U);
}

TEST(RecodingRules, RefusesBlocksThatLeaveTheImageOrTheLimits) {
  const auto bad = Status::kBadRecoding;
  EXPECT_EQ(decode_spoiled([](auto& p) { p.old_blocks[0].size = 0; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.old_blocks[0].text_size = 0; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[0].text_size = kBlockTextMax; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[0].text_size = kBlockTextMax + 1; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[0].text_size = 0xFFFFFFFFU; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[2].at = kNewSize - 6144; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[2].at = kNewSize - 6143; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[2].at = 1ULL << 62U; }), bad) << "the gap does not fit an image";
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[2].at = 1ULL << 49U; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.old_blocks[1].at = kOldSize - 59; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[0].setting = 2; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.new_blocks[0].setting = 15; }), bad);
}

// Answers: T-42
TEST(RecodingRules, RefusesSettingsThatWouldNeedMoreThanTheirLimits) {
  const auto bad = Status::kBadRecoding;
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0].level = 22; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0].level = 23; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0].filter = 4; }), bad) << "a filter of xz";
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0].dictionary = 4096; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].dictionary = kBlockTextMax; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].dictionary = kBlockTextMax + 1; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].dictionary = 4095; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].level = 10; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].filter = 3; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].filter = 9; }), Status::kOk);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[1].filter = 10; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0] = {Codec::kLz4, 1, 0, 1, 0}; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0] = {Codec::kLz4Hc, 13, 0, 1, 0}; }), bad);
  EXPECT_EQ(decode_spoiled([](auto& p) { p.settings[0] = {Codec::kZlib, 10, 0, 1, 0}; }), bad);
  const auto cluster = [](Codec codec, int level, int units, std::uint32_t following) {
    return decode_spoiled([=](auto& p) {
      p.settings[0] = {codec, static_cast<std::uint8_t>(level), static_cast<std::uint8_t>(units), 1, following};
    });
  };
  EXPECT_EQ(cluster(Codec::kLz4Cluster, 0, 1, 0), Status::kOk);
  EXPECT_EQ(cluster(Codec::kLz4Cluster, 1, 1, 0), bad) << "the fast one has no levels";
  EXPECT_EQ(cluster(Codec::kLz4HcCluster, 12, 255, kFollowingMax), Status::kOk);
  EXPECT_EQ(cluster(Codec::kLz4HcCluster, 13, 1, 0), bad);
  EXPECT_EQ(cluster(Codec::kLz4HcCluster, 9, 0, 0), bad) << "a cluster of no bytes";
  EXPECT_EQ(cluster(Codec::kLz4HcCluster, 9, 1, kFollowingMax + 1), bad);
  for (const int codec : {0, kCodecLast + 1, 255})
    EXPECT_EQ(decode_spoiled([&](auto& p) { p.settings[0].codec = static_cast<Codec>(codec); }), Status::kCodecMissing) << codec;
}

// Answers: T-42
TEST(RecodingRules, RefusesHeadersByTheirRulesBeforeAnyMemoryIsAskedFor) {
  const core::Bytes section = encode_recoding(valid_plan());
  const auto with = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    core::Bytes changed = section;
    for (std::size_t i = 0; i < size; ++i)
      changed[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    return decode(changed);
  };
  EXPECT_EQ(with(0, 'B', 1), Status::kBadMagic);
  EXPECT_EQ(with(8, 2, 2), Status::kBadDeltaHeader);
  EXPECT_EQ(with(10, 0, 2), Status::kDeltaLimit);
  EXPECT_EQ(with(10, kCodecSettingsMax + 1, 2), Status::kDeltaLimit);
  EXPECT_EQ(with(12, kRecodedBlocksMax + 1, 4), Status::kDeltaLimit);
  EXPECT_EQ(with(16, 0, 4), Status::kDeltaLimit) << "nothing recoded: the copy map stands alone";
  EXPECT_EQ(with(16, 0xFFFFFFFFU, 4), Status::kDeltaLimit);
  EXPECT_EQ(with(20, 0xFFFFFFFFU, 4), Status::kBadLength);
  EXPECT_EQ(with(24, 1, 1), Status::kReservedNotZero);
  EXPECT_EQ(with(31, 1, 1), Status::kReservedNotZero);
  EXPECT_EQ(with(kRecodingHeaderSize + 3, 1, 1), Status::kReservedNotZero);
  EXPECT_EQ(with(kRecodingHeaderSize + 15, 1, 1), Status::kReservedNotZero);
  for (std::size_t size = 0; size + 5 < section.size(); ++size)
    EXPECT_NE(decode(core::ByteView(section).first(size)), Status::kOk) << size;
  EXPECT_EQ(decode_spoiled([](auto&) {}), Status::kOk);
}

TEST(RecodingRules, RefusesListsOfAnotherLength) {
  const core::Bytes section = encode_recoding(valid_plan());
  const std::size_t lists = section.size() - kRecodingHeaderSize - 2 * kCodecSettingSize;
  const auto with_lists_of = [&](std::size_t size) {
    core::Bytes changed = section;
    changed.resize(section.size() - lists + size, 0);
    changed[20] = static_cast<std::uint8_t>(size);
    changed[21] = static_cast<std::uint8_t>(size >> 8U);
    return decode(changed);
  };
  EXPECT_EQ(with_lists_of(lists), Status::kOk);
  EXPECT_EQ(with_lists_of(lists + 5), Status::kBadRecoding) << "more than the zeros that may be left out";
  EXPECT_EQ(with_lists_of(lists + 40), Status::kBadRecoding);
  EXPECT_EQ(with_lists_of(lists - 9), Status::kBadRecoding);
}

TEST(RecodingRules, EveryChangedByteGivesARefusalOrListsThatObeyTheRules) {
  const core::Bytes section = encode_recoding(valid_plan());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < section.size(); ++at) {
    for (unsigned value = 0; value < 256; value += 17) {
      core::Bytes changed = section;
      changed[at] = static_cast<std::uint8_t>(value);
      Lists lists;
      if (!ok(decode(changed, &lists))) {
        ++refused;
        continue;
      }
      std::uint64_t end = 0;
      for (const RecodedBlock& block : lists.new_blocks) {
        ASSERT_GE(block.at, end);
        end = block.at + block.size;
        ASSERT_LE(end, kNewSize);
        ASSERT_TRUE(block.text_size > 0 && block.text_size <= kBlockTextMax && block.setting < lists.settings.size());
      }
    }
  }
  EXPECT_GT(refused, 300U);
}

// Against an image and its text written out byte by byte.
// An old image of one deflate stream: what the list says of it must be what comes out.
TEST(TextReading, ReadsABlockOnlyWhenItsListedSizesAreItsOwn) {
  const core::Bytes text = mixed_bytes(3000, 1);
  const CodecSetting setting{.codec = Codec::kDeflate, .level = 6, .version = Recoder::version_of(Codec::kDeflate)};
  Recoder recoder;
  const auto coded = recoder.encode(setting, text);
  core::Bytes image(coded.begin(), coded.end());
  const auto size = static_cast<std::uint32_t>(image.size());
  image.resize(image.size() + 100);  // zeros behind it
  SpanImage old_image(image);
  const auto reads = [&](std::uint32_t block_size, std::uint32_t text_size) {
    const std::vector<RecodedBlock> blocks = {{0, 0, block_size, text_size, 0}};
    TextReader reader(old_image, recoder);
    reader.set({blocks, image.size()}, {&setting, 1});
    core::Bytes out(100);
    return reader.read(10, out) && std::equal(out.begin(), out.end(), text.begin() + 10);
  };
  EXPECT_TRUE(reads(size, 3000));
  EXPECT_FALSE(reads(size, 3001)) << "the last byte of the text would be nobody's";
  EXPECT_FALSE(reads(size, 2999));
  EXPECT_FALSE(reads(size + 1, 3000)) << "a byte of the image that belongs to no text";
  EXPECT_FALSE(reads(size - 1, 3000));
}

// A cluster is the longest start of a text that fits; who codes just that start again must be shown what followed.
TEST(ClusterCoding, GivesBackClustersOnlyWithTheirSizeAndNothingMoreThanTheirText) {
  core::Bytes text = mixed_bytes(40000, 5);
  for (auto& byte : text)
    byte = static_cast<std::uint8_t>('a' + byte % 6);
  Recoder recoder;
  const std::uint32_t version = Recoder::version_of(Codec::kLz4HcCluster);
  for (const CodecSetting setting : {CodecSetting{Codec::kLz4HcCluster, 9, 1, version, 4096}, CodecSetting{Codec::kLz4Cluster, 0, 1, version, kFollowingMax}}) {
    // How much fits is known only to the encoder: the one length that it stops at.
    std::size_t stops = 0;
    std::size_t count = 0;
    for (std::size_t size = 5000; size < 12000; ++size) {
      if (recoder.encode(setting, core::ByteView(text).first(size), core::ByteView(text).subspan(size), 4096).empty()) continue;
      stops = size;
      ++count;
    }
    ASSERT_EQ(count, 1U);
    const auto start = core::ByteView(text).first(stops);
    const auto rest = core::ByteView(text).subspan(stops);
    const auto coded = recoder.encode(setting, start, rest, 4096);
    const core::Bytes cluster(coded.begin(), coded.end());
    ASSERT_EQ(cluster.size(), 4096U);
    core::Bytes decoded(stops);
    const auto done = recoder.decode(setting.codec, cluster, decoded);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->produced, stops);
    EXPECT_EQ(done->consumed, 4096U);
    EXPECT_TRUE(std::equal(decoded.begin(), decoded.end(), text.begin()));
    EXPECT_TRUE(recoder.encode(setting, start, rest, 4000).empty()) << "does not fit";
    EXPECT_TRUE(recoder.encode(setting, start, rest, 8192).empty()) << "more than the encoder's room";
    // A shorter text fits with room to spare: zeros in front.
    CodecSetting last = setting;
    last.dictionary = 0;
    const auto small = recoder.encode(last, start.first(1000), {}, 4096);
    ASSERT_EQ(small.size(), 4096U);
    EXPECT_EQ(small[0], 0);
    decoded.assign(1000, 0);
    EXPECT_TRUE(recoder.decode(setting.codec, small, decoded));
    EXPECT_TRUE(std::equal(decoded.begin(), decoded.end(), text.begin()));
    EXPECT_TRUE(recoder.encode(setting, start).empty()) << "without a size there is no cluster";
    EXPECT_FALSE(recoder.decode(setting.codec, core::Bytes(4096), decoded)) << "nothing but zeros";
  }
}

TEST(ImageTextArithmetic, AgreesWithATextThatIsWrittenOut) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t image_size = 50 + random() % 300;
    std::vector<RecodedBlock> blocks;
    std::vector<std::pair<std::size_t, std::uint64_t>> text;  // of each byte: block + 1 and place in it, or 0 and place in the image
    for (std::uint64_t at = 0; at < image_size;) {
      const std::uint32_t size = static_cast<std::uint32_t>(1 + random() % 40);
      if (random() % 2 == 0 && size <= image_size - at) {
        blocks.push_back({at, text.size(), size, static_cast<std::uint32_t>(1 + random() % 60), 0});
        for (std::uint64_t i = 0; i < blocks.back().text_size; ++i)
          text.emplace_back(blocks.size(), i);
        at += size;
      } else {
        text.emplace_back(0, at++);
      }
    }
    const ImageText image{blocks, image_size};
    ASSERT_EQ(image.text_size(), text.size());
    const std::uint64_t from = random() % text.size();
    const std::uint64_t size = random() % (text.size() - from + 1);
    std::vector<std::pair<std::size_t, std::uint64_t>> walked;
    for_each_text_part(
        image, from, size,
        [&](std::uint64_t offset, std::uint64_t at, std::uint64_t count) {
          ASSERT_EQ(offset, walked.size());
          for (std::uint64_t i = 0; i < count; ++i)
            walked.emplace_back(0, at + i);
        },
        [&](std::uint64_t offset, std::size_t index, std::uint64_t skip, std::uint64_t count) {
          ASSERT_EQ(offset, walked.size());
          for (std::uint64_t i = 0; i < count; ++i)
            walked.emplace_back(index + 1, skip + i);
        });
    ASSERT_TRUE(std::equal(walked.begin(), walked.end(), text.begin() + static_cast<std::ptrdiff_t>(from)));
    ASSERT_EQ(walked.size(), size);
    // Chunks one after another, each with what the one before carries, have every byte of the text exactly once.
    std::uint64_t next = 0;
    const std::uint64_t chunk = 1 + random() % 30;
    for (std::uint64_t at = 0; at < image_size; at += chunk) {
      ChunkText part;
      ASSERT_EQ(chunk_text(image, at, std::min(chunk, image_size - at), Carry::kFromChunkBefore, part), Status::kOk);
      ASSERT_EQ(part.text_at, next);
      next += part.text_size;
      ChunkText alone;
      ASSERT_EQ(chunk_text(image, at, std::min(chunk, image_size - at), Carry::kNone, alone), Status::kOk);
      ASSERT_EQ(alone.text_at + alone.text_size, next);
      ASSERT_TRUE(alone.text_at <= part.text_at);
    }
    ASSERT_EQ(next, text.size());
  }
}

TEST(ImageTextArithmetic, RefusesAChunkWithMoreTextThanTheDeviceHasMemory) {
  std::vector<RecodedBlock> blocks;
  for (std::uint64_t i = 0; i < 5; ++i)
    blocks.push_back({i * 10, i * kBlockTextMax, 10, kBlockTextMax, 0});
  ChunkText part;
  EXPECT_EQ(chunk_text({blocks, 4096}, 0, 40, Carry::kNone, part), Status::kOk);
  EXPECT_EQ(chunk_text({blocks, 4096}, 0, 41, Carry::kNone, part), Status::kDeltaLimit);
}

}  // namespace
}  // namespace aseptic::payload::tests
