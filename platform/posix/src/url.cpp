// SPDX-License-Identifier: Apache-2.0
#include "url.h"

#include <algorithm>
#include <charconv>

#include "aseptic/platform/codes.h"

namespace aseptic::platform {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kUrlBytesMax = 8192;

Error bad_url(std::string_view text, std::string_view why) {
  return {PlatformCode::kNetConnect, "the address \"" + std::string(text.substr(0, 200)) + "\" is not usable: " + std::string(why)};
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) return false;
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);  // only digits: nothing can be left over
  return number >= 1 && number <= 65535;
}

}  // namespace

std::string Url::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string text = is_v6 ? "[" + host + "]" : host;
  const std::string_view usual = scheme == Scheme::kHttps ? "443" : "80";
  if (port != usual) text += ":" + port;
  return text;
}

std::string Url::origin() const { return (scheme == Scheme::kHttps ? "https " : "http ") + host + " " + port; }

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return bad_url(text, "it is too long");
  // SECURITY(T-13): a line break in an address would let a name write its own HTTP request.
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; }))
    return bad_url(text, "it has characters that must be percent-encoded");
  Url url;
  std::string_view rest;
  if (text.starts_with("http://")) {
    url.scheme = Url::Scheme::kHttp;
    rest = text.substr(7);
  } else if (text.starts_with("https://")) {
    url.scheme = Url::Scheme::kHttps;
    rest = text.substr(8);
  } else {
    return bad_url(text, "it must start with http:// or https://");
  }
  if (rest.find('#') != std::string_view::npos) return bad_url(text, "it has a fragment");
  const auto end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  url.target = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
  if (url.target.front() == '?') url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return bad_url(text, "it has a user name");

  url.port = url.scheme == Url::Scheme::kHttps ? "443" : "80";
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return bad_url(text, "its host is not complete");
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  }
  if (!port.empty()) {
    if (port.front() != ':' || !is_port(port.substr(1))) return bad_url(text, "its port is not a number from 1 to 65535");
    url.port = port.substr(1);
  }
  if (url.host.empty() || !std::ranges::all_of(url.host, is_host_character)) return bad_url(text, "its host name is not valid");
  return url;
}

}  // namespace aseptic::platform
