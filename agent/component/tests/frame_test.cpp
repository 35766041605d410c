// SPDX-License-Identifier: Apache-2.0
#include "aseptic/component/frame.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace aseptic::component {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes encoded(const Frame& frame) {
  FrameBytes bytes;
  const std::size_t size = encode_frame(frame, bytes);
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

// Every frame that came out, as (number, data).
std::vector<std::pair<std::uint32_t, Bytes>> read_all(FrameReader& reader, const Bytes& line) {
  std::vector<std::pair<std::uint32_t, Bytes>> all;
  Frame frame;
  for (const std::uint8_t byte : line)
    if (reader.push(byte, frame)) all.emplace_back(frame.number, Bytes(frame.data.begin(), frame.data.end()));
  return all;
}

void append(Bytes& line, const Bytes& more) { line.insert(line.end(), more.begin(), more.end()); }
void append(Bytes& line, std::string_view text) { line.insert(line.end(), text.begin(), text.end()); }

// Answers: AP-09
TEST(ComponentFrame, ComesBackAsItWasSentAtBothEndsOfTheLength) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kDataMax - 1, kDataMax}) {
    const Bytes data(size, 0xC3);
    FrameReader reader;
    Frame out;
    const Bytes line = encoded({FrameType::kData, true, 77, 4096, data});
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
      ASSERT_FALSE(reader.push(line[i], out));
    ASSERT_TRUE(reader.push(line.back(), out));
    EXPECT_EQ(out.type, FrameType::kData);
    EXPECT_TRUE(out.is_answer);
    EXPECT_EQ(out.number, 77U);
    EXPECT_EQ(out.value, 4096U);
    EXPECT_TRUE(boot::equal(out.data, data));
  }
}

TEST(ComponentFrame, IsFoundBetweenBootsLinesAndHalfFrames) {
  const Bytes good = encoded({FrameType::kStatus, false, 5, 0, {}});
  Bytes line;
  append(line, std::string_view("EMULATED\nE 00000001 000000ff\n"));
  append(line, good);
  append(line, Bytes{0xC3, 0xC3});  // a start that is none, directly before a frame
  append(line, good);
  FrameReader reader;
  EXPECT_EQ(read_all(reader, line).size(), 2U);
}

TEST(ComponentFrame, AnyFlippedBitDropsItAndTheNextFrameIsRead) {
  const Bytes data(40, 0x11);
  const Bytes good = encoded({FrameType::kBegin, false, 9, 1, data});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes line = good;
    line[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    append(line, Bytes(kFrameMax, 0));  // the sender's pause: whatever was begun comes to its end
    append(line, good);
    FrameReader reader;
    const auto frames = read_all(reader, line);
    ASSERT_EQ(frames.size(), 1U) << bit;
    EXPECT_EQ(frames[0].second, data);
  }
}

TEST(ComponentFrame, ALengthBeyondTheLimitIsDroppedBeforeDataIsStored) {
  Bytes line = encoded({FrameType::kData, false, 1, 0, Bytes(8, 1)});
  line[12] = static_cast<std::uint8_t>((kDataMax + 1) & 0xFF);
  line[13] = static_cast<std::uint8_t>((kDataMax + 1) >> 8);
  append(line, encoded({FrameType::kStatus, false, 2, 0, {}}));
  FrameReader reader;
  const auto frames = read_all(reader, line);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].first, 2U);
}

TEST(ComponentFrame, AnyBytesAreReadWithoutHarm) {
  std::mt19937 random(20261123);
  FrameReader reader;
  Frame frame;
  for (int i = 0; i < 300'000; ++i) {
    const auto byte = static_cast<std::uint8_t>(random());
    const bool complete = reader.push(i % 37 == 0 ? kStart[0] : i % 37 == 1 ? kStart[1] : byte, frame);
    ASSERT_TRUE(!complete || frame.data.size() <= kDataMax);
  }
}

}  // namespace
}  // namespace aseptic::component
