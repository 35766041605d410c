// SPDX-License-Identifier: Apache-2.0
// A bundle from arbitrary bytes: what is accepted lies inside the file, in no other file's place, under plain and different names; and
// nothing is read that the file does not have.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "aseptic/fetch/bundle.h"

using namespace aseptic;

namespace {
void need(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = fetch::BundleIndex::read(size, [&](std::uint64_t offset, core::ByteSpan out) -> core::Result<void> {
    need(offset <= size && out.size() <= size - offset);
    std::copy_n(data + offset, out.size(), out.begin());
    return {};
  });
  if (!index) return 0;
  need(!index->entries().empty() && index->entries().size() <= fetch::kBundleEntriesMax);
  auto entries = index->entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& path = entries[i].path;
    need(path.starts_with("metadata/") || path.starts_with("targets/"));
    need(path.find("/.") == std::string::npos && path.find("//") == std::string::npos && path.back() != '/');
    need(std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f; }));
    need(index->find(path) != nullptr && index->find(path)->offset == entries[i].offset);
    need(i == 0 || entries[i - 1].path < path);
  }
  std::ranges::sort(entries, {}, &fetch::BundleEntry::offset);
  std::uint64_t end = 0;
  for (const fetch::BundleEntry& entry : entries) {
    need(entry.offset >= end + 512 && entry.size <= size - entry.offset);
    end = entry.offset + entry.size;
  }
  return 0;
}
