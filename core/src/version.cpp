// SPDX-License-Identifier: Apache-2.0
#include "aseptic/core/version.h"

#include <charconv>

#include "aseptic/core/codes.h"

namespace aseptic::core {
namespace {

// Takes a decimal number without sign or leading zeros from the front of `text`.
template <typename Number>
bool take_number(std::string_view& text, Number& out) {
  if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_dot(std::string_view& text) {
  if (text.empty() || text[0] != '.') return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  Version version;
  std::string_view rest = text;
  const bool whole = take_number(rest, version.major_number) && take_dot(rest) &&
                     take_number(rest, version.minor_number) && take_dot(rest) &&
                     take_number(rest, version.patch_number) && rest.empty();
  if (!whole) return Error(CoreCode::kValueFormat, "a version is written as MAJOR.MINOR.PATCH in decimal");
  return version;
}

std::string Version::text() const {
  return std::to_string(major_number) + '.' + std::to_string(minor_number) + '.' + std::to_string(patch_number);
}

}  // namespace aseptic::core
