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
  using Offset = typename Profile::Offset;

  [[nodiscard]] bool exact(std::uint64_t old_target, std::uint64_t& new_target) const {
    const Entry& entry = exact_[slot(old_target)];
    if (!entry.is_set || entry.key != static_cast<Offset>(old_target)) return false;
    new_target = old_target + static_cast<std::uint64_t>(entry.shift);
    return true;
  }
  [[nodiscard]] bool nearby(std::uint64_t old_target, std::int64_t& shift) const {
    for (unsigned grain = 0; grain < 2; ++grain) {
      const std::uint64_t key = old_target >> kGrain[grain];
      const Entry& entry = near_[grain][slot(key)];
      if (!entry.is_set || entry.key != static_cast<Offset>(key)) continue;
      shift = entry.shift;
      return true;
    }
    return false;
  }
  void learn(std::uint64_t old_target, std::uint64_t new_target) {
    const auto shift = static_cast<std::int64_t>(new_target - old_target);
    set(exact_[slot(old_target)], old_target, shift);
    for (unsigned grain = 0; grain < 2; ++grain) {
      const std::uint64_t key = old_target >> kGrain[grain];
      set(near_[grain][slot(key)], key, shift);
    }
  }

 private:
  static constexpr unsigned kGrain[2] = {6, 12};
  using Shift = std::conditional_t<sizeof(Offset) == 8, std::int64_t, std::int32_t>;
  struct Entry {
    Offset key = 0;
    Shift shift = 0;
    bool is_set = false;
  };
  static std::size_t slot(std::uint64_t key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> (64U - Profile::kLearnedBits));
  }
  static void set(Entry& entry, std::uint64_t key, std::int64_t shift) {
    entry = {static_cast<Offset>(key), static_cast<Shift>(shift), true};
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
//   Sink::plain(bytes, count)                    adds differences to `count` bytes in place
//   Sink::field(bytes, predicted, count, class)  the same for a field; returns nothing, writes `count` new bytes
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
        sink_.plain(bytes.data(), static_cast<std::uint32_t>(plain));
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
      sink_.plain(bytes.data(), static_cast<std::uint32_t>(size));
      return size;
    }
    const std::uint64_t in_range = range->size - (new_at - range->at);
    if (size > in_range) size = in_range;
    const boot::MutableBytes part = bytes.first(static_cast<std::size_t>(size));
    const ScanPlace place{area.kind, area.address + (old_at - area.at), area.address};
    const std::uint64_t new_address = range->address + (new_at - range->at);
    const auto fallback = static_cast<std::int64_t>(new_address - place.address);
    bool is_exact = false;
    std::uint64_t base = area.address + static_cast<std::uint64_t>(fallback);
    if (area.kind == AreaKind::kFrameTable) static_cast<void>(projector_.by_map(element, area.address, base, is_exact));
    std::uint32_t done = 0;
    PageState pages;
    scan_sites<Profile::kIsThumbOnly>(place, part, element.window, [&](const Site& site) {
      if (site.at < done || site.at + site.size() > part.size()) return;
      sink_.plain(part.data() + done, site.at - done);
      take_site(site, part.data() + site.at, element, new_address + site.at, fallback, base, pages);
      done = site.at + site.size();
    });
    sink_.plain(part.data() + done, static_cast<std::uint32_t>(part.size()) - done);
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

// Models found by hashed contexts.
template <class Profile>
using ContextTable = BitModel[1U << Profile::kContextBits];

inline std::uint32_t context_hash(std::uint32_t a, std::uint32_t b) {
  std::uint32_t h = a * 0x9E3779B1U + b * 0x85EBCA6BU + 0x27D4EB2FU;
  h ^= h >> 15U;
  return h * 0x2C1B3C6DU;
}

template <class Profile, class Coder, std::size_t N>
std::uint8_t code_byte(Coder& coder, ContextTable<Profile>* tables, Mixer<N + 1>* mixers,
                       const std::uint32_t (&contexts)[N], std::uint32_t expected, std::uint32_t expectation,
                       BitModel* direct, std::uint32_t value) {
  // A byte under several opinions at once: one model chosen directly, the others by their contexts.
  // `expected`: a byte (with bit 8 set) that is thought likely, `expectation`: how much; steers the choice of weights.
  std::uint32_t node = 1;
  for (unsigned i = 8; i-- > 0;) {
    std::array<std::int32_t, N + 1> inputs;
    BitModel* chosen[N];
    for (std::size_t k = 0; k < N; ++k) {
      const std::uint32_t index = (contexts[k] + node * 0x3D4D51CBU) >> (32U - Profile::kContextBits);
      chosen[k] = &tables[k][index];
      inputs[k] = mixing::kStretch.value[chosen[k]->p12()];
    }
    const bool agrees = expected != 0 && ((expected | 256U) >> (i + 1)) == node;
    const bool likely = agrees && ((expected >> i) & 1U) != 0;
    BitModel& last = agrees ? direct[256 + (expectation < 15 ? expectation : 15) * 2 + (likely ? 1 : 0)] : direct[node];
    inputs[N] = mixing::kStretch.value[last.p12()];
    Mixer<N + 1>& mixer = mixers[agrees ? 1 : 0];
    const std::uint32_t p16 = mixer.mix(inputs);
    const bool bit = coder.bit_with(p16 < 64U ? 64U : p16 > 65472U ? 65472U : p16, ((value >> i) & 1U) != 0);
    mixer.learn(inputs, bit);
    for (std::size_t k = 0; k < N; ++k)
      chosen[k]->learn(bit);
    last.learn(bit);
    node = (node << 1U) | (bit ? 1U : 0U);
  }
  return static_cast<std::uint8_t>(node);
}

// Everything that is learned while decoding. Reset where a group starts.
template <class Profile>
struct DeltaState {
  static constexpr std::size_t kDifferenceContexts = 3;
  static constexpr std::size_t kLiteralContexts = 4;

  static constexpr std::size_t kTables = kLiteralContexts + (Profile::kSharesContexts ? 0 : kDifferenceContexts);

  NumberModel<Profile::kNumberBits> run[Profile::kRunContexts];
  ContextTable<Profile> tables[kTables];
  BitModel difference_direct[Profile::kByteClasses][256];
  Mixer<kDifferenceContexts + 1> difference_mixers[Profile::kByteClasses];

  BitModel literal_direct[256 + 32];
  Mixer<kLiteralContexts + 1> literal_mixers[2];

  std::uint8_t history[1U << Profile::kHistoryBits] = {};  // literal bytes, a ring
  std::uint32_t last_seen[1U << Profile::kSeenBits] = {};
  std::uint32_t history_at = 0;
  std::uint32_t match_at = 0;
  std::uint32_t match_length = 0;

  std::uint32_t last_differences = 0;
  std::uint32_t last_run = 0;
  LearnedTargets<Profile> learned;
};

// The differences of copied bytes: how many are zero, then one that is not, and so on.
template <class Profile>
struct DifferenceContext {
  unsigned byte_class = 0;
  std::uint8_t predicted = 0;
  std::uint8_t before = 0;  // the new byte in front
};

template <class Profile, class Coder>
std::uint64_t code_zero_run(Coder& coder, DeltaState<Profile>& state, unsigned byte_class, std::uint64_t value) {
  const std::uint32_t bucket = state.last_run == 0 ? 0U : state.last_run < 4 ? 1U : state.last_run < 32 ? 2U : 3U;
  const std::uint32_t context = Profile::kRunContexts == 8 ? bucket + (byte_class != 0 ? 4U : 0U) : bucket == 3 ? 2U : bucket;
  const std::uint64_t run = code_number(coder, state.run[context], value);
  state.last_run = run > 0xFFFFU ? 0xFFFFU : static_cast<std::uint32_t>(run);
  return run;
}

template <class Profile, class Coder>
std::uint8_t code_difference(Coder& coder, DeltaState<Profile>& state, const DifferenceContext<Profile>& context,
                             std::uint8_t value) {
  const std::uint32_t recent = state.last_differences;
  const std::uint32_t contexts[3] = {
      context_hash(context.byte_class, context.predicted),
      context_hash(context.byte_class + 32U, (recent & 0xFFU) | (state.last_run == 0 ? 256U : 0U)),
      context_hash(context.byte_class + 64U, context.predicted | (static_cast<std::uint32_t>(context.before) << 8U)),
  };
  const unsigned models = context.byte_class == 0 ? 0 : 1 + (context.byte_class - 1) % (Profile::kByteClasses - 1);
  const std::uint8_t difference = code_byte<Profile, Coder, 3>(
      coder, state.tables + (DeltaState<Profile>::kTables - DeltaState<Profile>::kDifferenceContexts),
      &state.difference_mixers[models], contexts, 0, 0, state.difference_direct[models], value);
  state.last_differences = (recent << 8U) | difference;
  return difference;
}

template <class Profile, class Coder>
std::uint8_t code_literal(Coder& coder, DeltaState<Profile>& state, std::uint8_t value) {
  constexpr std::uint32_t kMask = (1U << Profile::kHistoryBits) - 1U;
  constexpr std::uint32_t kMatchMin = 4;
  const std::uint32_t at = state.history_at;
  const auto byte = [&](std::uint32_t back) -> std::uint32_t { return state.history[(at - back) & kMask]; };
  const std::uint32_t recent = byte(1) | byte(2) << 8U | byte(3) << 16U | byte(4) << 24U;
  const std::uint32_t contexts[4] = {
      context_hash(1, recent & 0xFFU),
      context_hash(2, recent & 0xFFFFU),
      context_hash(3, recent & 0xFFFFFFU),
      context_hash(4, recent & 0xFFFF00U),
  };
  std::uint32_t expected = 0;
  std::uint32_t expectation = 0;
  if (state.match_length != 0) {
    expected = 256U | state.history[state.match_at & kMask];
    expectation = state.match_length < 8 ? state.match_length : 8 + (state.match_length - 8) / 4;
  }
  const std::uint8_t literal = code_byte<Profile, Coder, 4>(coder, state.tables, state.literal_mixers, contexts, expected,
                                                            expectation, state.literal_direct, value);
  if (state.match_length != 0 && (expected & 0xFFU) == literal) {
    if (state.match_length < 64) ++state.match_length;
    ++state.match_at;
  } else {
    state.match_length = 0;
  }
  state.history[at & kMask] = literal;
  state.history_at = at + 1;
  const std::uint32_t tail = (recent << 8U) | literal;
  std::uint32_t& seen = state.last_seen[(tail * 0x9E3779B1U) >> (32U - Profile::kSeenBits)];
  if (state.match_length == 0 && seen != 0) {
    // Verified backwards: a hash alone would promise what is not there.
    std::uint32_t length = 0;
    while (length < 32 && length < state.history_at && state.history_at - seen + length < kMask &&
           state.history[(seen - 1U - length) & kMask] == state.history[(state.history_at - 1U - length) & kMask])
      ++length;
    if (length >= kMatchMin) {
      state.match_length = length;
      state.match_at = seen;
    }
  }
  seen = state.history_at;
  return literal;
}

// The device's sink: differences come out of the coder.
template <class Profile, class Coder>
class DecodingSink {
 public:
  DecodingSink(Coder& coder, DeltaState<Profile>& state) : coder_(coder), state_(state) {}

  void plain(std::uint8_t* bytes, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count;) {
      if (!has_run_) start_run(0);
      if (zeros_ >= count - i) {
        zeros_ -= count - i;
        note(bytes[count - 1]);
        return;
      }
      i += static_cast<std::uint32_t>(zeros_);
      if (i != 0) note(bytes[i - 1]);
      bytes[i] = static_cast<std::uint8_t>(bytes[i] + take(0, bytes[i]));
      note(bytes[i]);
      ++i;
    }
  }

  void field(std::uint8_t* bytes, std::uint64_t predicted, std::uint32_t count, unsigned first_class) {
    std::uint64_t difference = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const unsigned byte_class = first_class + (i < 3 ? i : 3);
      if (!has_run_) start_run(byte_class);
      const auto guess = static_cast<std::uint8_t>(predicted >> (8U * i));
      if (zeros_ != 0) {
        --zeros_;
        note(guess);
        continue;
      }
      difference |= static_cast<std::uint64_t>(take(byte_class, guess)) << (8U * i);
      note(guess);
    }
    const std::uint64_t content = predicted + difference;
    __builtin_memcpy(bytes, &content, count);
    note(bytes[count - 1]);
  }

  // At a literal: the byte in front of the next run.
  void note(std::uint8_t byte) { before_ = byte; }

 private:
  void start_run(unsigned byte_class) {
    zeros_ = code_zero_run(coder_, state_, byte_class, 0);
    has_run_ = true;
  }
  std::uint8_t take(unsigned byte_class, std::uint8_t predicted) {
    has_run_ = false;
    return code_difference<Profile>(coder_, state_, {byte_class, predicted, before_}, 0);
  }

  Coder& coder_;
  DeltaState<Profile>& state_;
  std::uint64_t zeros_ = 0;
  bool has_run_ = false;
  std::uint8_t before_ = 0;
};

}  // namespace aseptic::payload
