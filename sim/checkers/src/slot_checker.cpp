// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/checkers/slot_checker.h"

#include <algorithm>
#include <string_view>

namespace aseptic::sim {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kSignedRegion = 1024;
constexpr std::size_t kManifest = 9216;
constexpr std::size_t kFirstRegion = 12288;
constexpr std::size_t kBlock = 4096;

std::uint64_t number(Bytes bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{bytes[offset + i]} << (8 * i);
  return value;
}

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// The whole tree, level by level.
CheckerDigest tree_root(Bytes region, Bytes salt) {
  static constexpr std::uint8_t kLeaf[] = {0};
  static constexpr std::uint8_t kNode[] = {1};
  std::vector<CheckerDigest> level;
  for (std::size_t at = 0; at < region.size(); at += kBlock)
    level.push_back(checker_sha256({Bytes(kLeaf), salt, region.subspan(at, kBlock)}));
  while (level.size() > 1) {
    std::vector<CheckerDigest> above;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2)
      above.push_back(checker_sha256({Bytes(kNode), Bytes(level[i]), Bytes(level[i + 1])}));
    if (level.size() % 2 != 0) above.push_back(level.back());
    level = std::move(above);
  }
  return level.front();
}

// Empty when the region is as signed.
std::string check_region(Bytes slot, Bytes entry, Bytes salt, std::uint64_t& at) {
  const std::uint64_t kind = number(entry, 0, 1);
  const std::uint64_t offset = number(entry, 8, 8);
  const std::uint64_t size = number(entry, 16, 8);
  if (offset < at || offset > slot.size() || size > slot.size() - offset || size == 0)
    return "region out of bounds";
  if (!all_zero(slot.subspan(at, offset - at))) return "gap before a region is not zero";
  const Bytes region = slot.subspan(offset, size);
  if (kind != 1 && size % kBlock != 0) return "tree region is not whole blocks";
  const CheckerDigest digest = kind == 1 ? checker_sha256(region) : tree_root(region, salt);
  if (!std::equal(digest.begin(), digest.end(), entry.begin() + 24))
    return "region does not match its digest";
  at = offset + size;
  return {};
}

}  // namespace

SlotVerdict check_slot(Bytes slot) {
  SlotVerdict verdict;
  const auto refuse = [&](std::string why) {
    verdict.why_not = std::move(why);
    return verdict;
  };
  if (slot.size() < kFirstRegion) return refuse("slot too small");
  const Bytes manifest = slot.first(kSignedRegion);
  verdict.manifest_digest = checker_sha256(manifest);
  verdict.sequence = number(manifest, 80, 8);
  verdict.epoch = static_cast<std::uint32_t>(number(manifest, 88, 4));
  verdict.image_size = number(manifest, 96, 8);
  if (!std::equal(manifest.begin(), manifest.begin() + 8, std::string_view("ASPTBOOT").begin()))
    return refuse("no boot manifest");
  static constexpr std::string_view kImageDomain("aseptic-image-v1", 17);  // with its terminating zero
  const Bytes domain(reinterpret_cast<const std::uint8_t*>(kImageDomain.data()), kImageDomain.size());
  verdict.image_digest = checker_sha256({domain, manifest.subspan(120, 4 * 56), manifest.subspan(96, 8)});
  const std::uint64_t regions = number(manifest, 14, 1);
  if (regions == 0 || regions > 4) return refuse("region count");
  if (all_zero(slot.subspan(kSignedRegion, 64)) || all_zero(slot.subspan(kSignedRegion + 64, 7856)))
    return refuse("a signature is missing");
  if (!all_zero(slot.subspan(kManifest - 272, 272))) return refuse("bytes behind the signatures");
  std::uint64_t at = kManifest;
  for (std::size_t i = 0; i < regions; ++i)
    if (auto why = check_region(slot, manifest.subspan(120 + 56 * i, 56), manifest.subspan(352, 32), at);
        !why.empty())
      return refuse(why);
  if (!all_zero(slot.subspan(at))) return refuse("bytes behind the image are not zero");
  if (verdict.image_size != (at + kBlock - 1) / kBlock * kBlock) return refuse("image size");
  verdict.is_whole = true;
  return verdict;
}

}  // namespace aseptic::sim
