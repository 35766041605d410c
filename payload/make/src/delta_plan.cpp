// SPDX-License-Identifier: Apache-2.0
#include "delta_plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "aseptic/payload/decode/delta_chunk.h"

namespace aseptic::payload {
namespace {

// Calls each(first byte, size) for pieces of so much memory as a mapped image may take beside its form, and lets go of it behind
// each.
template <class Each>
void in_pieces(std::uint64_t size, const std::function<void()>& release, Each&& each) {
  constexpr std::uint64_t kPiece = 3U << 20U;  // whole entries of tables
  for (std::uint64_t at = 0; at < size; at += kPiece) {
    each(static_cast<std::size_t>(at), static_cast<std::size_t>(std::min(kPiece, size - at)));
    release();
  }
}

// A form of an image in which an address field holds its target, wherever the field lies. `target_for` gives the target to
// write, or leaves the field alone. A reference across two pieces stays as it is: some bytes, never correctness.
template <class TargetFor>
core::Bytes rewrite_references(core::ByteView image, const std::vector<FoundElement>& elements, const std::function<void()>& release,
                               TargetFor&& target_for) {
  core::Bytes form;
  form.reserve(image.size());
  in_pieces(image.size(), release, [&](std::size_t at, std::size_t size) {
    const core::ByteView piece = image.subspan(at, size);
    form.insert(form.end(), piece.begin(), piece.end());
  });
  for (std::size_t e = 0; e < elements.size(); ++e) {
    for (const ReferenceArea& area : elements[e].areas) {
      in_pieces(area.size, release, [&](std::size_t at, std::size_t size) {
        const auto original = image.subspan(static_cast<std::size_t>(area.at) + at, size);
        std::uint8_t* part = form.data() + area.at + at;
        scan_sites({area.kind, area.address + at, area.address}, original, elements[e].window, [&](const Site& site) {
          if (site.at + site.size() > original.size()) return;
          std::uint64_t target = 0;
          if (!target_for(e, area, site, target)) return;
          std::uint64_t content = 0;
          std::memcpy(&content, original.data() + site.at, site.size());
          content = field_for(site, content, 0, target, 0);
          std::memcpy(part + site.at, &content, site.size());
        });
      });
    }
  }
  return form;
}

bool is_code(AreaKind kind) {
  return kind == AreaKind::kX86Code || kind == AreaKind::kArm64Code || kind == AreaKind::kThumbCode;
}

// Which new program each old program became: where most of its bytes went.
std::vector<std::ptrdiff_t> pair_elements(const Segments& segments, const std::vector<FoundElement>& old_elements,
                                          const std::vector<FoundElement>& new_elements) {
  struct Piece {
    std::uint64_t at, size;
    std::size_t element;
  };
  const auto pieces_of = [](const std::vector<FoundElement>& elements) {
    std::vector<Piece> pieces;
    for (std::size_t e = 0; e < elements.size(); ++e)
      for (const AddressRange& range : elements[e].ranges)
        pieces.push_back({range.at, range.size, e});
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.at < b.at; });
    return pieces;
  };
  const auto old_pieces = pieces_of(old_elements);
  const auto new_pieces = pieces_of(new_elements);
  const auto first_behind = [](const std::vector<Piece>& pieces, std::uint64_t at) {
    // Ranges of one program may overlap in the file; a little search back finds them.
    auto it = std::upper_bound(pieces.begin(), pieces.end(), at,
                               [](std::uint64_t value, const Piece& piece) { return value < piece.at; });
    for (int back = 0; back < 4 && it != pieces.begin(); ++back)
      --it;
    return it;
  };
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> votes;
  for (const Segment& segment : segments) {
    for (auto n = first_behind(new_pieces, segment.new_at);
         n != new_pieces.end() && n->at < segment.new_at + segment.size; ++n) {
      const std::uint64_t from = std::max(n->at, segment.new_at);
      const std::uint64_t to = std::min(n->at + n->size, segment.new_at + segment.size);
      if (from >= to) continue;
      const std::uint64_t old_from = segment.old_at + (from - segment.new_at);
      const std::uint64_t old_to = old_from + (to - from);
      for (auto o = first_behind(old_pieces, old_from); o != old_pieces.end() && o->at < old_to; ++o) {
        const std::uint64_t a = std::max(o->at, old_from);
        const std::uint64_t b = std::min(o->at + o->size, old_to);
        if (a < b) votes[{o->element, n->element}] += b - a;
      }
    }
  }
  std::vector<std::ptrdiff_t> pairs(old_elements.size(), -1);
  std::vector<std::uint64_t> best(old_elements.size(), 0);
  for (const auto& [pair, count] : votes) {
    if (count <= best[pair.first]) continue;
    best[pair.first] = count;
    pairs[pair.first] = static_cast<std::ptrdiff_t>(pair.second);
  }
  return pairs;
}

class Planner {
 public:
  Planner(core::ByteView old_image, core::ByteView new_image, const TextFacts* facts)
      : old_(old_image),
        new_(new_image),
        old_elements_(facts != nullptr ? facts->old_elements : find_elements(old_image)),
        new_elements_(facts != nullptr ? facts->new_elements : find_elements(new_image)),
        equal_(facts != nullptr ? facts->equal : match_equal_blocks(old_image, new_image)) {}

  OwnedMap<LinuxProfile> plan(const DeltaPlanOptions& options) {
    release_ = options.release;
    text_max_ = options.text_max;
    match_masked();
    for (unsigned round = 1; round < options.rounds && !old_elements_.empty() && !new_elements_.empty(); ++round) {
      add_directory();
      match_projected();
    }
    add_directory();
    return std::move(map_);
  }

 private:
  void match_masked() {
    if (old_elements_.empty() || new_elements_.empty()) {
      release_();
      map_.segments = match_texts({old_, [&] { return new_; }, &equal_, text_max_});
      return;
    }
    const auto mask = [](std::size_t, const ReferenceArea& area, const Site&, std::uint64_t& target) {
      target = 0;
      return is_code(area.kind);
    };
    const core::Bytes old_form = rewrite_references(old_, old_elements_, release_, mask);
    map_.segments = match_forms(old_form, [&] { return rewrite_references(new_, new_elements_, release_, mask); });
  }

  template <class MakeNewForm>
  Segments match_forms(const core::Bytes& old_form, MakeNewForm&& make_new_form) {
    core::Bytes new_form;
    const auto new_text = [&] {
      new_form = make_new_form();
      release_();
      return core::ByteView(new_form);
    };
    release_();
    return match_texts({old_form, new_text, &equal_, text_max_});
  }

  void match_projected() {
    DeltaMap<LinuxProfile> map = map_.view(old_.size(), new_.size());
    index_map(map);
    auto learned = std::make_unique<LearnedTargets<LinuxProfile>>();
    const Projector<LinuxProfile> projector(map, *learned);
    const auto projected = [&](std::size_t e, const ReferenceArea&, const Site& site, std::uint64_t& target) {
      bool is_exact = false;
      target = site.target;
      if (used_[e] >= 0)
        static_cast<void>(projector.by_map(map.elements[static_cast<std::size_t>(used_[e])], site.target, target, is_exact));
      return true;
    };
    const auto as_is = [](std::size_t, const ReferenceArea&, const Site& site, std::uint64_t& target) {
      target = site.target;
      return true;
    };
    const core::Bytes old_form = rewrite_references(old_, old_elements_, release_, projected);
    map_.segments = match_forms(old_form, [&] { return rewrite_references(new_, new_elements_, release_, as_is); });
  }

  // Elements whose bytes were copied unchanged need no projection.
  [[nodiscard]] std::vector<bool> changed_elements(const std::vector<std::ptrdiff_t>& pairs) const {
    std::vector<bool> changed(old_elements_.size(), false);
    struct Piece {
      std::uint64_t at, size;
      std::size_t element;
    };
    std::vector<Piece> pieces;
    for (std::size_t e = 0; e < old_elements_.size(); ++e)
      if (pairs[e] >= 0)
        for (const ReferenceArea& area : old_elements_[e].areas)
          pieces.push_back({area.at, area.size, e});
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.at < b.at; });
    for (const Segment& segment : map_.segments) {
      auto it = std::upper_bound(pieces.begin(), pieces.end(), segment.old_at,
                                 [](std::uint64_t value, const Piece& piece) { return value < piece.at; });
      if (it != pieces.begin()) --it;
      for (; it != pieces.end() && it->at < segment.old_at + segment.size; ++it) {
        const std::uint64_t from = std::max<std::uint64_t>(it->at, segment.old_at);
        const std::uint64_t to = std::min<std::uint64_t>(it->at + it->size, segment.old_at + segment.size);
        if (from >= to || changed[it->element]) continue;
        changed[it->element] = std::memcmp(old_.data() + from, new_.data() + segment.new_at + (from - segment.old_at),
                                           static_cast<std::size_t>(to - from)) != 0;
      }
    }
    return changed;
  }

  void add_directory() {
    map_.elements.clear();
    map_.ranges.clear();
    map_.areas.clear();
    const auto pairs = pair_elements(map_.segments, old_elements_, new_elements_);
    const auto changed = changed_elements(pairs);
    used_.assign(old_elements_.size(), -1);
    std::vector<ReferenceArea> areas;
    for (std::size_t e = 0; e < old_elements_.size(); ++e) {
      if (pairs[e] < 0 || !changed[e]) continue;
      const FoundElement& old_element = old_elements_[e];
      const FoundElement& new_element = new_elements_[static_cast<std::size_t>(pairs[e])];
      if (old_element.ranges.empty() || new_element.ranges.empty()) continue;
      const auto loaded = [](const FoundElement& element) { return element.ranges; };
      const auto old_ranges = loaded(old_element);
      const auto new_ranges = loaded(new_element);
      if (map_.elements.size() + 1 > LinuxProfile::kElementsMax ||
          map_.ranges.size() + old_ranges.size() + new_ranges.size() > LinuxProfile::kRangesMax ||
          areas.size() + old_element.areas.size() > LinuxProfile::kAreasMax)
        break;
      used_[e] = static_cast<std::ptrdiff_t>(map_.elements.size());
      Element element;
      element.window = old_element.window;
      element.ranges_at = static_cast<std::uint32_t>(map_.ranges.size());
      element.old_ranges = static_cast<std::uint32_t>(old_ranges.size());
      element.new_ranges = static_cast<std::uint32_t>(new_ranges.size());
      map_.ranges.insert(map_.ranges.end(), old_ranges.begin(), old_ranges.end());
      map_.ranges.insert(map_.ranges.end(), new_ranges.begin(), new_ranges.end());
      for (ReferenceArea area : old_element.areas) {
        area.element = static_cast<std::uint32_t>(map_.elements.size());
        areas.push_back(area);
      }
      map_.elements.push_back(element);
    }
    std::sort(areas.begin(), areas.end(), [](const ReferenceArea& a, const ReferenceArea& b) { return a.at < b.at; });
    std::uint64_t end = 0;
    for (const ReferenceArea& area : areas) {
      if (area.size == 0 || area.at < end) continue;
      map_.areas.push_back(area);
      end = area.at + area.size;
    }
  }

  core::ByteView old_;
  core::ByteView new_;
  std::function<void()> release_;
  std::uint64_t text_max_ = kMatchTextMax;
  std::vector<FoundElement> old_elements_;
  std::vector<FoundElement> new_elements_;
  Segments equal_;
  std::vector<std::ptrdiff_t> used_;  // index in the map of each old element, or -1
  OwnedMap<LinuxProfile> map_;
};

}  // namespace

OwnedMap<LinuxProfile> plan_delta(core::ByteView old_image, core::ByteView new_image, const DeltaPlanOptions& options) {
  return Planner(old_image, new_image, options.facts).plan(options);
}

}  // namespace aseptic::payload
