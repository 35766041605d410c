// SPDX-License-Identifier: Apache-2.0
// The border between acquire and apply: one spelling per message, every length bounded.
#include "aseptic/agent/message.h"

#include <gtest/gtest.h>

namespace aseptic::agent {
namespace {

core::Bytes get_packet(const GetRequest& get) { return encode_message(MessageType::kGet, 7, encode_get(get)); }

TEST(Message, ReadsBackWhatItWrote) {
  const GetRequest get{"targets/payloads/ab.payload", 1000, 5, 99, 3};
  const auto message = parse_message(get_packet(get));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->header.type, MessageType::kGet);
  EXPECT_EQ(message->header.request, 7u);
  EXPECT_EQ(*parse_get(message->body), get);
  EXPECT_EQ(*parse_reply(encode_reply(206)), 206);
  EXPECT_EQ(*parse_end(encode_end({203, "older"})), (EndNotice{203, "older"}));
}

TEST(Message, RefusesEveryTruncationAndEveryExtraByte) {
  const core::Bytes packet = get_packet({"metadata/timestamp.json", 1, {}, {}});
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_FALSE(parse_message(core::ByteView(packet).first(size)).has_value()) << size;
  }
  core::Bytes longer = packet;
  longer.push_back(0);
  EXPECT_FALSE(parse_message(longer).has_value());
}

TEST(Message, RefusesEverySingleBitFlippedInItsHeaderExceptTypeAndRequest) {
  const core::Bytes packet = encode_message(MessageType::kData, 1, core::Bytes(3, 'x'));
  for (std::size_t bit = 0; bit < kMessageHeaderSize * 8; ++bit) {
    if (bit / 8 >= 3 && bit / 8 < 8) continue;  // another type or request is another message
    core::Bytes flipped = packet;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(parse_message(flipped).has_value()) << bit;
  }
}

TEST(Message, AllowsTheLargestBodyAndRefusesOneByteMore) {
  EXPECT_TRUE(parse_message(encode_message(MessageType::kData, 1, core::Bytes(kBodyMax, 0))).has_value());
  EXPECT_FALSE(parse_message(encode_message(MessageType::kData, 1, core::Bytes(kBodyMax + 1, 0))).has_value());
}

// Answers: T-13, T-41
TEST(Message, RefusesPathsThatLeaveTheRepository) {
  for (const char* path : {"metadata/1.root.json", "targets/a/b/c-d_e~f.json", "metadata/%2e%2e.json"}) {
    EXPECT_TRUE(is_repository_path(path)) << path;
  }
  for (const char* path : {"", "metadata", "metadata/", "targets//a", "targets/../../etc/passwd", "targets/./a", "/metadata/a",
                           "report", "targets/a b", "targets/a?x=1", "targets/a#b", "targets/a\\b", "targets/a/",
                           "https://evil/metadata/a", "targets/\n"}) {
    EXPECT_FALSE(is_repository_path(path)) << path;
  }
  EXPECT_TRUE(is_repository_path("targets/" + std::string(kNameMax - 8, 'a')));
  EXPECT_FALSE(is_repository_path("targets/" + std::string(kNameMax - 7, 'a')));
}

TEST(Message, RefusesARangeThatIsTurnedRoundOrHasNoBeginning) {
  EXPECT_FALSE(parse_get(encode_get({"targets/a", 1, 5, 4})).has_value());
  EXPECT_FALSE(parse_get(encode_get({"targets/a", 1, {}, 4})).has_value());
  EXPECT_TRUE(parse_get(encode_get({"targets/a", 1, 5, 5})).has_value());
}

TEST(Message, RefusesControlCharactersInASentence) {
  core::Bytes end = encode_end({1, "ab"});
  end[5] = '\n';
  EXPECT_FALSE(parse_end(end).has_value());
}

}  // namespace
}  // namespace aseptic::agent
