// SPDX-License-Identifier: Apache-2.0
#include "delta_elements.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace aseptic::payload {
namespace {

// A file in an image, read by file offset.
class FileView {
 public:
  FileView(core::ByteView image, FileExtents extents) : image_(image), extents_(std::move(extents)) {}

  [[nodiscard]] std::uint64_t size() const {
    return extents_.empty() ? 0 : extents_.back().file_at + extents_.back().size;
  }
  bool read(std::uint64_t at, core::ByteSpan out) const {
    while (!out.empty()) {
      const FileExtent* extent = extent_at(at);
      if (extent == nullptr) return false;
      const std::uint64_t skip = at - extent->file_at;
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent->size - skip));
      std::memcpy(out.data(), image_.data() + extent->at + skip, count);
      out = out.subspan(count);
      at += count;
    }
    return true;
  }
  template <class T>
  std::optional<T> number(std::uint64_t at) const {
    T value{};
    if (!read(at, {reinterpret_cast<std::uint8_t*>(&value), sizeof value})) return {};
    return value;
  }
  // Calls piece(file_at, at, size) for the parts of the image that hold file bytes [at, at + size).
  template <class Piece>
  void pieces(std::uint64_t at, std::uint64_t size, Piece&& piece) const {
    for (const FileExtent& extent : extents_) {
      const std::uint64_t low = std::max(at, extent.file_at);
      const std::uint64_t high = std::min(at + size, extent.file_at + extent.size);
      if (low < high) piece(low, extent.at + (low - extent.file_at), high - low);
    }
  }

 private:
  [[nodiscard]] const FileExtent* extent_at(std::uint64_t at) const {
    for (const FileExtent& extent : extents_)
      if (at >= extent.file_at && at - extent.file_at < extent.size) return &extent;
    return nullptr;
  }
  core::ByteView image_;
  FileExtents extents_;
};

constexpr std::uint16_t kMachineArm = 40;
constexpr std::uint16_t kMachineX86 = 62;
constexpr std::uint16_t kMachineArm64 = 183;
constexpr std::uint64_t kUnloaded = 1ULL << 60U;  // where we pretend that headers without an address lie

struct Load {
  std::uint64_t at, address, file_size, memory_size;
  std::uint32_t flags;
};
struct Section {
  std::uint64_t at, address, size, flags;
  std::uint32_t type;
  std::string_view name;
};

class ElfReader {
 public:
  explicit ElfReader(const FileView& file) : file_(file) {}

  std::optional<FoundElement> read() {
    if (!read_header()) return {};
    if (!read_loads() || loads_.empty()) return {};
    read_sections();
    FoundElement element;
    element.window = window();
    if (element.window.code_low >= element.window.code_high) return {};
    for (const Load& load : loads_)
      add_range(element, load.at, load.file_size, load.address);
    add_areas(element);
    if (table_count_ != 0) {
      const std::uint64_t size = std::uint64_t{table_count_} * entry_size_;
      add_range(element, table_at_, size, kUnloaded + table_at_);
      add_area(element, is_64_ ? AreaKind::kWords64 : AreaKind::kWords32, table_at_, size, kUnloaded + table_at_);
    }
    // What is not loaded comes first: behind the last range lies the memory that has no bytes in the image.
    const auto by_address = [](const auto& a, const auto& b) {
      return std::pair(a.address < kUnloaded, a.address) < std::pair(b.address < kUnloaded, b.address);
    };
    std::sort(element.ranges.begin(), element.ranges.end(), by_address);
    std::sort(element.areas.begin(), element.areas.end(), by_address);
    return element;
  }

 private:
  bool read_header() {
    std::uint8_t ident[20];
    if (!file_.read(0, ident) || std::memcmp(ident, "\x7f" "ELF", 4) != 0 || ident[5] != 1) return false;
    is_64_ = ident[4] == 2;
    const auto machine = static_cast<std::uint16_t>(ident[18] | ident[19] << 8);
    if (is_64_ && machine == kMachineX86) code_kind_ = AreaKind::kX86Code;
    else if (is_64_ && machine == kMachineArm64) code_kind_ = AreaKind::kArm64Code;
    else if (!is_64_ && machine == kMachineArm) code_kind_ = AreaKind::kThumbCode;
    else return false;
    return true;
  }

  std::uint64_t word(std::uint64_t at) const {  // an address-sized field
    if (is_64_) return file_.number<std::uint64_t>(at).value_or(0);
    return file_.number<std::uint32_t>(at).value_or(0);
  }

  bool read_loads() {
    const std::uint64_t at = word(is_64_ ? 32 : 28);
    const std::uint32_t count = file_.number<std::uint16_t>(is_64_ ? 56 : 44).value_or(0);
    const std::uint64_t size = is_64_ ? 56 : 32;
    if (count > 128) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t p = at + i * size;
      const auto type = file_.number<std::uint32_t>(p);
      if (!type) return false;
      if (*type != 1) continue;
      Load load{};
      if (is_64_) {
        load = {word(p + 8), word(p + 16), word(p + 32), word(p + 40), file_.number<std::uint32_t>(p + 4).value_or(0)};
      } else {
        load = {word(p + 4), word(p + 8), word(p + 16), word(p + 20), file_.number<std::uint32_t>(p + 24).value_or(0)};
      }
      if (load.file_size > file_.size() || load.at > file_.size() - load.file_size) return false;
      if (load.memory_size > (1ULL << 48U) || load.address > (1ULL << 48U)) return false;
      loads_.push_back(load);
    }
    return true;
  }

  void read_sections() {
    table_at_ = word(is_64_ ? 40 : 32);
    entry_size_ = is_64_ ? 64 : 40;
    const std::uint32_t count = file_.number<std::uint16_t>(is_64_ ? 60 : 48).value_or(0);
    const std::uint32_t names = file_.number<std::uint16_t>(is_64_ ? 62 : 50).value_or(0);
    if (table_at_ == 0 || count == 0 || names >= count) return;
    if (table_at_ > file_.size() || std::uint64_t{count} * entry_size_ > file_.size() - table_at_) return;
    const std::uint64_t n = table_at_ + names * entry_size_;
    const std::uint64_t names_at = word(n + (is_64_ ? 24 : 16));
    const std::uint64_t names_size = word(n + (is_64_ ? 32 : 20));
    if (names_size > (1U << 20U)) return;
    names_.resize(static_cast<std::size_t>(names_size));
    if (!file_.read(names_at, names_)) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t p = table_at_ + i * entry_size_;
      Section section{};
      section.type = file_.number<std::uint32_t>(p + 4).value_or(0);
      section.flags = word(p + 8);
      section.address = word(p + (is_64_ ? 16 : 12));
      section.at = word(p + (is_64_ ? 24 : 16));
      section.size = word(p + (is_64_ ? 32 : 20));
      section.name = name(file_.number<std::uint32_t>(p).value_or(0));
      const bool has_bytes = section.type != 0 && section.type != 8 && section.size != 0;
      if (!has_bytes || section.size > file_.size() || section.at > file_.size() - section.size) continue;
      sections_.push_back(section);
    }
    table_count_ = count;
  }

  std::string_view name(std::uint32_t at) const {
    if (at >= names_.size()) return {};
    const char* text = reinterpret_cast<const char*>(names_.data()) + at;
    return {text, strnlen(text, names_.size() - at)};
  }

  AddressWindow window() const {
    AddressWindow window{.low = ~0ULL, .high = 0, .code_low = ~0ULL, .code_high = 0};
    for (const Load& load : loads_)
      window.high = std::max(window.high, load.address + load.memory_size);
    for (const Section& section : sections_) {
      if ((section.flags & 6U) != 6U) continue;  // allocated, executable
      window.code_low = std::min(window.code_low, section.address);
      window.code_high = std::max(window.code_high, section.address + section.size);
    }
    if (window.code_low > window.code_high) {
      for (const Load& load : loads_) {
        if ((load.flags & 1U) == 0) continue;
        window.code_low = std::min(window.code_low, load.address);
        window.code_high = std::max(window.code_high, load.address + load.file_size);
      }
    }
    window.low = window.code_low;
    for (const Load& load : loads_)
      if (load.address > 4096) window.low = std::min(window.low, load.address);
    if (window.low > window.high) window.low = window.high;
    return window;
  }

  void add_range(FoundElement& element, std::uint64_t at, std::uint64_t size, std::uint64_t address) const {
    file_.pieces(at, size, [&](std::uint64_t file_at, std::uint64_t image_at, std::uint64_t piece) {
      element.ranges.push_back({.address = address + (file_at - at), .at = image_at, .size = piece});
    });
  }
  void add_area(FoundElement& element, AreaKind kind, std::uint64_t at, std::uint64_t size,
                std::uint64_t address) const {
    file_.pieces(at, size, [&](std::uint64_t file_at, std::uint64_t image_at, std::uint64_t piece) {
      // Tables are read from their start; a later fragment keeps the phase only where entries need none.
      if (file_at != at && (kind == AreaKind::kRela64 || kind == AreaKind::kSymbols64 || kind == AreaKind::kFrameTable))
        if ((file_at - at) % 24 != 0) return;
      element.areas.push_back(
          {.at = image_at, .size = piece, .address = address + (file_at - at), .element = 0, .kind = kind});
    });
  }

  void add_areas(FoundElement& element) const {
    if (sections_.empty()) {
      for (const Load& load : loads_)
        add_area(element, (load.flags & 1U) != 0 ? code_kind_ : is_64_ ? AreaKind::kWords64 : AreaKind::kWords32, load.at,
                 load.file_size, load.address);
      return;
    }
    for (const Section& section : sections_) {
      const auto kind = kind_of(section);
      if (!kind) continue;
      const bool is_loaded = (section.flags & 2U) != 0;
      if (!is_loaded) add_range(element, section.at, section.size, kUnloaded + section.at);
      add_area(element, *kind, section.at, section.size, is_loaded ? section.address : kUnloaded + section.at);
    }
  }

  std::optional<AreaKind> kind_of(const Section& section) const {
    const bool is_loaded = (section.flags & 2U) != 0;
    if (is_64_ && (section.type == 2 || section.type == 11)) return AreaKind::kSymbols64;
    if (!is_loaded) return {};
    if (is_64_ && section.type == 4) return AreaKind::kRela64;
    if ((section.flags & 4U) != 0) return code_kind_;
    if (section.name == ".eh_frame_hdr") return AreaKind::kFrameTable;
    if (section.name == ".eh_frame") return AreaKind::kFrames;
    const AreaKind words = is_64_ ? AreaKind::kWords64 : AreaKind::kWords32;
    if (section.type == 6 || section.type == 14 || section.type == 15) return words;
    if (section.type != 1) return {};
    if ((section.flags & 1U) != 0) return words;
    if (section.name == ".rodata") return is_64_ ? AreaKind::kOffsets32 : AreaKind::kWords32;
    return {};
  }

  const FileView& file_;
  bool is_64_ = false;
  AreaKind code_kind_ = AreaKind::kX86Code;
  std::vector<Load> loads_;
  std::vector<Section> sections_;
  core::Bytes names_;
  std::uint64_t table_at_ = 0;
  std::uint64_t entry_size_ = 64;
  std::uint32_t table_count_ = 0;
};

// How far a file that lies in one piece reaches, by its own headers.
std::uint64_t extent_of_elf(core::ByteView rest) {
  if (rest.size() < 64) return 0;
  const bool is_64 = rest[4] == 2;
  std::uint64_t table = 0;
  std::uint16_t entries = 0;
  if (is_64) {
    std::memcpy(&table, rest.data() + 40, 8);
    std::memcpy(&entries, rest.data() + 60, 2);
  } else {
    std::memcpy(&table, rest.data() + 32, 4);
    std::memcpy(&entries, rest.data() + 48, 2);
  }
  const std::uint64_t end = table + std::uint64_t{entries} * (is_64 ? 64 : 40);
  return table == 0 || end < table || end > rest.size() ? rest.size() : end;
}

}  // namespace

void add_program(core::ByteView image, FileExtents extents, std::vector<FoundElement>& out) {
  const FileView file(image, std::move(extents));
  if (auto element = ElfReader(file).read()) out.push_back(std::move(*element));
}

std::vector<FoundElement> find_elements(core::ByteView image) {
  constexpr std::uint64_t kStep = 4096;
  std::vector<FoundElement> out;
  for (std::uint64_t at = 0; at + 64 <= image.size();) {
    std::uint64_t end = 0;
    const auto programs = ext4_programs(image, at, end);
    if (end > at) {
      for (const FileExtents& extents : programs)
        add_program(image, extents, out);
      at = (end + kStep - 1) / kStep * kStep;
      continue;
    }
    if (std::memcmp(image.data() + at, "\x7f" "ELF", 4) == 0) {
      const std::uint64_t size = extent_of_elf(image.subspan(static_cast<std::size_t>(at)));
      const std::size_t before = out.size();
      add_program(image, {{0, at, size}}, out);
      if (out.size() != before) {
        at += std::max<std::uint64_t>(size, kStep) / kStep * kStep;
        continue;
      }
    }
    at += kStep;
  }
  std::uint64_t base = 0;
  if (out.empty() && find_thumb_image(image, base)) {
    FoundElement element;
    element.window = {base, base + image.size(), base, base + image.size()};
    element.ranges.push_back({base, 0, image.size()});
    element.areas.push_back({0, image.size(), base, 0, AreaKind::kThumbCode});
    out.push_back(std::move(element));
  }
  return out;
}

bool find_thumb_image(core::ByteView image, std::uint64_t& base) {
  if (image.size() < 1024 || image.size() > (64U << 20U)) return false;
  std::size_t calls = 0;
  for (std::size_t i = 0; i + 4 <= image.size(); i += 2) {
    const auto word = sites::load<std::uint32_t>(image.data() + i);
    if ((word & 0xD000F800U) != 0xD000F000U) continue;
    const std::uint64_t target = i + 4 + sites::thumb_branch24(word);
    if (target < image.size()) ++calls;
  }
  if (calls < image.size() / 1000) return false;
  // Function pointers are odd words that lead to a PUSH; the base is what makes most of them do so.
  std::vector<std::uint32_t> odd;
  for (std::size_t i = 0; i + 4 <= image.size(); i += 4) {
    const auto word = sites::load<std::uint32_t>(image.data() + i);
    if ((word & 1U) != 0 && word < 0xF0000000U && word > 0x100U) odd.push_back(word);
  }
  std::sort(odd.begin(), odd.end());
  odd.erase(std::unique(odd.begin(), odd.end()), odd.end());
  std::size_t best = 0;
  base = 0;
  constexpr std::uint32_t kGrain = 4096;
  std::uint32_t last = 0xFFFFFFFFU;
  for (const std::uint32_t word : odd) {
    const std::uint32_t candidate = word / kGrain * kGrain;
    if (candidate == last) continue;
    last = candidate;
    // The image may start some pages in front of its first function pointer.
    const auto from = std::lower_bound(odd.begin(), odd.end(), candidate);
    const auto to = std::lower_bound(from, odd.end(), static_cast<std::uint64_t>(candidate) + image.size());
    if (static_cast<std::size_t>(to - from) < best + 8) continue;
    for (std::uint32_t back = 0; back <= 64 && candidate >= back * kGrain; ++back) {
      const std::uint32_t start = candidate - back * kGrain;
      std::size_t hits = 0;
      for (auto it = from; it != to; ++it) {
        const std::uint64_t at = *it - 1U - start;
        if (at + 2 > image.size()) continue;
        const auto half = sites::load<std::uint16_t>(image.data() + at);
        if ((half & 0xFF00U) == 0xB500U || half == 0xE92DU) ++hits;
      }
      if (hits <= best) continue;
      best = hits;
      base = start;
    }
  }
  return true;
}

}  // namespace aseptic::payload
