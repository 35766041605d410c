// SPDX-License-Identifier: Apache-2.0
// core's canonical JSON against a second decoder, over generated documents, and against literal vectors.
#include <random>

#include "aseptic/core/json.h"
#include "expect.h"
#include "slow_canonical_json.h"

namespace aseptic::trust::test {
namespace {

// Writes random JSON text with needless escapes, white space, odd key order, and now and then a fault.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string document() {
    std::string text = value(0);
    if (pick(8) == 0) text.insert(pick(text.size() + 1), 1, "\"\\{}[],:0x\n"[pick(11)]);
    return text;
  }

 private:
  std::size_t pick(std::size_t n) { return random_() % n; }
  std::string space() { return std::string(pick(4) ? "" : std::string(pick(3), " \t\n\r"[pick(4)])); }
  std::string string() {
    static constexpr const char* kPieces[] = {"a", "b",  "é",       "😀",      "\\n",    "\\u0001",       "\\\"", "\\\\",
                                              "/", "\\/", "\\u00e9", "\\u20ac", "\\t",    "\\ud83d\\ude00", " ",    "\x7f"};
    std::string out = "\"";
    for (std::size_t i = pick(5); i > 0; --i) out += kPieces[pick(std::size(kPieces))];
    return out + "\"";
  }
  std::string value(int depth) {
    switch (depth > 4 ? pick(5) : pick(8)) {
      case 0: return "null";
      case 1: return pick(2) ? "true" : "false";
      case 2: return std::to_string(static_cast<std::int64_t>(pick(2) ? pick(100) : random_()) * (pick(2) ? 1 : -1));
      case 3: {
        static constexpr const char* kEdge[] = {"9007199254740991", "-9007199254740991", "9007199254740992", "1.5", "1e3", "-0", "01", "+1"};
        return pick(4) ? "7" : kEdge[pick(std::size(kEdge))];
      }
      case 4: return string();
      case 5: case 6: {
        std::string out = "{";
        for (std::size_t i = pick(5); i > 0; --i)
          out += (out.size() > 1 ? "," : "") + space() + string() + space() + ":" + space() + value(depth + 1) + space();
        return out + "}";
      }
      default: {
        std::string out = "[";
        for (std::size_t i = pick(4); i > 0; --i) out += (out.size() > 1 ? "," : "") + space() + value(depth + 1) + space();
        return out + "]";
      }
    }
  }
  std::mt19937 random_;
};

// Answers: MF-08
TEST(CanonicalJson, AgreesWithTheSlowDecoder) {
  std::size_t agreed = 0, refusals = 0;
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    const std::string text = Generator(seed).document();
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
