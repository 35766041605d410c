// SPDX-License-Identifier: Apache-2.0
// How a delta makes new bytes out of old ones: copied runs with projected references and coded differences, and literal
// bytes between them (docs/formats/delta.md). Templates over the profile (sizes) and the coder or sink, so that device and
// publisher run the same procedure; the device's entry points are in delta_chunk.h and delta_mcu.h. Security: works in place
// on a buffer whose old bytes were verified by the caller; reads and writes only inside it; any input gives some bytes, and
// only the digests behind it say whether they are the right ones. Freestanding, no allocation.
#pragma once
#include <type_traits>

#include "aseptic/payload/decode/delta_map.h"

namespace aseptic::payload {

// Old address → new address where the copy map was wrong or silent, learned from fields already decoded.
template <class Profile>
class LearnedTargets {
 public:
  [[nodiscard]] bool exact(std::uint64_t old_target, std::uint64_t& new_target) const {
    const Entry& entry = exact_[slot(old_target)];
    if (entry.key != static_cast<std::uint32_t>(old_target)) return false;
    new_target = old_target + static_cast<std::uint64_t>(std::int64_t{entry.shift});
    return true;
  }
  [[nodiscard]] bool nearby(std::uint64_t old_target, std::int64_t& shift) const {
    for (unsigned grain = 0; grain < 2; ++grain) {
      const std::uint64_t key = old_target >> kGrain[grain];
      const Entry& entry = near_[grain][slot(key)];
      if (entry.key != static_cast<std::uint32_t>(key)) continue;
      shift = entry.shift;
      return true;
    }
    return false;
  }
  // What moved farther than a program can reach is not worth the room.
  void learn(std::uint64_t old_target, std::uint64_t new_target) {
    const auto moved = static_cast<std::int64_t>(new_target - old_target);
    const auto shift = static_cast<std::int32_t>(moved);
    if (shift != moved) return;
    exact_[slot(old_target)] = {static_cast<std::uint32_t>(old_target), shift};
    for (unsigned grain = 0; grain < 2; ++grain) {
      const std::uint64_t key = old_target >> kGrain[grain];
      near_[grain][slot(key)] = {static_cast<std::uint32_t>(key), shift};
    }
  }

 private:
  static constexpr unsigned kGrain[2] = {6, 12};
  // Small, for these tables are asked about every address. An empty one says that key 0 did not move: as good a guess as any.
  struct Entry {
    std::uint32_t key = 0;
    std::int32_t shift = 0;
  };
  static std::size_t slot(std::uint64_t key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> (64U - Profile::kLearnedBits));
  }
  Entry exact_[1U << Profile::kLearnedBits];
  Entry near_[2][1U << Profile::kLearnedBits];
};

// Predicts new addresses. Deterministic in map, element and what was learned.
template <class Profile>
class Projector {
 public:
  Projector(const DeltaMap<Profile>& map, LearnedTargets<Profile>& learned) : map_(map), learned_(learned) {}

  // `fallback`: shift to assume when nothing else is known (that of the referring bytes).
  [[nodiscard]] std::uint64_t project(const Element& element, std::uint64_t target, std::int64_t fallback) const {
    std::uint64_t projected = 0;
    if (learned_.exact(target, projected)) return projected;
    bool is_exact = false;
    const bool found = by_map(element, target, projected, is_exact);
    if (found && is_exact) return projected;
    std::int64_t shift = 0;
    if (learned_.nearby(target, shift)) return target + static_cast<std::uint64_t>(shift);
    return found ? projected : target + static_cast<std::uint64_t>(fallback);
  }

  // Without anything learned: for the matcher.
  [[nodiscard]] bool by_map(const Element& element, std::uint64_t target, std::uint64_t& projected,
                            bool& is_exact) const {
    is_exact = false;
    const auto old_ranges = map_.old_ranges(element);
    const auto new_ranges = map_.new_ranges(element);
    const AddressRange* range = range_of_address(old_ranges, target);
    if (range == nullptr) {  // memory without bytes in the image, behind the last range
      const AddressRange& last = old_ranges.back();
      const AddressRange& new_last = new_ranges.back();
      if (target < last.address + last.size) return false;
      projected = target + (new_last.address + new_last.size) - (last.address + last.size);
      return true;
    }
    const std::uint64_t at = range->at + (target - range->address);
    const auto* segment = segment_of_old(map_, at);
    if (segment == nullptr) return false;
    const std::uint64_t new_at = segment->new_at + (at - segment->old_at);
    const AddressRange* new_range = range_at(new_ranges, new_at);
    if (new_range == nullptr) return false;
    projected = new_range->address + (new_at - new_range->at);
    is_exact = at - segment->old_at < segment->size;
    return true;
  }

 private:
  const DeltaMap<Profile>& map_;
  LearnedTargets<Profile>& learned_;
};

// Classes of copied bytes, so that each has its own statistics: 0 plain, then the bytes of a field.
inline unsigned class_of(SiteForm form) {
  switch (form) {
    case SiteForm::kRelative32:
    case SiteForm::kBackwards32:
    case SiteForm::kFromBase32:
      return 1;
    case SiteForm::kAbsolute32:
    case SiteForm::kAbsolute64:
      return 5;
    case SiteForm::kBranch26:
    case SiteForm::kBranch19:
    case SiteForm::kThumbBranch24:
    case SiteForm::kThumbBranch20:
      return 9;
    case SiteForm::kPage21:
    case SiteForm::kLow12:
      return 13;
  }
  return 0;
}

// Walks a copied run: finds its sites, predicts their fields, and asks the sink for the difference of every byte.
//   Sink::plain(bytes, count, phase)             adds differences to `count` bytes in place; `phase`: the first one's address
//   Sink::field(bytes, predicted, count, class)  the same for a field: writes `count` new bytes
template <class Profile, class Sink>
class RunWalker {
 public:
  RunWalker(const DeltaMap<Profile>& map, LearnedTargets<Profile>& learned, Sink& sink)
      : map_(map), projector_(map, learned), learned_(learned), sink_(sink) {}

  // `bytes`: the old bytes from old_at on, which become the new bytes from new_at on.
  void walk(boot::MutableBytes bytes, std::uint64_t old_at, std::uint64_t new_at) {
    while (!bytes.empty()) {
      const ReferenceArea* area = area_behind(old_at);
      std::uint64_t plain = area == nullptr ? bytes.size() : area->at > old_at ? area->at - old_at : 0;
      if (plain > bytes.size()) plain = bytes.size();
      if (plain != 0) {
        sink_.plain(bytes.data(), static_cast<std::uint32_t>(plain), static_cast<std::uint32_t>(new_at));
      } else {
        plain = walk_area(*area, bytes, old_at, new_at);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(plain));
      old_at += plain;
      new_at += plain;
    }
  }

 private:
  // The first area that ends behind `old_at`.
  const ReferenceArea* area_behind(std::uint64_t old_at) const {
    std::size_t low = 0;
    std::size_t high = map_.areas.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (map_.areas[middle].at + map_.areas[middle].size > old_at) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low == map_.areas.size() ? nullptr : &map_.areas[low];
  }

  std::uint64_t walk_area(const ReferenceArea& area, boot::MutableBytes bytes, std::uint64_t old_at,
                          std::uint64_t new_at) {
    const Element& element = map_.elements[area.element];
    std::uint64_t size = area.size - (old_at - area.at);
    if (size > bytes.size()) size = bytes.size();
    const AddressRange* range = range_at(map_.new_ranges(element), new_at);
    if (range == nullptr) {  // copied out of its program: its references mean nothing here
      sink_.plain(bytes.data(), static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(new_at));
      return size;
    }
    const std::uint64_t in_range = range->size - (new_at - range->at);
    if (size > in_range) size = in_range;
    const boot::MutableBytes part = bytes.first(static_cast<std::size_t>(size));
    const ScanPlace place{area.kind, area.address + (old_at - area.at), area.address};
    const std::uint64_t new_address = range->address + (new_at - range->at);
    const auto phase = static_cast<std::uint32_t>(new_address);
    const auto fallback = static_cast<std::int64_t>(new_address - place.address);
    bool is_exact = false;
    std::uint64_t base = area.address + static_cast<std::uint64_t>(fallback);
    if (area.kind == AreaKind::kFrameTable) static_cast<void>(projector_.by_map(element, area.address, base, is_exact));
    std::uint32_t done = 0;
    PageState pages;
    scan_sites<Profile::kIsThumbOnly>(place, part, element.window, [&](const Site& site) {
      if (site.at < done || site.at + site.size() > part.size()) return;
      sink_.plain(part.data() + done, site.at - done, phase + done);
      take_site(site, part.data() + site.at, element, new_address + site.at, fallback, base, pages);
      done = site.at + site.size();
    });
    sink_.plain(part.data() + done, static_cast<std::uint32_t>(part.size()) - done, phase + done);
    return size;
  }

  // The pages that the new code's ADRP instructions have put into registers.
  struct PageState {
    std::uint64_t page[Profile::kIsThumbOnly ? 1 : 32];
    std::uint32_t known = 0;
  };

  void take_site(const Site& site, std::uint8_t* bytes, const Element& element, std::uint64_t field,
                 std::int64_t fallback, std::uint64_t base, PageState& pages) {
    const std::uint32_t size = site.size();
    const std::uint64_t old = size == 8 ? sites::load<std::uint64_t>(bytes) : sites::load<std::uint32_t>(bytes);
    const std::uint64_t projected = projector_.project(element, site.target, fallback);
    const std::uint64_t predicted = field_for(site, old, field, projected, base);
    sink_.field(bytes, predicted, size, class_of(site.form));
    const std::uint64_t content = size == 8 ? sites::load<std::uint64_t>(bytes) : sites::load<std::uint32_t>(bytes);
    std::uint64_t actual = 0;
    if (target_of(site, content, field, base, actual)) {
      if (actual != projected) learned_.learn(site.target, actual);
      return;
    }
    if constexpr (!Profile::kIsThumbOnly) learn_page(site, static_cast<std::uint32_t>(content), field, projected, pages);
  }

  void learn_page(const Site& site, std::uint32_t word, std::uint64_t field, std::uint64_t projected,
                  PageState& pages) {
    if (site.form == SiteForm::kPage21) {
      if ((word & 0x9F00001FU) != (0x90000000U | site.detail)) return;
      const std::uint64_t count = sites::sign_extend((((word >> 5U) & 0x7FFFFU) << 2U) | ((word >> 29U) & 3U), 21);
      pages.page[site.detail] = (field & ~std::uint64_t{0xFFF}) + (count << 12U);
      pages.known |= 1U << site.detail;
      return;
    }
    const std::uint32_t base = (word >> 5U) & 31U;
    if ((pages.known >> base & 1U) == 0) return;
    const std::uint64_t actual = pages.page[base] + (std::uint64_t{(word >> 10U) & 0xFFFU} << site.detail);
    if (actual != projected) learned_.learn(site.target, actual);
  }

  const DeltaMap<Profile>& map_;
  Projector<Profile> projector_;
  LearnedTargets<Profile>& learned_;
  Sink& sink_;
};

// Models found by hashed contexts, sixteen for each half of a byte in one place.
template <class Profile>
struct ContextTable {
  BitModel models[1U << Profile::kContextBits];

  // `half`: 1, or the byte's upper half behind a one.
  BitModel* of(std::uint32_t context, std::uint32_t half) {
    return &models[((context + half * 0x3D4D51CBU) >> (36U - Profile::kContextBits)) << 4U];
  }
};

inline std::uint32_t context_hash(std::uint32_t a, std::uint32_t b) {
  std::uint32_t h = a * 0x9E3779B1U + b * 0x85EBCA6BU + 0x27D4EB2FU;
  h ^= h >> 15U;
  return h * 0x2C1B3C6DU;
}

// Which byte came last in a context, and how often in a row.
template <class Profile>
class Habits {
 public:
  struct Entry {
    std::uint8_t byte = 0;
    std::uint8_t times = 0;  // 0: nothing came yet

    void see(std::uint8_t value) {
      times = value != byte ? 1 : times < kTimesMax ? times + 1 : kTimesMax;
      byte = value;
    }
  };
  static constexpr std::uint8_t kTimesMax = 3;

  Entry& of(std::uint32_t context) { return entries_[context >> (32U - Profile::kHabitBits)]; }

 private:
  Entry entries_[1U << Profile::kHabitBits];
};

// The models of one kind of byte.
struct ByteModels {
  BitModel as_ever[4];  // by times
  BitModel common[256];
};

// A byte: whether it is the usual one of `habit`; else bit by bit, under two opinions: the common one, and `context`'s.
template <class Profile, class Coder>
std::uint8_t code_byte(Coder& shared_coder, ByteModels& models, typename Habits<Profile>::Entry& habit, ContextTable<Profile>& table,
                       std::uint32_t context, Trust& trust, std::uint8_t value) {
  typename Coder::Hold hold(shared_coder);
  auto& coder = hold.coder;
  if (habit.times != 0 && code_bit(coder, models.as_ever[habit.times], value == habit.byte)) {
    habit.see(habit.byte);
    return habit.byte;
  }
  std::uint32_t whole = 1;
  for (unsigned shift = 8; shift != 0;) {
    BitModel* special = table.of(context, whole);
    for (std::uint32_t node = 1; node < 16;) {
      --shift;
      const bool bit = trust.code(coder, models.common[whole], special[node], ((value >> shift) & 1U) != 0);
      node = (node << 1U) | (bit ? 1U : 0U);
      whole = (whole << 1U) | (bit ? 1U : 0U);
    }
  }
  habit.see(static_cast<std::uint8_t>(whole));
  return static_cast<std::uint8_t>(whole);
}

// How many zero differences follow: short runs have a symbol each, for they repeat.
template <class Profile>
struct RunModels {
  static constexpr std::uint32_t kShort = 64;  // the last symbol: a number follows
  BitModel is_zero[4 * Profile::kPhases + Profile::kFieldClasses];
  BitModel symbol[Profile::kPhases + 4][kShort];
  NumberModel<Profile::kNumberBits> rest;
};

// Everything that is learned while decoding. Reset where a group starts.
template <class Profile>
struct DeltaState {
  RunModels<Profile> runs;
  ByteModels differences[Profile::kPhases + Profile::kFieldClasses];
  ByteModels literals[Profile::kPhases];
  alignas(Profile::kSharesContexts ? alignof(BitModel) : 64) ContextTable<Profile> tables[Profile::kSharesContexts ? 1 : 2];
  Habits<Profile> habits;  // of both
  Trust difference_trust;
  Trust literal_trust;

  std::uint32_t last_difference = 0;
  std::uint32_t last_run = 0;
  LearnedTargets<Profile> learned;

  ContextTable<Profile>& difference_table() { return tables[0]; }
  ContextTable<Profile>& literal_table() { return tables[Profile::kSharesContexts ? 0 : 1]; }
};

// Which byte of a machine word a copied byte is: `byte_class` 0 is told apart by its phase, the others are fields' bytes.
struct BytePlace {
  std::uint32_t byte_class = 0;
  std::uint32_t phase = 0;
};
template <class Profile>
std::uint32_t class_index(const BytePlace& place) {
  if (place.byte_class == 0) return place.phase % Profile::kPhases;
  return Profile::kPhases + (place.byte_class - 1) % Profile::kFieldClasses;
}

// The differences of copied bytes: how many are zero, then one that is not, and so on.
template <class Profile, class Coder>
std::uint64_t code_zero_run(Coder& coder, DeltaState<Profile>& state, const BytePlace& place, std::uint64_t value) {
  constexpr std::uint32_t kLong = RunModels<Profile>::kShort - 1;
  RunModels<Profile>& models = state.runs;
  const std::uint32_t last = state.last_run == 0 ? 0U : state.last_run < 4 ? 1U : state.last_run < 32 ? 2U : 3U;
  const bool is_plain = place.byte_class == 0;
  const std::uint32_t index = class_index<Profile>(place);
  state.last_run = 0;
  if (code_bit(coder, models.is_zero[is_plain ? index * 4 + last : index + 3 * Profile::kPhases], value == 0)) return 0;
  const std::uint32_t sort = is_plain ? index : Profile::kPhases + (place.byte_class - 1) / 4;
  std::uint64_t run = 1 + code_tree(coder, models.symbol[sort], 6, value - 1 < kLong ? static_cast<std::uint32_t>(value - 1) : kLong);
  if (run == kLong + 1) run += code_number(coder, models.rest, value - run);
  state.last_run = run > 0xFFFFU ? 0xFFFFU : static_cast<std::uint32_t>(run);
  return run;
}

template <class Profile, class Coder>
std::uint8_t code_difference(Coder& coder, DeltaState<Profile>& state, const BytePlace& place, std::uint8_t value) {
  const std::uint32_t index = class_index<Profile>(place);
  const std::uint32_t context = context_hash(index, state.last_difference | (state.last_run == 0 ? 256U : 0U));
  state.last_difference = code_byte<Profile>(coder, state.differences[index], state.habits.of(context), state.difference_table(), context,
                                             state.difference_trust, value);
  return static_cast<std::uint8_t>(state.last_difference);
}

// `before`: the two bytes in front in the new image, the nearer one lowest.
template <class Profile, class Coder>
std::uint8_t code_literal(Coder& coder, DeltaState<Profile>& state, std::uint32_t phase, std::uint32_t before, std::uint8_t value) {
  return code_byte<Profile>(coder, state.literals[phase % Profile::kPhases], state.habits.of(context_hash(0x101, before & 0xFFFFU)),
                            state.literal_table(), context_hash(0x100, before & 0xFFU), state.literal_trust, value);
}

// The two bytes in front of bytes[at], the nearer one lowest; zeros in front of the first.
inline std::uint32_t bytes_before(boot::ByteView bytes, std::size_t at) {
  return at == 0 ? 0U : std::uint32_t{bytes[at - 1]} | (at == 1 ? 0U : std::uint32_t{bytes[at - 2]} << 8U);
}

// The device's sink: differences come out of the coder.
template <class Profile, class Coder>
class DecodingSink {
 public:
  // `new_at`: of the first byte.
  DecodingSink(Coder& coder, DeltaState<Profile>& state, std::uint64_t new_at)
      : coder_(coder), state_(state), phase_(static_cast<std::uint32_t>(new_at)) {}

  void plain(std::uint8_t* bytes, std::uint32_t count, std::uint32_t phase) {
    phase_ = phase + count;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!has_run_) start_run({0, phase + i});
      if (zeros_ >= count - i) {
        zeros_ -= count - i;
        return;
      }
      i += static_cast<std::uint32_t>(zeros_);
      bytes[i] = static_cast<std::uint8_t>(bytes[i] + take({0, phase + i}));
    }
  }

  void field(std::uint8_t* bytes, std::uint64_t predicted, std::uint32_t count, unsigned first_class) {
    phase_ += count;
    if (zeros_ >= count) {
      zeros_ -= count;
      __builtin_memcpy(bytes, &predicted, count);
      return;
    }
    std::uint64_t difference = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const BytePlace place{first_class + (i < 3 ? i : 3), 0};
      if (!has_run_) start_run(place);
      if (zeros_ != 0) {
        --zeros_;
        continue;
      }
      difference |= static_cast<std::uint64_t>(take(place)) << (8U * i);
    }
    const std::uint64_t content = predicted + difference;
    __builtin_memcpy(bytes, &content, count);
  }

  // `before`: see bytes_before.
  void literals(boot::MutableBytes bytes, std::uint32_t before) {
    for (std::uint8_t& byte : bytes) {
      byte = code_literal(coder_, state_, phase_++, before, 0);
      before = before << 8U | byte;
    }
  }

 private:
  void start_run(const BytePlace& place) {
    zeros_ = code_zero_run(coder_, state_, place, 0);
    has_run_ = true;
  }
  std::uint8_t take(const BytePlace& place) {
    has_run_ = false;
    zeros_ = 0;
    return code_difference(coder_, state_, place, 0);
  }

  Coder& coder_;
  DeltaState<Profile>& state_;
  std::uint64_t zeros_ = 0;
  bool has_run_ = false;
  std::uint32_t phase_;  // of the next byte
};

}  // namespace aseptic::payload
