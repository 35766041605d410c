// SPDX-License-Identifier: Apache-2.0
// Which delegated role may speak for which target path.
#include <algorithm>

#include "aseptic/trust/metadata.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Glob over one path segment; linear back-tracking to the last star, so no pattern can make it exponential.
bool matches_segment(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::size_t suffix_digits(std::uint32_t bit_length) { return (bit_length + 3) / 4; }

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view path) {
  while (true) {
    const std::size_t p = pattern.find('/'), t = path.find('/');
    if ((p == std::string_view::npos) != (t == std::string_view::npos)) return false;
    if (!matches_segment(pattern.substr(0, p), path.substr(0, t))) return false;
    if (p == std::string_view::npos) return true;
    pattern.remove_prefix(p + 1);
    path.remove_prefix(t + 1);
  }
}

bool PathRule::covers(std::string_view path) const {
  if (!by_hash) return std::ranges::any_of(paths, [path](const std::string& p) { return matches_pattern(p, path); });
  const std::string hex = core::sha256(path).hex();
  return std::ranges::any_of(path_hash_prefixes, [&hex](const std::string& prefix) { return hex.starts_with(prefix); });
}

std::string SuccinctRoles::bin_name(std::uint64_t bin) const {
  std::string digits(suffix_digits(bit_length), '0');
  for (auto at = digits.rbegin(); at != digits.rend(); ++at, bin >>= 4) *at = kHexDigits[bin & 15];
  return name_prefix + "-" + digits;
}

std::string SuccinctRoles::role_for(std::string_view path) const {
  const core::Digest digest = core::sha256(path);
  std::uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) bits = bits << 8 | digest.bytes[static_cast<std::size_t>(i)];
  return bin_name(bits >> (32 - bit_length));
}

bool SuccinctRoles::has_role(std::string_view name) const {
  if (!name.starts_with(name_prefix + "-")) return false;
  const std::string_view digits = name.substr(name_prefix.size() + 1);
  if (digits.size() != suffix_digits(bit_length)) return false;
  std::uint64_t bin = 0;
  for (const char c : digits) {
    const std::size_t value = kHexDigits.find(c);
    if (value == std::string_view::npos) return false;
    bin = bin << 4 | value;
  }
  return bin < bins();
}

}  // namespace aseptic::trust
