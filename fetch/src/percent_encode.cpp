// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/percent_encode.h"

#include "aseptic/fetch/codes.h"

namespace aseptic::fetch {
namespace {

constexpr std::size_t kTargetNameBytesMax = 1024;

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_encoded(std::string& text, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  text.push_back('%');
  text.push_back(kDigits[byte >> 4]);
  text.push_back(kDigits[byte & 15]);
}

std::string encode(std::string_view name, std::string_view kept) {
  std::string text;
  for (const char c : name) {
    if (is_unreserved(c) || kept.find(c) != std::string_view::npos) text.push_back(c);
    else append_encoded(text, c);
  }
  return text;
}

core::Error refused(std::string_view path, std::string_view why) {
  return {FetchCode::kTargetName, "the target name \"" + percent_encode_path(path.substr(0, 200)) + "\" is refused: " + std::string(why)};
}

}  // namespace

std::string percent_encode(std::string_view name) { return encode(name, ""); }
std::string percent_encode_path(std::string_view path) { return encode(path, "/!$&'()*+,;=:@"); }

// SECURITY(T-13): a name is data of the repository; it may choose neither directory nor host.
core::Result<void> check_target_name(std::string_view path) {
  if (path.empty()) return refused(path, "it is empty");
  if (path.size() > kTargetNameBytesMax) return refused(path, "it is too long");
  if (path.front() == '/') return refused(path, "it starts with a slash");
  for (const char c : path) {
    if (c == '\\') return refused(path, "it has a back slash");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return refused(path, "it has a control character");
  }
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return refused(path, "it leaves its directory");
    begin = end + 1;
  }
  return {};
}

}  // namespace aseptic::fetch
