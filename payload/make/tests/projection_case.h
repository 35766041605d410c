// SPDX-License-Identifier: Apache-2.0
// Old images full of what passes for addresses, with areas of every kind at odd places, and copy maps over them: for holding the
// product's reference projection against the second decoder's. Used by delta_differential_test.cpp and fuzz/delta_projection.cpp, which
// bring the numbers.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "../src/range_encoder.h"
#include "aseptic/payload/apply/core_hasher.h"
#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload::tests {

using NumberBelow = std::function<std::uint64_t(std::uint64_t)>;

class ProjectionCase {
 public:
  static constexpr std::uint64_t kOldSize = 12 * 1024;
  static constexpr std::uint64_t kNewSize = 12 * 1024 + 100;

  explicit ProjectionCase(const NumberBelow& below) : below_(below), old_image(kOldSize) {
    for (auto& byte : old_image)
      byte = static_cast<std::uint8_t>(below(256));
    add_elements();
    add_areas();
    add_segments();
    map_.old_size = kOldSize;
    map_.new_size = kNewSize;
    map_.segments = segments_;
    by_old_.resize(segments_.size());
    reach_.resize(segments_.size());
    map_.by_old = by_old_;
    map_.reach = reach_;
    map_.elements = elements_;
    map_.ranges = ranges_;
    map_.areas = areas_;
    index_map(map_);
  }
  ProjectionCase(const ProjectionCase&) = delete;
  ProjectionCase& operator=(const ProjectionCase&) = delete;

  [[nodiscard]] core::Bytes section() {
    core::Bytes out(kDeltaSectionHeaderSize);
    const auto count = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
    encode_delta_section_header({count(segments_), count(elements_), count(ranges_), count(areas_)}, out);
    RangeEncoder coder;
    auto models = std::make_unique<MapModels<LinuxProfile>>();
    code_map(coder, *models, map_);
    const core::Bytes coded = coder.finish();
    out.insert(out.end(), coded.begin(), coded.end());
    return out;
  }
  [[nodiscard]] const DeltaMap<LinuxProfile>& map() const { return map_; }
  [[nodiscard]] bool is_valid() const { return ok(check_map(map_)); }

  // What the product makes of `coded`, whether or not that is what somebody wanted to say.
  core::Bytes decode(std::uint64_t at, std::uint64_t size, core::ByteView coded, DeltaState<LinuxProfile>& state) {
    Source old(old_image);
    CoreHasher hasher;
    core::Bytes out(static_cast<std::size_t>(size));
    if (!ok(read_old_bytes(map_, old, at, out))) return {};
    const Digest digest = digest_old_bytes(map_, hasher, at, out);
    core::Bytes stored(digest.begin(), digest.end());
    stored.insert(stored.end(), coded.begin(), coded.end());
    const Status status = decode_delta_chunk(map_, state, old, hasher, at, stored, out);
    return ok(status) || status == Status::kBadDelta ? out : core::Bytes();
  }

 private:
  struct Source final : OldImage {
    explicit Source(core::ByteView image) : bytes(image) {}
    bool read(std::uint64_t at, MutableBytes out) override {
      if (!delta_map::lies_inside(at, out.size(), bytes.size())) return false;
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
      return true;
    }
    core::ByteView bytes;
  };

  void add_elements() {
    const std::uint64_t count = 1 + below_(3);
    for (std::uint64_t e = 0; e < count; ++e) {
      Element element;
      const std::uint64_t address = 0x400000 * (e + 1) + 0x1000 * below_(3);
      element.window = {address, address + 0x2000 + below_(0x3000), address, address + 0x1000 + below_(0x3000)};
      element.ranges_at = static_cast<std::uint32_t>(ranges_.size());
      element.old_ranges = static_cast<std::uint32_t>(1 + below_(2));
      element.new_ranges = static_cast<std::uint32_t>(1 + below_(2));
      std::uint64_t at = address;
      for (std::uint32_t i = 0; i < element.old_ranges; ++i, at += 0x1800)
        ranges_.push_back({at, i * 0x1800U + below_(64), 0x1700});
      at = address + 4 * below_(100);
      for (std::uint32_t i = 0; i < element.new_ranges; ++i, at += 0x1900)
        ranges_.push_back({at, i * 0x1800U, kNewSize / element.new_ranges - 64});
      elements_.push_back(element);
    }
  }

  void add_areas() {
    for (std::uint64_t at = below_(50); at + 400 < kOldSize && areas_.size() < 12;) {
      ReferenceArea area;
      area.at = at;
      area.size = std::min<std::uint64_t>(100 + below_(2500), kOldSize - at);
      area.element = static_cast<std::uint32_t>(below_(elements_.size()));
      area.kind = static_cast<AreaKind>(1 + below_(kAreaKindLast));
      area.address = elements_[area.element].window.low + at + below_(4);
      fill(area);
      areas_.push_back(area);
      at += area.size + below_(3) * below_(200);
    }
  }

  void add_segments() {
    std::uint64_t new_at = below_(40);
    while (new_at + 10 < kNewSize && segments_.size() < 16) {
      const std::uint64_t old_at = below_(3) == 0 ? below_(kOldSize - 1) : std::min(new_at + below_(60), kOldSize - 1);
      const std::uint64_t size = std::min({1 + below_(3000), kOldSize - old_at, kNewSize - new_at});
      segments_.push_back({new_at, old_at, static_cast<std::uint32_t>(size)});
      new_at += size + (below_(2) == 0 ? 0 : below_(30));
    }
  }

  void put(std::uint64_t at, std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size && at + i < old_image.size(); ++i)
      old_image[static_cast<std::size_t>(at + i)] = static_cast<std::uint8_t>(value >> (8U * i));
  }
  std::uint32_t near_by() { return static_cast<std::uint32_t>(below_(0x2000)) - 0x1000U; }

  // Something that the area's scanner believes, every few bytes.
  void fill(const ReferenceArea& area) {
    const std::uint64_t low = elements_[area.element].window.low;
    const std::uint64_t step = area.kind == AreaKind::kArm64Code || area.kind == AreaKind::kOffsets32 ? 4 : 1;
    for (std::uint64_t at = area.at + (4 - area.address % 4) % 4; at + 24 <= area.at + area.size;) {
      switch (area.kind) {
        case AreaKind::kX86Code: {
          static constexpr std::uint16_t kStarts[] = {0xE8, 0xE9, 0x840F, 0x05C7, 0x0583, 0x0D8B, 0x05F6, 0x3D8D};
          const std::uint16_t start = kStarts[below_(8)];
          put(at, start, 2);
          put(at + (start < 0x100 ? 1U : 2U), near_by(), 4);
          at += 6;
          break;
        }
        case AreaKind::kArm64Code: {
          const auto reg = static_cast<std::uint32_t>(below_(3));
          const auto other = static_cast<std::uint32_t>(below_(3));
          const auto imm = static_cast<std::uint32_t>(below_(4096));
          const std::uint32_t words[] = {0x94000000U | ((near_by() >> 2U) & 0x3FFFFFFU),
                                         0x54000000U | (near_by() & 0x7FFFU) << 5U | reg,
                                         0x90000000U | static_cast<std::uint32_t>(below_(4)) << 29U | reg,
                                         0x91000000U | imm << 10U | reg << 5U | other,
                                         0xF9400000U | imm << 10U | reg << 5U | other,
                                         0xAA0003E0U | reg,
                                         0x3DC00000U | imm << 10U | reg << 5U | other};
          put(at, words[below_(std::size(words))], 4);
          break;
        }
        case AreaKind::kThumbCode:
          put(at, below_(2) == 0 ? 0xF800F000U | static_cast<std::uint32_t>(below_(0x700)) << 16U : static_cast<std::uint32_t>(low + below_(0x2000)), 4);
          at += 4;
          break;
        case AreaKind::kFrames: {
          const std::uint32_t length = 12 + 4 * static_cast<std::uint32_t>(below_(8));
          put(at, length, 4);
          put(at + 4, 4 * (1 + below_(64)), 4);
          put(at + 8, near_by(), 4);
          put(at + 16, below_(2) == 0 ? 4 : 0, 1);
          put(at + 17, near_by(), 4);
          at += 4 + length;
          break;
        }
        case AreaKind::kOffsets32:
          if (below_(4) != 0) put(at, near_by(), 4);
          break;
        case AreaKind::kFrameTable:
          put(at, near_by(), 4);
          at += 4;
          break;
        default:  // tables of words
          put(at, low + below_(0x3000), 8);
          at += 4 * (1 + below_(3));
      }
      at += step == 4 ? 4 : below_(2);
    }
  }

  const NumberBelow& below_;
  std::vector<CopySegment<LinuxProfile>> segments_;
  std::vector<std::uint32_t> by_old_;
  std::vector<std::uint32_t> reach_;
  std::vector<Element> elements_;
  std::vector<AddressRange> ranges_;
  std::vector<ReferenceArea> areas_;
  DeltaMap<LinuxProfile> map_;

 public:
  core::Bytes old_image;
};

}  // namespace aseptic::payload::tests
