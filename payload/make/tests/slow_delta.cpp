// SPDX-License-Identifier: Apache-2.0
// This is one file, because it is a description to be read from top to bottom, and fuzz/mcu_delta.cpp includes it as such.
#include "slow_delta.h"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <tuple>

namespace aseptic::payload::tests {
namespace {

using U64 = std::uint64_t;
using S64 = std::int64_t;
using Bytes = std::vector<std::uint8_t>;

struct Refusal {};
void need(bool condition) {
  if (!condition) throw Refusal{};
}

U64 number(const Bytes& b, U64 at, unsigned size) {
  U64 v = 0;
  for (unsigned i = 0; i < size; ++i)
    v |= U64{b.at(static_cast<std::size_t>(at + i))} << (8 * i);
  return v;
}
S64 sign(U64 v, unsigned bits) {
  v &= (U64{1} << bits) - 1;
  return v >> (bits - 1) != 0 ? static_cast<S64>(v) - (S64{1} << bits) : static_cast<S64>(v);
}

// One model: probability of a one in 1/4096, and how often it was used (at most 15).
struct Model {
  int p = 2048;
  int uses = 0;
  void learn(int bit) {
    static const int kRates[16] = {30000, 21800, 16400, 13100, 10900, 9400, 8200, 7300,
                                   6550,  5950,  5450,  5000,  4600,  4100, 3600, 3000};
    // Rounded away from where it is, so that it arrives.
    p += bit != 0 ? ((4095 - p) * kRates[uses] + 65535) / 65536 : -((p * kRates[uses] + 65535) / 65536);
    uses = std::min(uses + 1, 15);
  }
};

class Coder {
 public:
  explicit Coder(Bytes bytes) : bytes_(std::move(bytes)) {
    for (int i = 0; i < 4; ++i)
      code_ = code_ * 256 + next();
  }
  int bit(U64 p16) {
    p16 = std::clamp<U64>(p16, 64, 65472);
    const U64 bound = (range_ >> 16) * p16;
    const int one = code_ < bound ? 1 : 0;
    if (one != 0) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    fill();
    return one;
  }
  int raw() {
    range_ /= 2;
    const int one = code_ >= range_ ? 1 : 0;
    if (one != 0) code_ -= range_;
    fill();
    return one;
  }
  int modelled(Model& model) {
    const int one = bit(static_cast<U64>(model.p) * 16 + 8);
    model.learn(one);
    return one;
  }
  // Two models and how far the second one is trusted, by its experience.
  int modelled(Model& common, Model& special, std::vector<int>& trust) {
    if (trust.empty())
      for (int e = 0; e < 16; ++e)
        trust.push_back(32768 * 7 * e / (10 * (e + 4)));
    int& weight = trust[static_cast<std::size_t>(special.uses)];
    const int gap = special.p - common.p;
    const auto floor_of = [](int a, int b) { return a / b - (a % b < 0 ? 1 : 0); };
    const int p = common.p * 16 + 8 + floor_of(gap * weight, 2048);
    const int one = bit(static_cast<U64>(p));
    weight = std::clamp(weight + floor_of(((one != 0 ? 65535 : 0) - p) * gap, 32768), 0, 32767);
    common.learn(one);
    special.learn(one);
    return one;
  }
  [[nodiscard]] bool is_used_up() const { return at_ >= bytes_.size() && at_ <= bytes_.size() + 4; }

 private:
  void fill() {
    while (range_ < (U64{1} << 24)) {
      range_ *= 256;
      code_ = (code_ * 256 + next()) & 0xFFFFFFFFU;
    }
  }
  U64 next() {
    ++at_;
    return at_ <= bytes_.size() ? bytes_[at_ - 1] : 0;
  }
  Bytes bytes_;
  std::size_t at_ = 0;
  U64 range_ = 0xFFFFFFFFU;
  U64 code_ = 0;
};

// What differs between the profiles.
struct Shape {
  int length_bits, context_bits, habit_bits, learned_bits;
  U64 phases, field_classes;
  U64 piece, segments_max;
  bool shares_contexts;  // differences and literals in one table
};
const Shape kMicrocontroller{5, 10, 8, 4, 2, 4, 512, 320, true};
const Shape kLinux{6, 15, 14, 12, 4, 16, U64{1} << 62, 98304, false};

// A family of models that come into being when they are asked for.
using Key = std::tuple<int, int, int>;
class Models {
 public:
  explicit Models(int length_bits) : length_bits_(length_bits) {}
  Model& at(int a, int b = 0, int c = 0) { return models_[{a, b, c}]; }
  [[nodiscard]] int length_bits() const { return length_bits_; }

 private:
  int length_bits_;
  std::map<Key, Model> models_;
};

U64 tree(Coder& coder, Models& models, int family, int sub, int bits) {
  int node = 1;
  for (int i = 0; i < bits; ++i)
    node = node * 2 + coder.modelled(models.at(family, sub, node));
  return static_cast<U64>(node - (1 << bits));
}

// `family` and family + 1 belong to the number.
U64 coded_number(Coder& coder, Models& models, int family) {
  const int length = static_cast<int>(tree(coder, models, family, 0, models.length_bits()));
  if (length < 2) return static_cast<U64>(length);
  const int top_bits = std::min(length - 1, 2);
  U64 value = (U64{1} << top_bits) | tree(coder, models, family + 1, length, top_bits);
  for (int i = 0; i < length - 1 - top_bits; ++i)
    value = value * 2 + static_cast<U64>(coder.raw());
  return value;
}
S64 coded_signed(Coder& coder, Models& models, int family) {
  const U64 v = coded_number(coder, models, family);
  return v % 2 == 0 ? static_cast<S64>(v / 2) : -static_cast<S64>(v / 2) - 1;
}

struct Segment {
  U64 new_at, old_at, size;
};
struct Range {
  U64 address, at, size;
};
struct Area {
  U64 at, size, address;
  int kind;
  U64 element;
};
struct Program {
  U64 low = 0, high = 0, code_low = 0, code_high = 0;
  std::vector<Range> old_ranges, new_ranges;
};
struct Map {
  std::vector<Segment> segments;
  std::vector<Program> programs;
  std::vector<Area> areas;
};
struct Counts {
  U64 segments, programs, ranges, areas;
};

Map read_map(Coder& coder, const Shape& shape, const Counts& counts, U64 old_size, U64 new_size) {
  Map map;
  Models models(shape.length_bits);
  std::vector<S64> recent{0, 0, 0};
  U64 end = 0;
  for (U64 i = 0; i < counts.segments; ++i) {
    const U64 gap = coded_number(coder, models, 0);
    const U64 size = coded_number(coder, models, 2);
    const U64 which = tree(coder, models, 6, 0, 2);
    S64 shift = 0;
    if (which == 0) {
      shift = static_cast<S64>(static_cast<U64>(recent[0]) + static_cast<U64>(coded_signed(coder, models, 4)));
      recent.pop_back();
    } else {
      shift = recent[which - 1];
      recent.erase(recent.begin() + static_cast<std::ptrdiff_t>(which - 1));
    }
    recent.insert(recent.begin(), shift);
    const U64 new_at = end + gap;
    end = new_at + size;
    map.segments.push_back({new_at, new_at + static_cast<U64>(shift), size});
  }
  const auto field = [&](int family, U64 base) { return base + static_cast<U64>(coded_signed(coder, models, family)); };
  std::vector<std::pair<U64, U64>> shares;  // of the ranges, by program
  for (U64 i = 0; i < counts.programs; ++i) {
    const U64 old_count = field(20, 0) & 0xFFFF;
    const U64 new_count = field(20, 0) & 0xFFFF;
    shares.emplace_back(old_count, new_count);
    Program program;
    program.low = field(28, 0);
    program.high = field(28, program.low);
    program.code_low = field(28, program.low);
    program.code_high = field(28, program.code_low);
    map.programs.push_back(program);
  }
  std::vector<Range> all;
  end = 0;
  U64 bias = 0;
  for (U64 i = 0; i < counts.ranges; ++i) {
    Range range{};
    range.at = field(22, end);
    range.size = field(24, 0);
    range.address = field(26, range.at + bias);
    end = range.at + range.size;
    bias = range.address - range.at;
    all.push_back(range);
  }
  end = 0;
  bias = 0;
  U64 element = 0;
  int kind = 0;
  for (U64 i = 0; i < counts.areas; ++i) {
    Area area{};
    area.at = field(22, end);
    area.size = field(24, 0);
    area.address = field(26, area.at + bias);
    element = field(20, element);
    need(element < counts.programs);
    area.element = element;
    kind = static_cast<int>(tree(coder, models, 30, kind, 4));
    area.kind = kind;
    end = area.at + area.size;
    bias = area.address - area.at;
    map.areas.push_back(area);
  }
  need(coder.is_used_up());
  const auto inside = [](U64 at, U64 size, U64 whole) { return at <= whole && size <= whole - at; };
  end = 0;
  for (const Segment& s : map.segments) {
    need(s.size != 0 && s.new_at >= end && s.size < (U64{1} << 32));
    need(shape.length_bits != 5 || (s.new_at < (U64{1} << 32) && s.old_at < (U64{1} << 32)));
    need(inside(s.new_at, s.size, new_size) && inside(s.old_at, s.size, old_size));
    end = s.new_at + s.size;
  }
  U64 used = 0;
  for (U64 i = 0; i < counts.programs; ++i) {
    const auto [old_count, new_count] = shares[i];
    Program& program = map.programs[i];
    need(old_count != 0 && new_count != 0 && old_count + new_count <= counts.ranges - used);
    need(program.low <= program.high && program.code_low <= program.code_high);
    for (U64 k = 0; k < old_count + new_count; ++k) {
      const Range& range = all[used + k];
      need(inside(range.at, range.size, k < old_count ? old_size : new_size));
      (k < old_count ? program.old_ranges : program.new_ranges).push_back(range);
    }
    used += old_count + new_count;
  }
  need(used == counts.ranges);
  end = 0;
  for (const Area& a : map.areas) {
    const bool is_known = shape.length_bits == 5 ? a.kind == 3 || a.kind == 5 : a.kind >= 1 && a.kind <= 10;
    need(a.size != 0 && a.at >= end && is_known && inside(a.at, a.size, old_size));
    end = a.at + a.size;
  }
  return map;
}

std::uint32_t mix_hash(std::uint32_t a, std::uint32_t b) {
  std::uint32_t h = a * 0x9E3779B1U + b * 0x85EBCA6BU + 0x27D4EB2FU;
  h ^= h >> 15;
  return h * 0x2C1B3C6DU;
}

class Decoder {
 public:
  Decoder(const Shape& shape, const Map& map, const Bytes& old_image)
      : shape_(shape), map_(map), old_(old_image), models_(shape.length_bits) {}

  // New bytes [from, to); what was learned stays, runs do not go over the end.
  Bytes decode(Coder& coder, U64 from, U64 to) {
    coder_ = &coder;
    new_.resize(from);  // what lies in front is not looked at
    has_run_ = false;
    zeros_ = 0;
    phase_ = from;
    while (new_.size() < to) {
      const U64 piece_end = std::min<U64>((new_.size() / shape_.piece + 1) * shape_.piece, to);
      piece_ = std::max(from, new_.size() / shape_.piece * shape_.piece);
      while (new_.size() < piece_end) {
        const auto s = std::find_if(map_.segments.begin(), map_.segments.end(),
                                    [&](const Segment& x) { return x.new_at + x.size > new_.size(); });
        const U64 start = s == map_.segments.end() ? piece_end : std::min(s->new_at, piece_end);
        if (start > new_.size()) {
          while (new_.size() < start)
            new_.push_back(literal());
          continue;
        }
        const U64 skip = new_.size() - s->new_at;
        run(s->old_at + skip, std::min(s->size - skip, piece_end - new_.size()));
      }
    }
    return Bytes(new_.begin() + static_cast<std::ptrdiff_t>(from), new_.end());
  }

 private:
  // How an address is written.
  enum Form { kAbsolute, kThumbLong, kThumbShort, kRelative, kBackwards, kFromBase, kBranch26, kBranch19, kPage, kLow12 };
  struct Site {
    U64 at;  // in the run
    Form form;
    unsigned detail;  // kRelative: from the field's start to where it counts from; kPage: register; kLow12: scale
    U64 target;
    U64 size = 4;
  };

  // --- copied bytes ---
  void run(U64 old_at, U64 size) {
    while (size != 0) {
      const auto a = std::find_if(map_.areas.begin(), map_.areas.end(), [&](const Area& x) { return x.at + x.size > old_at; });
      U64 plain = a == map_.areas.end() ? size : a->at > old_at ? std::min(a->at - old_at, size) : 0;
      if (plain != 0) {
        copy_plain(old_at, plain, new_.size());
      } else {
        plain = std::min(size, a->at + a->size - old_at);
        program_ = &map_.programs[a->element];
        const auto& ranges = program_->new_ranges;
        const auto r = std::find_if(ranges.begin(), ranges.end(), [&](const Range& x) { return new_.size() - x.at < x.size; });
        if (r == ranges.end()) {
          copy_plain(old_at, plain, new_.size());
        } else {
          plain = std::min(plain, r->at + r->size - new_.size());
          copy_area(*a, *r, old_at, plain);
        }
      }
      old_at += plain;
      size -= plain;
    }
  }

  // `phase`: by which bytes are told apart; that of literals goes on from here.
  void copy_plain(U64 old_at, U64 size, U64 phase) {
    for (U64 i = 0; i < size; ++i)
      new_.push_back(static_cast<std::uint8_t>(old_[old_at + i] + difference(0, phase + i)));
    phase_ = phase + size;
  }

  void copy_area(const Area& area, const Range& range, U64 old_at, U64 size) {
    const U64 address = area.address + (old_at - area.at);
    const U64 new_address = range.address + (new_.size() - range.at);
    shift_ = new_address - address;
    base_ = area.address + shift_;
    bool is_exact = false;
    if (area.kind == 7) static_cast<void>(mapped(area.address, base_, is_exact));
    pages_.clear();
    U64 done = 0;
    for (const Site& site : sites(area, address, old_at, size)) {
      if (site.at < done || site.at + site.size > size) continue;
      copy_plain(old_at + done, site.at - done, new_address + done);
      field(site, old_at + site.at, new_address + site.at);
      done = site.at + site.size;
    }
    copy_plain(old_at + done, size - done, new_address + done);
  }

  // --- where addresses lie: from the table of kinds in the document ---
  static bool in(U64 a, U64 low, U64 high) { return a - low < high - low; }
  [[nodiscard]] bool is_code(U64 a) const { return in(a, program_->code_low, program_->code_high); }
  [[nodiscard]] bool is_any(U64 a) const { return in(a, program_->low, program_->high); }

  [[nodiscard]] std::vector<Site> sites(const Area& area, U64 address, U64 old_at, U64 size) const {
    const Bytes run(old_.begin() + static_cast<std::ptrdiff_t>(old_at), old_.begin() + static_cast<std::ptrdiff_t>(old_at + size));
    const U64 offset = address - area.address;
    switch (area.kind) {
      case 1: return x86_sites(run, address);
      case 2: return arm64_sites(run, address);
      case 4: return word_sites(run, address, 8);
      case 6: return record_sites(run, offset, {0, 16});
      case 7: return frame_table_sites(run, offset, area.address);
      case 8: return frame_sites(run, address);
      case 9: return switch_sites(run, address);
      case 10: return record_sites(run, offset, {8});
      case 3: return thumb_sites(run, address);
      default: return word_sites(run, address, 4);
    }
  }
  static U64 relative(const Bytes& run, U64 at, U64 from) { return from + static_cast<U64>(sign(number(run, at, 4), 32)); }

  [[nodiscard]] std::vector<Site> x86_sites(const Bytes& run, U64 address) const {
    static const std::string_view kWithLong("\xC7\x81\x69", 3);
    static const std::string_view kWithByte("\xC6\x80\x83\x6B\xC0\xC1", 6);
    std::vector<Site> out;
    int before = 0;
    for (U64 i = 0; i + 5 <= run.size(); ++i) {
      const int b = run[i];
      Site site{0, kRelative, 4, 0};
      if (b == 0xE8 || b == 0xE9) {
        site = {i + 1, kRelative, 4, relative(run, i + 1, address + i + 5)};
        if (!is_code(site.target)) site.at = 0;
      } else if (b == 0x0F && i + 6 <= run.size() && run[i + 1] / 16 == 8) {
        site = {i + 2, kRelative, 4, relative(run, i + 2, address + i + 6)};
        if (!is_code(site.target)) site.at = 0;
      } else if (b / 64 == 0 && b % 8 == 5 && i != 0) {
        unsigned end = 4;
        const bool is_test = b == 5;
        if (kWithLong.find(static_cast<char>(before)) != std::string_view::npos || (before == 0xF7 && is_test)) end = 8;
        if (kWithByte.find(static_cast<char>(before)) != std::string_view::npos || (before == 0xF6 && is_test)) end = 5;
        site = {i + 1, kRelative, end, relative(run, i + 1, address + i + 1 + end)};
        if (!is_any(site.target)) site.at = 0;
      }
      before = site.at != 0 ? 0 : b;
      if (site.at == 0) continue;
      out.push_back(site);
      i = site.at + 3;
    }
    return out;
  }

  // ADD of 64 bits without shift, LDR and STR with an unsigned offset; the scale, or -1.
  static int low12_scale(U64 word) {
    if (word >> 22 == 0x91000000U >> 22) return 0;
    if ((word & 0x3B000000U) != 0x39000000U) return -1;
    return (word & 0x04800000U) == 0x04800000U ? 4 : static_cast<int>(word >> 30);
  }
  static bool writes_register(U64 word) {
    if ((word & 0x3B400000U) == 0x39000000U || (word & 0x3E400000U) == 0x28000000U) return false;  // stores
    if ((word & 0x1C000000U) == 0x14000000U) return false;                                        // branches
    return word % 32 != 31;
  }
  static U64 page_of(U64 word, U64 pc) {
    const U64 count = static_cast<U64>(sign((word >> 5 & 0x7FFFF) << 2 | (word >> 29 & 3), 21));
    return pc / 4096 * 4096 + count * 4096;
  }
  [[nodiscard]] std::vector<Site> arm64_sites(const Bytes& run, U64 address) const {
    std::vector<Site> out;
    std::map<U64, U64> pages;  // by register
    for (U64 i = (4 - address % 4) % 4; i + 4 <= run.size(); i += 4) {
      const U64 word = number(run, i, 4);
      const U64 pc = address + i;
      const U64 reg = word % 32;
      const U64 base = word / 32 % 32;
      if ((word & 0x7C000000U) == 0x14000000U) {
        const U64 target = pc + 4 * static_cast<U64>(sign(word, 26));
        if (word >> 31 != 0)
          std::erase_if(pages, [](const auto& page) { return page.first < 19 || page.first > 29; });
        if (is_code(target)) out.push_back({i, kBranch26, 0, target});
      } else if ((word & 0xFF000010U) == 0x54000000U || (word & 0x7E000000U) == 0x34000000U) {
        const U64 target = pc + 4 * static_cast<U64>(sign(word >> 5, 19));
        if (is_code(target)) out.push_back({i, kBranch19, 0, target});
      } else if ((word & 0x9F000000U) == 0x90000000U) {
        const U64 page = page_of(word, pc);
        pages.erase(reg);
        if (!is_any(page + 0xFFF)) continue;
        pages[reg] = page;
        out.push_back({i, kPage, static_cast<unsigned>(reg), page + byte_of_page(run, i, reg)});
      } else if (low12_scale(word) >= 0 && pages.count(base) != 0) {
        const auto scale = static_cast<unsigned>(low12_scale(word));
        out.push_back({i, kLow12, scale, pages[base] + ((word >> 10 & 0xFFF) << scale)});
        if (writes_register(word)) pages.erase(reg);
      } else if (writes_register(word)) {
        pages.erase(reg);
      }
    }
    return out;
  }
  // What the first of the next 16 instructions that uses the page adds to it; the middle when there is none.
  static U64 byte_of_page(const Bytes& run, U64 i, U64 reg) {
    for (U64 j = i + 4; j + 4 <= run.size() && j <= i + 64; j += 4) {
      const U64 word = number(run, j, 4);
      if (low12_scale(word) >= 0 && word / 32 % 32 == reg) return (word >> 10 & 0xFFF) << low12_scale(word);
      if (word % 32 == reg && writes_register(word)) break;
    }
    return 0x800;
  }

  [[nodiscard]] std::vector<Site> thumb_sites(const Bytes& run, U64 address) const {
    std::vector<Site> out;
    for (U64 i = address % 2; i + 4 <= run.size();) {
      const U64 word = number(run, i, 4);
      const auto h1 = static_cast<unsigned>(word & 0xFFFF);
      const auto h2 = static_cast<unsigned>(word >> 16);
      const U64 pc = address + i + 4;
      Site site{i, kAbsolute, 0, 0};
      bool is_site = false;
      if ((h1 & 0xF800) == 0xF000 && (h2 & 0x9000) == 0x9000) {
        site = {i, kThumbLong, 0, pc + static_cast<U64>(branch24(h1, h2))};
        is_site = is_code(site.target);
      } else if ((h1 & 0xF800) == 0xF000 && (h2 & 0xD000) == 0x8000 && (h1 & 0x380) != 0x380) {
        site = {i, kThumbShort, 0, pc + static_cast<U64>(branch20(h1, h2))};
        is_site = is_code(site.target);
      } else if ((address + i) % 4 == 0) {
        site.target = word;
        is_site = is_any(word);
      }
      if (is_site) out.push_back(site);
      i += is_site ? 4 : 2;
    }
    return out;
  }
  [[nodiscard]] std::vector<Site> word_sites(const Bytes& run, U64 address, unsigned size) const {
    std::vector<Site> out;
    for (U64 i = (size - address % size) % size; i + size <= run.size(); i += size)
      if (const U64 word = number(run, i, size); is_any(word)) out.push_back({i, kAbsolute, 0, word, size});
    return out;
  }
  // Records of 24 bytes with addresses of 8 at `places`.
  [[nodiscard]] std::vector<Site> record_sites(const Bytes& run, U64 offset, const std::vector<U64>& places) const {
    std::vector<Site> out;
    for (U64 i = (24 - offset % 24) % 24; i + 24 <= run.size(); i += 24)
      for (const U64 place : places)
        if (const U64 word = number(run, i + place, 8); is_any(word)) out.push_back({i + place, kAbsolute, 0, word, 8});
    return out;
  }
  [[nodiscard]] std::vector<Site> frame_table_sites(const Bytes& run, U64 offset, U64 start) const {
    std::vector<Site> out;
    for (U64 i = (4 - offset % 4) % 4; i + 4 <= run.size(); i += 4)
      if (const U64 target = relative(run, i, start); is_any(target)) out.push_back({i, kFromBase, 0, target});
    return out;
  }
  [[nodiscard]] std::vector<Site> frame_sites(const Bytes& run, U64 address) const {
    std::vector<Site> out;
    for (U64 i = (4 - address % 4) % 4; i + 16 <= run.size();) {
      const U64 length = number(run, i, 4);
      const U64 back = number(run, i + 4, 4);
      const U64 code = relative(run, i + 8, address + i + 8);
      const bool is_entry = length >= 12 && length <= 4096 && length % 4 == 0 && back != 0 && back % 4 == 0 && is_code(code);
      if (is_entry) {
        out.push_back({i + 4, kBackwards, 0, address + i + 4 - back});
        out.push_back({i + 8, kRelative, 0, code});
        if (i + 21 <= run.size() && length >= 17 && run[i + 16] == 4) {
          const U64 table = relative(run, i + 17, address + i + 17);
          if (number(run, i + 17, 4) != 0 && is_any(table)) out.push_back({i + 17, kRelative, 0, table});
        }
      }
      i += is_entry ? 4 + length : 4;
    }
    return out;
  }
  [[nodiscard]] std::vector<Site> switch_sites(const Bytes& run, U64 address) const {
    std::vector<Site> out;
    const auto leads = [&](U64 i) {
      return i + 4 <= run.size() && number(run, i, 4) != 0 && is_code(relative(run, i, address + i));
    };
    const U64 first = (4 - address % 4) % 4;
    for (U64 i = first; i + 4 <= run.size(); i += 4)
      if (leads(i) && ((i != first && leads(i - 4)) || leads(i + 4))) out.push_back({i, kRelative, 0, relative(run, i, address + i)});
    return out;
  }
  static S64 branch24(unsigned h1, unsigned h2) {
    const unsigned s = h1 >> 10 & 1, i1 = 1 ^ (h2 >> 13 & 1) ^ s, i2 = 1 ^ (h2 >> 11 & 1) ^ s;
    return sign(U64{s} << 24 | U64{i1} << 23 | U64{i2} << 22 | U64{h1 & 0x3FF} << 12 | U64{h2 & 0x7FF} << 1, 25);
  }
  static S64 branch20(unsigned h1, unsigned h2) {
    return sign(U64{h1 >> 10 & 1} << 20 | U64{h2 >> 11 & 1} << 19 | U64{h2 >> 13 & 1} << 18 | U64{h1 & 0x3F} << 12 |
                    U64{h2 & 0x7FF} << 1,
                21);
  }
  static U64 with_branch(Form form, U64 word, U64 d) {
    const U64 s = d >> (form == kThumbLong ? 24 : 20) & 1;
    U64 h1 = word & 0xFFFF;
    U64 h2 = word >> 16;
    if (form == kThumbLong) {
      h1 = (h1 & 0xF800) | s << 10 | (d >> 12 & 0x3FF);
      h2 = (h2 & 0xD000) | (1 ^ (d >> 23 & 1) ^ s) << 13 | (1 ^ (d >> 22 & 1) ^ s) << 11 | (d >> 1 & 0x7FF);
    } else {
      h1 = (h1 & 0xFBC0) | s << 10 | (d >> 12 & 0x3F);
      h2 = (h2 & 0xD000) | (d >> 18 & 1) << 13 | (d >> 19 & 1) << 11 | (d >> 1 & 0x7FF);
    }
    return h1 | h2 << 16;
  }

  // The field at `address` that leads to `target`, made of the old one.
  [[nodiscard]] U64 written(const Site& site, U64 old, U64 address, U64 target) const {
    const U64 steps = (target - address) >> 2;
    switch (site.form) {
      case kAbsolute: return target;
      case kRelative: return target - address - site.detail;
      case kBackwards: return address - target;
      case kFromBase: return target - base_;
      case kBranch26: return (old & 0xFC000000U) | (steps & 0x3FFFFFF);
      case kBranch19: return (old & 0xFF00001FU) | (steps & 0x7FFFF) << 5;
      case kPage: {
        const U64 pages = target / 4096 - address / 4096;
        return (old & 0x9F00001FU) | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5;
      }
      case kLow12: return (old & 0xFFC003FFU) | (target % 4096 >> site.detail) << 10;
      default: return with_branch(site.form, old, target - address - 4);
    }
  }
  // Where the field at `address` leads; nothing when it holds a part of that only.
  std::optional<U64> meant(const Site& site, U64 word, U64 address) {
    const auto h1 = static_cast<unsigned>(word & 0xFFFF);
    const auto h2 = static_cast<unsigned>(word >> 16 & 0xFFFF);
    switch (site.form) {
      case kAbsolute: return word;
      case kRelative: return address + site.detail + static_cast<U64>(sign(word, 32));
      case kBackwards: return address - word;
      case kFromBase: return base_ + static_cast<U64>(sign(word, 32));
      case kBranch26: return address + 4 * static_cast<U64>(sign(word, 26));
      case kBranch19: return address + 4 * static_cast<U64>(sign(word >> 5, 19));
      case kThumbLong: return address + 4 + static_cast<U64>(branch24(h1, h2));
      case kThumbShort: return address + 4 + static_cast<U64>(branch20(h1, h2));
      case kPage:
        if ((word & 0x9F00001FU) == (0x90000000U | site.detail)) pages_[site.detail] = page_of(word, address);
        return {};
      default: {
        const auto page = pages_.find(word / 32 % 32);
        if (page == pages_.end()) return {};
        return page->second + ((word >> 10 & 0xFFF) << site.detail);
      }
    }
  }
  static int first_class(Form form) {
    switch (form) {
      case kAbsolute: return 5;
      case kRelative:
      case kBackwards:
      case kFromBase: return 1;
      case kPage:
      case kLow12: return 13;
      default: return 9;
    }
  }

  void field(const Site& site, U64 old_at, U64 address) {
    const U64 projected = project(site.target);
    const U64 guess = written(site, number(old_, old_at, static_cast<unsigned>(site.size)), address, projected);
    U64 gap = 0;
    for (unsigned i = 0; i < site.size; ++i)
      gap |= U64{difference(first_class(site.form) + static_cast<int>(std::min(i, 3U)), 0)} << (8 * i);
    U64 word = guess + gap;
    if (site.size == 4) word &= 0xFFFFFFFFU;
    for (unsigned i = 0; i < site.size; ++i)
      new_.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    phase_ += site.size;
    if (const auto actual = meant(site, word, address); actual && *actual != projected) teach(site.target, *actual);
  }

  // --- addresses ---
  struct Lesson {
    U64 key;
    S64 shift;
  };
  [[nodiscard]] U64 slot(U64 key) const { return key * 0x9E3779B97F4A7C15ULL >> (64 - shape_.learned_bits); }
  void teach(U64 from, U64 to) {
    const auto shift = static_cast<S64>(to - from);
    if (shift < -(S64{1} << 31) || shift >= S64{1} << 31) return;
    lessons_[0][slot(from)] = {from & 0xFFFFFFFFU, shift};
    lessons_[1][slot(from >> 6)] = {from >> 6 & 0xFFFFFFFFU, shift};
    lessons_[2][slot(from >> 12)] = {from >> 12 & 0xFFFFFFFFU, shift};
  }
  bool taught(int table, U64 key, U64 from, U64& to) const {
    const auto it = lessons_[table].find(slot(key));
    const Lesson lesson = it == lessons_[table].end() ? Lesson{0, 0} : it->second;
    if (lesson.key != (key & 0xFFFFFFFFU)) return false;
    to = from + static_cast<U64>(lesson.shift);
    return true;
  }

  U64 project(U64 target) const {
    U64 to = 0;
    if (taught(0, target, target, to)) return to;
    bool is_exact = false;
    U64 there = 0;
    const bool found = mapped(target, there, is_exact);
    if (found && is_exact) return there;
    if (taught(1, target >> 6, target, to) || taught(2, target >> 12, target, to)) return to;
    return found ? there : target + shift_;
  }
  bool mapped(U64 target, U64& to, bool& is_exact) const {
    const Program& p = *program_;
    const auto r = std::find_if(p.old_ranges.begin(), p.old_ranges.end(), [&](const Range& x) { return target - x.address < x.size; });
    if (r == p.old_ranges.end()) {
      const Range& last = p.old_ranges.back();
      const Range& new_last = p.new_ranges.back();
      if (target < last.address + last.size) return false;
      to = target + (new_last.address + new_last.size) - (last.address + last.size);
      return true;
    }
    const U64 at = r->at + (target - r->address);
    const Segment* s = segment_for(at);
    if (s == nullptr) return false;
    const U64 new_at = s->new_at + (at - s->old_at);
    const auto n = std::find_if(p.new_ranges.begin(), p.new_ranges.end(), [&](const Range& x) { return new_at - x.at < x.size; });
    if (n == p.new_ranges.end()) return false;
    to = n->address + (new_at - n->at);
    is_exact = at - s->old_at < s->size;
    return true;
  }

  [[nodiscard]] const Segment* segment_for(U64 at) const {
    std::vector<const Segment*> in_front;
    for (const Segment& s : map_.segments)
      if (s.old_at <= at) in_front.push_back(&s);
    if (in_front.empty()) return nullptr;
    std::sort(in_front.begin(), in_front.end(),
              [](auto* a, auto* b) { return std::tie(a->old_at, a) < std::tie(b->old_at, b); });
    const Segment* nearest = in_front.back();
    const Segment* farthest = in_front.front();
    for (const Segment* s : in_front)
      if (s->old_at + s->size >= farthest->old_at + farthest->size) farthest = s;
    const bool far_holds = at - farthest->old_at < farthest->size;
    const bool near_holds = at - nearest->old_at < nearest->size;
    return far_holds && (!near_holds || farthest->size > nearest->size) ? farthest : nearest;
  }

  // --- differences and literals ---
  // The kind of a byte: of plain ones there are as many as phases, then come the fields' bytes.
  [[nodiscard]] int kind_of(int byte_class, U64 phase) const {
    return static_cast<int>(byte_class == 0 ? phase % shape_.phases : shape_.phases + static_cast<U64>(byte_class - 1) % shape_.field_classes);
  }

  std::uint8_t difference(int byte_class, U64 phase) {
    const int kind = kind_of(byte_class, phase);
    if (!has_run_) {
      zeros_ = zero_run(byte_class, kind);
      last_run_ = std::min<U64>(zeros_, 0xFFFF);
      has_run_ = true;
    }
    if (zeros_ != 0) {
      --zeros_;
      return 0;
    }
    has_run_ = false;
    last_difference_ = byte({200 + kind, 0, mix_hash(static_cast<std::uint32_t>(kind), last_difference_ | (last_run_ == 0 ? 256U : 0U))});
    return last_difference_;
  }

  U64 zero_run(int byte_class, int kind) {
    const int last = last_run_ == 0 ? 0 : last_run_ < 4 ? 1 : last_run_ < 32 ? 2 : 3;
    if (coder_->modelled(byte_class == 0 ? models_.at(500, kind, last) : models_.at(501, kind)) != 0) return 0;
    const int family = byte_class == 0 ? 510 + kind : 520 + (byte_class - 1) / 4;
    const U64 symbol = tree(*coder_, models_, family, 0, 6);
    return symbol < 63 ? symbol + 1 : 64 + coded_number(*coder_, models_, 530);
  }

  std::uint8_t literal() {
    const auto back = [&](U64 n) -> std::uint32_t { return new_.size() >= piece_ + n ? new_[new_.size() - n] : 0; };
    const int phase = static_cast<int>(phase_++ % shape_.phases);
    Habit& habit = habit_of(mix_hash(0x101, back(1) | back(2) << 8));
    return byte({300 + phase, shape_.shares_contexts ? 0 : 1, mix_hash(0x100, back(1))}, habit);
  }

  // What came last in a context, and how often in a row, at most 3.
  struct Habit {
    int byte = 0;
    int times = 0;
  };
  Habit& habit_of(std::uint32_t context) { return habits_[context >> (32 - shape_.habit_bits)]; }

  struct ByteContext {
    int family;  // of the models that belong to the kind
    int table;
    std::uint32_t context;
  };
  std::uint8_t byte(const ByteContext& from) { return byte(from, habit_of(from.context)); }
  std::uint8_t byte(const ByteContext& from, Habit& habit) {
    int value = 0;
    if (habit.times != 0 && coder_->modelled(models_.at(from.family, 1, habit.times)) != 0) {
      value = habit.byte;
    } else {
      std::uint32_t start = 1;  // the byte's bits so far behind a one, when a half begins
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t place = (from.context + start * 0x3D4D51CBU) >> (36 - shape_.context_bits);
        int node = 1;
        for (int i = 0; i < 4; ++i) {
          const int whole = static_cast<int>(start) * (1 << i) + node - (1 << i);
          node = node * 2 + coder_->modelled(models_.at(from.family, 0, whole), models_.at(400 + from.table, static_cast<int>(place), node),
                                             trust_[from.family >= 300 ? 1 : 0]);
        }
        start = start * 16 + static_cast<std::uint32_t>(node) - 16;
      }
      value = static_cast<int>(start) - 256;
    }
    habit.times = value == habit.byte ? std::min(habit.times + 1, 3) : 1;
    habit.byte = value;
    return static_cast<std::uint8_t>(value);
  }

  const Shape& shape_;
  Coder* coder_ = nullptr;
  const Map& map_;
  const Bytes& old_;
  Bytes new_;
  U64 piece_ = 0;  // where the piece at hand began
  U64 phase_ = 0;  // of the next literal
  Models models_;
  std::vector<int> trust_[2];
  std::map<std::uint32_t, Habit> habits_;
  std::map<U64, Lesson> lessons_[3];
  const Program* program_ = nullptr;  // of the area at hand
  U64 shift_ = 0;                     // of the bytes at hand, in the address space
  U64 base_ = 0;                      // of an .eh_frame_hdr, when it is new
  std::map<U64, U64> pages_;          // what the new code's ADRP put into registers
  bool has_run_ = false;
  U64 zeros_ = 0;
  U64 last_run_ = 0;
  std::uint8_t last_difference_ = 0;
};

Bytes decode(const Bytes& patch, const Bytes& old_image) {
  need(patch.size() >= 128);
  const std::string_view magic(reinterpret_cast<const char*>(patch.data()), 8);
  need(magic == "ASPTMCUD" && number(patch, 8, 2) == 1 && number(patch, 10, 2) == 2);
  const U64 old_size = number(patch, 12, 4);
  const U64 new_size = number(patch, 16, 4);
  const U64 map_size = number(patch, 20, 4);
  const U64 coded_size = number(patch, 24, 4);
  const U64 segments = number(patch, 28, 2);
  const U64 ranges = patch[30];
  const U64 areas = patch[31];
  need(old_size > 0 && old_size <= (1U << 30) && new_size > 0 && new_size <= (1U << 30));
  need(128 + map_size + coded_size == patch.size() && segments <= 320 && ranges <= 6 && areas <= 6);
  need(old_size <= old_image.size());
  Coder map_coder(Bytes(patch.begin() + 128, patch.begin() + static_cast<std::ptrdiff_t>(128 + map_size)));
  const Map map = read_map(map_coder, kMicrocontroller, {segments, ranges == 0 ? 0U : 1U, ranges, areas}, old_size, new_size);
  Coder coder(Bytes(patch.begin() + static_cast<std::ptrdiff_t>(128 + map_size), patch.end()));
  Bytes image = Decoder(kMicrocontroller, map, old_image).decode(coder, 0, new_size);
  need(coder.is_used_up());
  return image;
}

// --- payloads ---
struct Block {
  U64 at, size, text_size, text_at;
  SlowEncoder encoder;
};

Bytes part(const Bytes& bytes, U64 at, U64 size) {
  need(at <= bytes.size() && size <= bytes.size() - at);
  return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
}

std::vector<Block> read_blocks(Coder& coder, Models& models, U64 count, const std::vector<SlowEncoder>& settings,
                               U64 image_size) {
  std::vector<Block> out;
  U64 end = 0;
  S64 text_before = 0;
  U64 grown = 0;
  bool good = true;
  for (U64 i = 0; i < count; ++i) {
    Block b{};
    b.at = end + coded_number(coder, models, 0);
    b.size = coded_number(coder, models, 2);
    const S64 text = text_before + coded_signed(coder, models, 4);
    const U64 setting = tree(coder, models, 6, 0, 4);
    // A decoder must go on after a bad number: only all of it together is accepted or not.
    const bool fits = b.at >= end && b.at <= image_size && b.size != 0 && b.size <= image_size - b.at && text >= 1 && text <= (1 << 20);
    good = good && fits && setting < settings.size();
    need(good);
    b.text_size = static_cast<U64>(text);
    b.text_at = b.at + grown;
    b.encoder = settings[setting];
    grown += b.text_size - b.size;
    text_before = text;
    end = b.at + b.size;
    out.push_back(b);
  }
  return out;
}

Map read_linux_map(const Bytes& section, U64 old_size, U64 new_size) {
  need(section.size() >= 32 && std::string_view(reinterpret_cast<const char*>(section.data()), 8) == "ASPTDMAP");
  Coder coder(part(section, 32, section.size() - 32));
  return read_map(coder, kLinux, {number(section, 12, 4), number(section, 16, 4), number(section, 20, 4), number(section, 24, 4)}, old_size, new_size);
}

class PayloadDecoder {
 public:
  PayloadDecoder(const Bytes& file, const Bytes& old_image, const SlowTools& tools) : file_(file), old_(old_image), tools_(tools) {}

  Bytes decode() {
    image_size_ = number(file_, 24, 8);
    const U64 chunks = number(file_, 32, 8);
    chunk_size_ = number(file_, 48, 4);
    const U64 entries_max = number(file_, 52, 4);
    const U64 section_size = number(file_, 272, 8);
    old_.resize(number(file_, 264, 8));
    read_section(part(file_, 512, section_size));
    U64 at = 512 + section_size;
    Bytes page;
    U64 packed_size = number(file_, 312, 4);
    for (U64 chunk = 0; chunk < chunks; ++chunk) {
      if (chunk % entries_max == 0) {
        const U64 size = 64 + 96 * std::min(entries_max, chunks - chunk);
        const U64 stored_size = packed_size != 0 ? packed_size : size;
        page = part(file_, at, stored_size);
        if (packed_size != 0) page = tools_.decode(3, page, size);
        need(page.size() == size);
        at += stored_size;
        packed_size = number(page, 20, 4);
      }
      const U64 entry = 64 + 96 * (chunk % entries_max);
      const U64 stored_size = number(page, entry + 4, 4);
      const Bytes stored = part(file_, at, stored_size);
      at += stored_size;
      const U64 size = std::min(chunk_size_, image_size_ - image_.size());
      const auto encoding = page.at(entry);
      const Bytes made = decode_chunk(encoding, chunk, number(page, entry + 8, 8), stored, size);
      need(made.size() == size);
      if (encoding != 3) need(tools_.digest(made) == part(page, entry + 64, 32));
      if (encoding != 3 && encoding != 5) need(tools_.digest(stored) == part(page, entry + 32, 32));
      image_.insert(image_.end(), made.begin(), made.end());
    }
    need(at == file_.size());
    return image_;
  }

  // "Short form" of docs/formats/payload.md. All is read before anything is decoded, as a device does.
  Bytes decode_short(U64 image_size) {
    is_short_ = true;
    image_size_ = image_size;
    need(file_.size() <= 65536 && part(file_, 0, 5) == Bytes({'A', 'S', 'P', 'S', 1}));
    U64 at = 5;
    const auto next = [&] {  // seven bits a byte
      U64 value = 0;
      for (unsigned shift = 0; shift < 63; shift += 7) {
        const U64 byte = file_.at(at++);
        value |= (byte & 0x7FU) << shift;
        if (byte >= 0x80) continue;
        need(shift == 0 || byte != 0);
        return value;
      }
      throw Refusal{};
    };
    const auto small = [&](U64 most) {
      const U64 value = next();
      need(value >= 1 && value <= most);
      return value;
    };
    chunk_size_ = small(64) * 4096;
    const U64 entries_max = small(1024);
    const U64 section_word = next();
    need(section_word / 2 <= file_.size());
    Bytes section;
    if (section_word % 2 != 0) {
      section = {'A', 'S', 'P', 'T', 'D', 'M', 'A', 'P', 1, 0, 1, 0};
      for (const U64 most : {98304U, 4096U, 32768U, 32768U}) {
        const U64 count = next();
        need(count <= most);
        for (unsigned i = 0; i < 4; ++i)
          section.push_back(static_cast<std::uint8_t>(count >> (8 * i)));
      }
      section.resize(32);
    }
    const Bytes rest_of_section = part(file_, at, section_word / 2);
    section.insert(section.end(), rest_of_section.begin(), rest_of_section.end());
    at += section_word / 2;
    const Bytes old_digest = part(file_, at, 32);
    at += 32;
    struct Listed {
      unsigned encoding;
      U64 source, size, stored;
    };
    std::vector<Listed> list;
    const U64 chunks = (image_size + chunk_size_ - 1) / chunk_size_;
    need(chunks <= 16384);
    U64 group = chunks;
    bool has_delta = false;
    while (list.size() < chunks) {
      const U64 token = next();
      const U64 shift = token % 8 == 3 ? next() : 0;
      for (U64 i = 0; i <= token / 8; ++i) {
        need(list.size() < chunks);
        const U64 index = list.size();
        const U64 size = std::min(chunk_size_, image_size - index * chunk_size_);
        if (i == 0 && token % 8 >= 6) group = index;
        switch (token % 8) {
          case 0: list.push_back({3, 0, size, 0}); break;
          case 1: list.push_back({1, 0, size, size}); break;
          case 2: list.push_back({2, 0, size, small(size - 1)}); break;
          case 3: list.push_back({5, index * chunk_size_ + (shift / 2 ^ (0 - shift % 2)), size, 0}); break;
          default:
            need(group < chunks && group / entries_max == index / entries_max);
            has_delta = true;
            list.push_back({4, group, size, token % 2 == 0 ? 0 : small(size - 33)});
        }
      }
    }
    need(has_delta);
    U64 sum = at;
    for (const Listed& one : list)
      sum += one.stored;
    need(sum == file_.size());
    read_section(section);
    for (U64 i = 0; i < list.size(); ++i) {
      const Listed& one = list[i];
      const Bytes made = decode_chunk(one.encoding, i, one.source, part(file_, at, one.stored), one.size);
      need(made.size() == one.size);
      if (one.encoding == 5) add(old_digests_, tools_.digest(made));
      image_.insert(image_.end(), made.begin(), made.end());
      at += one.stored;
    }
    Bytes all(std::string_view("aseptic-payload-old-bytes-v1").begin(), std::string_view("aseptic-payload-old-bytes-v1").end());
    all.push_back(0);
    add(all, old_digests_);
    need(tools_.digest(all) == old_digest);
    return image_;
  }

 private:
  static void add(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

  void read_section(const Bytes& section) {
    U64 at = 0;
    if (std::string_view(reinterpret_cast<const char*>(section.data()), 8) == "ASPTRCOD") {
      const U64 settings_count = number(section, 10, 2);
      std::vector<SlowEncoder> settings;
      for (U64 i = 0; i < settings_count; ++i)
        settings.push_back({section.at(32 + 16 * i), section.at(33 + 16 * i), section.at(34 + 16 * i), number(section, 40 + 16 * i, 4)});
      const U64 lists_at = 32 + 16 * settings_count;
      const U64 lists_size = number(section, 20, 4);
      Coder coder(part(section, lists_at, lists_size));
      Models models(6);
      const auto old_blocks = read_blocks(coder, models, number(section, 12, 4), settings, old_.size());
      blocks_ = read_blocks(coder, models, number(section, 16, 4), settings, image_size_);
      need(coder.is_used_up());
      make_old_text(old_blocks);
      at = lists_at + lists_size;
    } else {
      make_old_text({});
    }
    map_ = read_linux_map(part(section, at, section.size() - at), old_text_.size(), text_of(image_size_));
  }

  void make_old_text(const std::vector<Block>& blocks) {
    U64 done = 0;
    const auto plain = [&](U64 end) {
      for (; done < end; ++done)
        old_text_.push_back(old_[done]);
    };
    for (const Block& b : blocks) {
      plain(b.at);
      Bytes text = tools_.decode(b.encoder.codec, part(old_, b.at, b.size), b.text_size);
      const bool is_good = text.size() == b.text_size;
      text.resize(b.text_size);
      if (!is_good) unreadable_.emplace_back(old_text_.size(), old_text_.size() + b.text_size);
      old_text_.insert(old_text_.end(), text.begin(), text.end());
      done = b.at + b.size;
    }
    plain(old_.size());
  }

  [[nodiscard]] U64 text_of(U64 at) const {
    U64 out = at;
    for (const Block& b : blocks_)
      if (b.at + b.size <= at) out += b.text_size - b.size;
    return out;
  }

  Bytes decode_chunk(unsigned encoding, U64 chunk, U64 source, const Bytes& stored, U64 size) {
    switch (encoding) {
      case 1: return stored;
      case 2: return tools_.decode(3, stored, size);
      case 3: return Bytes(size);
      case 5: return part(old_, source, size);
      default: need(encoding == 4); return decode_delta(chunk, source, stored, size);
    }
  }

  Bytes decode_delta(U64 chunk, U64 source, const Bytes& stored, U64 size) {
    const U64 start = chunk * chunk_size_;
    const U64 end = start + size;
    if (source == chunk) {
      decoder_ = std::make_unique<Decoder>(kLinux, map_, old_text_);
      group_ = chunk;
      carry_.clear();
    }
    const U64 digest_size = is_short_ ? 0 : 32;
    need(decoder_ != nullptr && source == group_ && stored.size() >= digest_size);
    if (carry_for_ != chunk) carry_.clear();
    // Which blocks are made here, and which piece of the text that is.
    std::vector<Block> here;
    U64 from = text_of(start);
    U64 to = text_of(end);
    for (const Block& b : blocks_) {
      if (b.at >= end || b.at + b.size <= start) continue;
      if (b.at < start && !carry_.empty()) {
        from = b.text_at + b.text_size;
        if (b.at + b.size > end) to = from;
        continue;
      }
      if (b.at < start) from = b.text_at;
      if (b.at + b.size > end) to = b.text_at + b.text_size;
      here.push_back(b);
    }
    need(to - from <= (4U << 20U));
    Bytes used;
    for (const Segment& s : map_.segments) {
      const U64 low = std::max(s.new_at, from);
      const U64 high = std::min(s.new_at + s.size, to);
      for (U64 at = low; at < high; ++at) {
        const U64 old_at = s.old_at + (at - s.new_at);
        for (const auto& [bad_from, bad_to] : unreadable_)
          need(old_at < bad_from || old_at >= bad_to);
        used.push_back(old_text_[old_at]);
      }
    }
    if (is_short_) {
      add(old_digests_, tools_.digest(used));
    } else {
      need(tools_.digest(used) == part(stored, 0, 32));
    }
    if (stored.size() == digest_size) {  // nothing coded: a plain copy
      need(used.size() == to - from);
      return assemble(chunk, here, used, {start, end});
    }
    Coder coder(part(stored, digest_size, stored.size() - digest_size));
    const Bytes text = decoder_->decode(coder, from, to);
    need(coder.is_used_up());
    return assemble(chunk, here, text, {start, end});
  }

  Bytes assemble(U64 chunk, const std::vector<Block>& here, const Bytes& text, std::pair<U64, U64> bounds) {
    const auto [start, end] = bounds;
    Bytes made;  // image bytes from `at` on
    U64 at = here.empty() ? start : std::min(start, here.front().at);
    if (!carry_.empty()) at = start;
    made = carry_;
    U64 used = 0;
    const auto plain = [&](U64 until) {
      while (at + made.size() < until)
        made.push_back(text.at(used++));
    };
    for (const Block& b : here) {
      plain(b.at);
      // Of what follows in this chunk an encoder of clusters sees so much; where the block came in from the left, nothing.
      Bytes following = b.at < start ? Bytes() : part(text, used + b.text_size, text.size() - used - b.text_size);
      following.resize(b.encoder.dictionary);
      const Bytes coded = tools_.encode(b.encoder, part(text, used, b.text_size), following, b.size);
      need(coded.size() == b.size);
      made.insert(made.end(), coded.begin(), coded.end());
      used += b.text_size;
    }
    plain(end);
    need(used == text.size());
    carry_ = Bytes(made.begin() + static_cast<std::ptrdiff_t>(end - at), made.end());
    carry_for_ = chunk + 1;
    return part(made, start - at, end - start);
  }

  const Bytes& file_;
  Bytes old_;
  const SlowTools& tools_;
  U64 image_size_ = 0;
  U64 chunk_size_ = 0;
  Bytes old_text_;
  std::vector<std::pair<U64, U64>> unreadable_;
  std::vector<Block> blocks_;  // of the new image
  Map map_;
  std::unique_ptr<Decoder> decoder_;
  U64 group_ = 0;
  Bytes carry_;
  U64 carry_for_ = 0;
  bool is_short_ = false;
  Bytes old_digests_;  // of a short form
  Bytes image_;
};

}  // namespace

std::optional<Bytes> slow_short_payload(const Bytes& file, const Bytes& old_image, std::uint64_t image_size, const SlowTools& tools) {
  try {
    return PayloadDecoder(file, old_image, tools).decode_short(image_size);
  } catch (const Refusal&) {
    return {};
  } catch (const std::out_of_range&) {
    return {};
  }
}

std::optional<Bytes> slow_delta_payload(const Bytes& file, const Bytes& old_image, const SlowTools& tools) {
  try {
    return PayloadDecoder(file, old_image, tools).decode();
  } catch (const Refusal&) {
    return {};
  } catch (const std::out_of_range&) {  // of at(): the file ends too early
    return {};
  }
}

std::optional<std::vector<Bytes>> slow_delta_chunks(const Bytes& section, const Bytes& old_image, std::uint64_t new_size,
                                                    const std::vector<SlowChunk>& chunks) {
  try {
    const Map map = read_linux_map(section, old_image.size(), new_size);
    Decoder decoder(kLinux, map, old_image);
    std::vector<Bytes> out;
    for (const SlowChunk& chunk : chunks) {
      Coder coder(chunk.coded);
      out.push_back(decoder.decode(coder, chunk.from, chunk.to));
    }
    return out;
  } catch (const Refusal&) {
    return {};
  }
}

std::optional<Bytes> slow_mcu_delta(const Bytes& patch, const Bytes& old_image) {
  try {
    return decode(patch, old_image);
  } catch (const Refusal&) {
    return {};
  }
}

}  // namespace aseptic::payload::tests
