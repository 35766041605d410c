// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/json.h"

#include <gtest/gtest.h>

#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

Result<JsonValue> parse(std::string_view text, JsonLimits limits = {}) { return parse_json_value(as_bytes(text), limits); }

// Answers: MF-08, T-39
TEST(StrictJson, RefusesWhatTwoParsersCouldReadDifferently) {
  for (const std::string_view text :
       {R"({"a":1,"a":2})", R"({"a":{"b":1,"b":1}})", "1.0", "1e3", "-0", "9007199254740992", "18446744073709551615", "{} x", "{}{}", "[1,]",
        "{\"a\":1,}", "'a'", "\"\x01\"", "\"\\ud800\"", "\"\xff\"", "nul", "", " ", "// c\n1", "NaN", "+1", "01", "\xef\xbb\xbf{}"})
    EXPECT_FALSE(parse(text)) << text;
}

TEST(StrictJson, DuplicateKeysAreFoundAfterUnescaping) { EXPECT_FALSE(parse(R"({"a":1,"\u0061":2})")); }

TEST(StrictJson, AcceptsTheIntegerBoundsOnBothSides) {
  EXPECT_EQ(*parse("9007199254740991")->as_integer(), 9007199254740991);
  EXPECT_EQ(*parse("-9007199254740991")->as_integer(), -9007199254740991);
  EXPECT_FALSE(parse("-9007199254740992"));
}

TEST(StrictJson, DepthAndSizeLimitsHoldOnBothSides) {
  EXPECT_TRUE(parse("[[[]]]", {.depth_max = 3}));
  EXPECT_TRUE(parse("[[[[]]]]", {.depth_max = 3}).error().is(CoreCode::kJsonLimit));
  EXPECT_TRUE(parse("[1]", {.bytes_max = 3}));
  EXPECT_TRUE(parse("[1] ", {.bytes_max = 3}).error().is(CoreCode::kJsonLimit));
  EXPECT_TRUE(parse(std::string(1u << 20, '['), {}).error().is(CoreCode::kJsonLimit));
}

TEST(StrictJson, KeepsTextThatContainsNul) { EXPECT_EQ(*parse(R"("a\u0000b")")->as_string(), std::string("a\0b", 3)); }

TEST(CanonicalJson, FollowsOlpcRules) {
  EXPECT_EQ(canonical_json(*parse(R"( {"b" : [ 1 , true, null ], "a":"x\"\\\n\u00e9" } )")), "{\"a\":\"x\\\"\\\\\n\xc3\xa9\",\"b\":[1,true,null]}");
  EXPECT_EQ(canonical_json(*parse("[]")), "[]");
  EXPECT_EQ(canonical_json(*parse(R"([[],[],{}])")), "[[],[],{}]");
}

TEST(CanonicalJson, MemberWithoutTreeEqualsTreeForm) {
  for (const std::string_view text : {R"({"signed":{"z":1,"a":{"y":[{"b":1,"a":2}],"x":""}},"signatures":[{"signed":1}]})",
                                      R"({"signatures":[],"signed":[3,{"k":"v"},[]],"x":{"signed":5}})", R"({"signed":"text"})", R"({"signed":{}})"}) {
    const auto tree = parse(text);
    EXPECT_EQ(*canonical_member(as_bytes(text), "signed", {}), canonical_json(*tree->find("signed"))) << text;
  }
  EXPECT_FALSE(canonical_member(as_bytes(R"({"a":{"signed":1}})"), "signed", {}));
}

TEST(PrettyJson, ReadsBackAsTheSameValue) {
  const auto value = parse(R"({"a":[1,{"b":"\u0001\n"}],"c":{},"d":[],"e":null})");
  EXPECT_EQ(*parse(pretty_json(*value)), *value);
}

TEST(JsonValue, AccessorsNameTheFieldThatIsWrong) {
  const auto value = parse(R"({"n":-1,"s":"x"})");
  EXPECT_EQ(*value->string_at("s"), "x");
  EXPECT_EQ(value->count_at("n").error().sentence(), "field \"n\" is missing or is not an integer that is not negative");
  EXPECT_FALSE(value->array_at("s"));
}

}  // namespace
}  // namespace aseptic::core
