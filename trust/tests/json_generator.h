// SPDX-License-Identifier: Apache-2.0
// Random JSON texts from a seed, for the canonical oracle and the fuzz corpus.
#pragma once

#include <random>
#include <string>

namespace aseptic::trust::test {

// Writes random JSON text with needless escapes, white space, odd key order, and now and then a fault.
class JsonGenerator {
 public:
  explicit JsonGenerator(std::uint32_t seed) : random_(seed) {}

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

}  // namespace aseptic::trust::test
