// SPDX-License-Identifier: Apache-2.0
// A second, slow decoder and canonical writer, sharing no code with core: the oracle of canonical_oracle_test.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aseptic::trust::test {

class SlowCanonical {
 public:
  // The canonical form of a JSON text; nothing when the text is outside strict JSON.
  static std::optional<std::string> of(std::string_view text) {
    SlowCanonical reader{text};
    if (!is_utf8(text)) return std::nullopt;
    auto value = reader.value(0);
    reader.space();
    return value && reader.at_ == text.size() ? value : std::nullopt;
  }

 private:
  explicit SlowCanonical(std::string_view text) : text_(text) {}
  using Text = std::optional<std::string>;

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) { return at_ < text_.size() && text_[at_] == c && ++at_; }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  bool word(std::string_view w) { return text_.substr(at_, w.size()) == w && (at_ += w.size()); }

  Text value(int depth) {
    space();
    if (word("null")) return "null";
    if (word("true")) return "true";
    if (word("false")) return "false";
    if (peek() == '"') {
      auto s = string();
      return s ? Text(quote(*s)) : std::nullopt;
    }
    if (depth >= 32 && (peek() == '[' || peek() == '{')) return std::nullopt;
    if (take('[')) return array(depth);
    if (take('{')) return object(depth);
    return number();
  }
  // Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
  static bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U; };
      const unsigned b = byte(0);
      const std::size_t n = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
      if (n == 0) return false;
      for (std::size_t k = 1; k < n; ++k)
        if ((byte(k) & 0xc0) != 0x80) return false;
      if ((b == 0xe0 && byte(1) < 0xa0) || (b == 0xed && byte(1) > 0x9f) || (b == 0xf0 && byte(1) < 0x90) ||
          (b == 0xf4 && byte(1) > 0x8f))
        return false;
      i += n;
    }
    return true;
  }
  Text number() {
    std::string digits(take('-') ? "-" : "");
    while (peek() >= '0' && peek() <= '9') digits += text_[at_++];
    const std::string bare = digits.starts_with('-') ? digits.substr(1) : digits;
    if (bare.empty() || (bare.size() > 1 && bare[0] == '0') || bare.size() > 16 || digits == "-0") return std::nullopt;
    if (bare.size() == 16 && bare > "9007199254740991") return std::nullopt;
    if (peek() == '.' || peek() == 'e' || peek() == 'E') return std::nullopt;
    return digits;
  }
  Text string() {
    std::string out;
    for (++at_; !take('"');) {
      if (at_ >= text_.size() || static_cast<unsigned char>(peek()) < 0x20) return std::nullopt;
      if (!take('\\')) {
        out += text_[at_++];
        continue;
      }
      const char c = peek();
      ++at_;
      constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
      if (const auto i = from.find(c); i != from.npos && c != '\0')
        out += to[i];
      else if (c != 'u' || !escape(out))
        return std::nullopt;
    }
    return out;
  }
  std::optional<unsigned> hex4() {
    unsigned v = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (d < 0) return std::nullopt;
      v = v * 16 + static_cast<unsigned>(d);
    }
    return v;
  }
  bool escape(std::string& out) {
    auto v = hex4();
    if (!v || (*v >= 0xdc00 && *v < 0xe000)) return false;
    if (*v >= 0xd800 && *v < 0xdc00) {
      if (!take('\\') || !take('u')) return false;
      const auto low = hex4();
      if (!low || *low < 0xdc00 || *low >= 0xe000) return false;
      v = 0x10000 + ((*v - 0xd800) << 10) + (*low - 0xdc00);
    }
    const auto put = [&out](unsigned b) { out += static_cast<char>(b); };
    if (*v < 0x80) put(*v);
    else if (*v < 0x800) put(0xc0 | *v >> 6), put(0x80 | (*v & 63));
    else if (*v < 0x10000) put(0xe0 | *v >> 12), put(0x80 | (*v >> 6 & 63)), put(0x80 | (*v & 63));
    else put(0xf0 | *v >> 18), put(0x80 | (*v >> 12 & 63)), put(0x80 | (*v >> 6 & 63)), put(0x80 | (*v & 63));
    return true;
  }
  Text array(int depth) {
    std::string out = "[";
    space();
    if (take(']')) return out + "]";
    do {
      auto item = value(depth + 1);
      if (!item) return std::nullopt;
      out += (out.size() > 1 ? "," : "") + *item;
      space();
    } while (take(','));
    return take(']') ? Text(out + "]") : std::nullopt;
  }
  Text object(int depth) {
    std::map<std::string, std::string> members;
    space();
    if (take('}')) return "{}";
    do {
      space();
      if (peek() != '"') return std::nullopt;
      auto name = string();
      space();
      if (!name || !take(':')) return std::nullopt;
      auto member = value(depth + 1);
      if (!member || !members.emplace(*name, *member).second) return std::nullopt;
      space();
    } while (take(','));
    if (!take('}')) return std::nullopt;
    std::string out = "{";
    for (const auto& [name, member] : members) out += (out.size() > 1 ? "," : "") + quote(name) + ":" + member;
    return out + "}";
  }
  static std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) out += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    return out + "\"";
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace aseptic::trust::test
