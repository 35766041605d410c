// SPDX-License-Identifier: Apache-2.0
// core's canonical JSON against a second decoder, over generated documents, and against literal vectors.
#include "aseptic/core/json.h"
#include "expect.h"
#include "json_generator.h"
#include "slow_canonical_json.h"

namespace aseptic::trust::test {
namespace {

// Answers: MF-08, T-39
TEST(CanonicalJson, AgreesWithTheSlowDecoder) {
  std::size_t agreed = 0, refusals = 0;
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    const std::string text = JsonGenerator(seed).document();
    const auto slow = SlowCanonical::of(text);
    const auto fast = core::parse_json_value(core::as_bytes(text));
    ASSERT_EQ(fast.has_value(), slow.has_value()) << "seed=" << seed << " " << text;
    if (!slow) {
      ++refusals;
      continue;
    }
    ASSERT_EQ(core::canonical_json(*fast), *slow) << "seed=" << seed << " " << text;
    const std::string wrapped = "{\"zz\":[1],\"signed\":" + text + ",\"a\":\"b\"}";
    const auto member = core::canonical_member(core::as_bytes(wrapped), "signed", {});
    ASSERT_TRUE(accepted(member)) << "seed=" << seed << " " << text;
    ASSERT_EQ(*member, *slow) << "seed=" << seed << " " << text;
    ++agreed;
  }
  EXPECT_GT(agreed, 5'000U);
  EXPECT_GT(refusals, 1'000U);
}

// Literal vectors in the manner of securesystemslib and @tufjs/canonical-json.
TEST(CanonicalJson, MatchesLiteralVectors) {
  const std::pair<const char*, const char*> vectors[] = {
      {"[]", "[]"},
      {"{}", "{}"},
      {"[ 1, 2, 3 ]", "[1,2,3]"},
      {R"({"B": 2, "A": 1})", R"({"A":1,"B":2})"},
      {R"({"b": {"y": null, "x": [true, false]}, "a": ""})", R"({"a":"","b":{"x":[true,false],"y":null}})"},
      {R"("\u00e9\n\"\\\/")", "\"\xc3\xa9\n\\\"\\\\/\""},
      {R"({"\ud83d\ude00": 1, "\uff5e": 2})", "{\"\xef\xbd\x9e\":2,\"\xf0\x9f\x98\x80\":1}"},
      {R"({"a": 1, "a ": 2, "A": 3})", R"({"A":3,"a":1,"a ":2})"},
  };
  for (const auto& [text, canonical] : vectors) {
    const auto value = core::parse_json_value(core::as_bytes(text));
    ASSERT_TRUE(accepted(value)) << text;
    EXPECT_EQ(core::canonical_json(*value), canonical);
    EXPECT_EQ(SlowCanonical::of(text), canonical);
  }
}

}  // namespace
}  // namespace aseptic::trust::test
