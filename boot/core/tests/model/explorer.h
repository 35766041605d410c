// SPDX-License-Identifier: Apache-2.0
// Explicit-state explorer: breadth first, so that every counterexample is a shortest one.
// A model gives `State` (bytes only, no padding), `initial()`, `next(state, emit)` with emit(successor,
// label), and `violated(state)`, a bit mask of broken properties; a violating state is not expanded.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
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

  // Honest steps alone, from any reachable state on: every run must end, and end where the model rests well.
  // Labels of the adversary's steps are in capitals. Returns the way to a bad end or into a cycle; empty when
  // there is none.
  std::string unfinished() const {
    enum : std::uint8_t { kNew, kOpen, kDone };
    std::vector<std::uint8_t> colours(states_.size(), kNew);
    std::vector<std::pair<std::uint32_t, std::vector<std::uint32_t>>> stack;
    for (std::uint32_t root = 0; root < states_.size(); ++root) {
      if (colours[root] != kNew) continue;
      for (std::uint32_t at = root; at != kNone || !stack.empty();) {
        if (at != kNone) {
          colours[at] = kOpen;
          stack.emplace_back(at, honest_successors(at));
          const bool ended = stack.back().second.empty();
          if (ended && model_.violated(states_[at]) == 0 && !model_.rests_well(states_[at]))
            return "a bad end:\n" + trace_to(at);
        }
        at = kNone;
        auto& [open, todo] = stack.back();
        if (todo.empty()) {
          colours[open] = kDone;
          stack.pop_back();
          continue;
        }
        const std::uint32_t next = todo.back();
        todo.pop_back();
        if (colours[next] == kOpen) return "a cycle:\n" + trace_to(next);
        if (colours[next] == kNew) at = next;
      }
    }
    return {};
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
  std::vector<std::uint32_t> honest_successors(std::uint32_t at) const {
    std::vector<std::uint32_t> out;
    if (model_.violated(states_[at]) != 0) return out;
    model_.next(states_[at], [&](const State& successor, const char* label) {
      if (label[0] >= 'A' && label[0] <= 'Z') return;
      std::size_t slot = hash(successor) & (table_.size() - 1);
      while (std::memcmp(&states_[table_[slot]], &successor, sizeof(State)) != 0)
        slot = (slot + 1) & (table_.size() - 1);
      out.push_back(table_[slot]);
    });
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
