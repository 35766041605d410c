// SPDX-License-Identifier: Apache-2.0
// platform::Storage and platform::BlockDevice over a World.
#include <algorithm>

#include "aseptic/core/assert.h"
#include "aseptic/platform/codes.h"
#include "aseptic/sim/world.h"

namespace aseptic::sim {
namespace {

using core::Error;
using core::Result;
using platform::PlatformCode;

constexpr std::uint64_t kFreeBytes = 1ULL << 30U;

std::shared_ptr<const core::Bytes> shared(core::ByteView bytes) {
  return std::make_shared<const core::Bytes>(bytes.begin(), bytes.end());
}

class WorldStorage final : public platform::Storage {
 public:
  WorldStorage(World& world, std::string directory) : world_(world), root_(std::move(directory)) {}

  Result<core::Bytes> read(std::string_view name, std::uint64_t bytes_max) override {
    ASEPTIC_TRY(const std::string path, path_of(name));
    ASEPTIC_TRY_VOID(world_.read_allowed(path));
    const auto found = world_.disk().live().find(path);
    if (found == world_.disk().live().end()) return Error(PlatformCode::kNotFound, path + " does not exist");
    if (found->second.size() > bytes_max)
      return Error(PlatformCode::kStorageIo,
                   path + " is larger than " + std::to_string(bytes_max) + " bytes");
    return found->second.bytes();
  }

  Result<void> replace(std::string_view name, core::ByteView content) override {
    ASEPTIC_TRY(std::string path, path_for_writing(name));
    return world_.perform(
        {.kind = OperationKind::kReplace, .file = std::move(path), .bytes = shared(content)});
  }

  Result<void> append(std::string_view name, core::ByteView content) override {
    ASEPTIC_TRY(std::string path, path_for_writing(name));
    return world_.perform(
        {.kind = OperationKind::kAppend, .file = std::move(path), .bytes = shared(content)});
  }

  Result<void> remove(std::string_view name) override {
    ASEPTIC_TRY(std::string path, path_of(name));
    if (!world_.exists(path)) return {};
    return world_.perform({.kind = OperationKind::kRemove, .file = std::move(path)});
  }

  Result<void> make_directory(std::string_view name) override {
    if (name.find('/') != std::string_view::npos) return refused(name);
    ASEPTIC_TRY(std::string path, path_of(name));
    if (world_.disk().directories().contains(path)) return {};
    if (world_.exists(path)) return Error(PlatformCode::kStorageIo, path + " is a file");
    return world_.perform({.kind = OperationKind::kMakeDirectory, .file = std::move(path)});
  }

  Result<std::vector<std::string>> list(std::string_view directory) override {
    std::string base = root_;
    if (!directory.empty()) {
      if (directory.find('/') != std::string_view::npos) return refused(directory);
      ASEPTIC_TRY(base, path_of(directory));
    }
    ASEPTIC_TRY_VOID(world_.read_allowed(base));
    if (!world_.disk().directories().contains(base))
      return Error(PlatformCode::kNotFound, base + " does not exist");
    std::vector<std::string> names;
    for (const auto& [path, content] : world_.disk().live())
      add_child(base, path, names);
    for (const auto& path : world_.disk().directories())
      add_child(base, path, names);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::uint64_t> free_bytes() override { return kFreeBytes; }

 private:
  static Error refused(std::string_view name) {
    return {PlatformCode::kNameRefused, "the file name \"" + std::string(name) + "\" is not allowed"};
  }
  static void add_child(const std::string& base, std::string_view path, std::vector<std::string>& names) {
    if (!path.starts_with(base) || path.size() <= base.size() + 1 || path[base.size()] != '/') return;
    const std::string_view rest = path.substr(base.size() + 1);
    if (rest.find('/') == std::string_view::npos) names.emplace_back(rest);
  }
  Result<std::string> path_of(std::string_view name) const {
    if (!platform::storage_name_is_valid(name)) return refused(name);
    return root_ + "/" + std::string(name);
  }
  Result<std::string> path_for_writing(std::string_view name) const {
    ASEPTIC_TRY(std::string path, path_of(name));
    const std::string parent = path.substr(0, path.rfind('/'));
    if (!world_.disk().directories().contains(parent))
      return Error(PlatformCode::kNotFound, parent + " does not exist");
    if (world_.disk().directories().contains(path))
      return Error(PlatformCode::kStorageIo, path + " is a directory");
    return path;
  }

  World& world_;
  std::string root_;
};

class WorldBlockDevice final : public platform::BlockDevice {
 public:
  WorldBlockDevice(World& world, std::string file) : world_(world), file_(std::move(file)) {}

  [[nodiscard]] std::uint64_t size() const override { return content().size(); }

  Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    ASEPTIC_TRY_VOID(check_range(offset, out.size()));
    ASEPTIC_TRY_VOID(world_.read_allowed(file_));
    content().read(offset, out);
    return {};
  }
  Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override {
    if (offset % kAlignment != 0 || out.size() % kAlignment != 0)
      return Error(PlatformCode::kBlockRange,
                   file_ + ": read-back needs offsets and sizes in multiples of 4096");
    return read(offset, out);
  }
  Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    ASEPTIC_TRY_VOID(check_range(offset, bytes.size()));
    return world_.perform(
        {.kind = OperationKind::kWrite, .file = file_, .offset = offset, .bytes = shared(bytes)});
  }
  Result<void> discard(std::uint64_t offset, std::uint64_t size) override {
    ASEPTIC_TRY_VOID(check_range(offset, size));
    return world_.perform({.kind = OperationKind::kDiscard, .file = file_, .offset = offset, .size = size});
  }
  Result<void> flush() override { return world_.perform({.kind = OperationKind::kFlush, .file = file_}); }

 private:
  [[nodiscard]] const PagedBytes& content() const {
    const auto found = world_.disk().live().find(file_);
    ASEPTIC_ASSERT(found != world_.disk().live().end());
    return found->second;
  }
  [[nodiscard]] Result<void> check_range(std::uint64_t offset, std::uint64_t size) const {
    if (offset <= content().size() && size <= content().size() - offset) return {};
    return Error(PlatformCode::kBlockRange, file_ + ": an access lies beyond the end");
  }

  World& world_;
  std::string file_;
};

}  // namespace

std::unique_ptr<platform::Storage> World::storage(const std::string& directory) {
  place_directory(directory);
  return std::make_unique<WorldStorage>(*this, directory);
}

std::unique_ptr<platform::BlockDevice> World::block_device(const std::string& file) {
  ASEPTIC_ASSERT(exists(file));
  return std::make_unique<WorldBlockDevice>(*this, file);
}

}  // namespace aseptic::sim
