// SPDX-License-Identifier: Apache-2.0
// platform::Storage in memory with a size limit, for tests of the log and the state files.
#pragma once

#include <map>
#include <string>

#include "aseptic/platform/codes.h"
#include "aseptic/platform/storage.h"

namespace aseptic::agent::test {

class MemoryStorage final : public platform::Storage {
 public:
  std::map<std::string, core::Bytes, std::less<>> files;
  std::uint64_t capacity = ~0ULL;

  core::Result<core::Bytes> read(std::string_view name, std::uint64_t) override {
    const auto file = files.find(name);
    if (file == files.end()) return core::Error(platform::PlatformCode::kNotFound, std::string(name));
    return file->second;
  }
  core::Result<void> replace(std::string_view name, core::ByteView content) override {
    const std::uint64_t others = used() - size_of(name);
    if (others + content.size() > capacity) return full();
    files.insert_or_assign(std::string(name), core::Bytes(content.begin(), content.end()));
    return {};
  }
  core::Result<void> append(std::string_view name, core::ByteView content) override {
    if (used() + content.size() > capacity) return full();
    core::Bytes& file = files[std::string(name)];
    file.insert(file.end(), content.begin(), content.end());
    return {};
  }
  core::Result<void> remove(std::string_view name) override {
    if (const auto file = files.find(name); file != files.end()) files.erase(file);
    return {};
  }
  core::Result<void> make_directory(std::string_view) override { return {}; }
  core::Result<std::vector<std::string>> list(std::string_view directory) override {
    std::vector<std::string> names;
    const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
    for (const auto& [name, content] : files)
      if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
    return names;
  }
  core::Result<std::uint64_t> free_bytes() override { return capacity - used(); }

  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [name, content] : files) sum += content.size();
    return sum;
  }

 private:
  [[nodiscard]] std::uint64_t size_of(std::string_view name) const {
    const auto file = files.find(name);
    return file == files.end() ? 0 : file->second.size();
  }
  static core::Error full() { return {platform::PlatformCode::kStorageFull, "no space"}; }
};

}  // namespace aseptic::agent::test
