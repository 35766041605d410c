// SPDX-License-Identifier: Apache-2.0
// Explicit-state explorer: breadth first, so that every counterexample is a shortest one.
// A model gives `State` (bytes only, no padding), `initial()`, `next(state, emit)` with emit(successor,
// label), and `violated(state)`, a bit mask of broken properties; a violating state is not expanded.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace aseptic::boot::testing {

template <class Model>
class Explorer {
 public:
  using State = typename Model::State;
  static_assert(std::is_trivially_copyable_v<State> && alignof(State) == 1, "states are compared as bytes");
  static constexpr std::uint32_t kNone = 0xFFFFFFFFU;

  explicit Explorer(const Model& model, std::size_t states_max) : model_(model), states_max_(states_max) {}

  // Visits every reachable state once; `visit(state)`. False when there are more than `states_max`. Stops
  // early at a violation in `stop_at`.
  template <class Visit>
  bool run(Visit&& visit, unsigned stop_at = 0) {
    add(model_.initial(), kNone);
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      if (states_.size() > states_max_) return false;
      const State state = states_[i];
      const unsigned broken = model_.violated(state);
      if (broken != 0 && first_violation_ == kNone) first_violation_ = i;
      violations_ |= broken;
      if ((broken & stop_at) != 0) return true;
      if (broken != 0) continue;
      visit(state);
      model_.next(state, [&](const State& successor, const char*) { add(successor, i); });
    }
    return true;
  }

  std::size_t state_count() const { return states_.size(); }
  unsigned violations() const { return violations_; }

  // The shortest way to the first violation, one step a line.
  std::string trace() const { return first_violation_ == kNone ? std::string() : trace_to(first_violation_); }

 private:
  std::string trace_to(std::uint32_t to) const {
    std::vector<std::uint32_t> path;
    for (std::uint32_t i = to; i != kNone; i = parents_[i])
      path.push_back(i);
    std::string out;
    for (std::size_t k = path.size(); k-- > 1;) {
      const State& want = states_[path[k - 1]];
      bool told = false;
      model_.next(states_[path[k]], [&](const State& successor, const char* label) {
        if (told || std::memcmp(&successor, &want, sizeof(State)) != 0) return;
        told = true;
        out += std::string("  ") + label + "\n";
      });
    }
    return out;
  }
  static std::uint64_t hash(const State& state) {
    std::uint64_t h = 0x9E3779B97F4A7C15ULL;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&state);
    for (std::size_t i = 0; i < sizeof(State); ++i) {
      h = (h ^ bytes[i]) * 0xff51afd7ed558ccdULL;
      h ^= h >> 32U;
    }
    return h;
  }
  void add(const State& state, std::uint32_t from) {
    if (states_.size() * 2 >= table_.size()) grow();
    std::size_t slot = hash(state) & (table_.size() - 1);
    while (table_[slot] != kNone) {
      if (std::memcmp(&states_[table_[slot]], &state, sizeof(State)) == 0) return;
      slot = (slot + 1) & (table_.size() - 1);
    }
    table_[slot] = static_cast<std::uint32_t>(states_.size());
    states_.push_back(state);
    parents_.push_back(from);
  }
  void grow() {
    table_.assign(table_.empty() ? 1U << 16U : table_.size() * 2, kNone);
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      std::size_t slot = hash(states_[i]) & (table_.size() - 1);
      while (table_[slot] != kNone)
        slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = i;
    }
  }

  const Model& model_;
  std::size_t states_max_;
  unsigned violations_ = 0;
  std::uint32_t first_violation_ = kNone;
  std::vector<State> states_;
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint32_t> table_;
};

}  // namespace aseptic::boot::testing
