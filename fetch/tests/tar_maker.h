// SPDX-License-Identifier: Apache-2.0
// Tar archives of any kind, right or wrong, for the tests of bundles.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

namespace aseptic::fetch::test {

inline constexpr std::size_t kTarBlock = 512;

inline std::string octal(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number /= 8) *at = static_cast<char>('0' + number % 8);
  return text;
}

inline void set_checksum(std::string& header) {
  header.replace(148, 8, "        ");
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
}

inline std::string tar_header(const std::string& name, std::uint64_t size, const std::function<void(std::string&)>& edit = {}) {
  std::string header(kTarBlock, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  header.replace(108, 7, "0000000");
  header.replace(116, 7, "0000000");
  header.replace(124, 11, octal(size, 11));
  header.replace(136, 11, "00000000000");
  header[156] = '0';
  header.replace(257, 8, std::string("ustar\0" "00", 8));
  if (edit) edit(header);
  set_checksum(header);
  return header;
}

// An entry with its content, up to the next block; `edit` changes the header before its checksum is made.
inline std::string tar_entry(const std::string& name, const std::string& content, const std::function<void(std::string&)>& edit = {}) {
  std::string entry = tar_header(name, content.size(), edit) + content;
  entry.resize((entry.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
  return entry;
}

inline std::string tar_end() { return std::string(2 * kTarBlock, '\0'); }

}  // namespace aseptic::fetch::test
