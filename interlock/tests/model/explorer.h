// SPDX-License-Identifier: Apache-2.0
// Explicit-state explorer for small models: visits every reachable state breadth first, so that the first
// violation found has a shortest history, and judges progress on honest steps alone.
//
// A model is a type with
//   struct State;                                            trivially copyable, no padding (compared as
//   bytes) State initial() const; template <class Visit> void successors(const State&, Visit&& visit) const;
//   visit(const State&, Actor, const char* label) unsigned violations(const State&) const; bit mask; a
//   violating state is not expanded bool is_good_end(const State&) const;                    may a state
//   without honest successors be the end?
// Progress: from every reachable state, honest steps alone must end (no cycle), and must end well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace aseptic::interlock::model {

enum class Actor : std::uint8_t { kHonest, kAdversary };

struct Findings {
  std::size_t states = 0;
  std::size_t steps = 0;
  unsigned violated = 0;
  bool is_complete = false;
  bool has_honest_cycle = false;
  bool has_bad_end = false;
  std::string history;  // of the first violation or bad end, one step a line; '!' marks the adversary
};

template <class Model>
class Explorer {
 public:
  using State = typename Model::State;
  static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");

  Explorer(const Model& model, std::size_t states_max) : model_(model), states_max_(states_max) {}

  Findings run() {
    Findings findings;
    intern(model_.initial(), kNoState);
    for (std::uint32_t at = 0; at < states_.size(); ++at) {
      if (states_.size() > states_max_) return sized(findings);
      const State state = states_[at];
      const unsigned broken = model_.violations(state);
      if (broken != 0) {
        if ((broken & ~findings.violated) != 0 && findings.history.empty()) findings.history = history_of(at);
        findings.violated |= broken;
        continue;
      }
      model_.successors(state, [&](const State& next, Actor, const char*) {
        ++findings.steps;
        intern(next, at);
      });
    }
    findings.is_complete = true;
    if (findings.violated == 0) judge_progress(findings);
    return sized(findings);
  }

 private:
  static constexpr std::uint32_t kNoState = 0xffffffff;

  struct BytesHash {
    std::size_t operator()(const State& state) const {
      std::array<unsigned char, sizeof(State)> bytes;
      std::memcpy(bytes.data(), &state, sizeof state);
      std::uint64_t hash = 1469598103934665603ULL;
      for (const unsigned char byte : bytes)
        hash = (hash ^ byte) * 1099511628211ULL;
      return static_cast<std::size_t>(hash ^ (hash >> 31));
    }
  };
  struct BytesEqual {
    bool operator()(const State& a, const State& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
  };

  Findings& sized(Findings& findings) const {
    findings.states = states_.size();
    return findings;
  }

  std::uint32_t intern(const State& state, std::uint32_t parent) {
    const auto [place, is_new] = index_.try_emplace(state, static_cast<std::uint32_t>(states_.size()));
    if (is_new) {
      states_.push_back(state);
      parents_.push_back(parent);
    }
    return place->second;
  }

  std::vector<std::uint32_t> honest_successors(std::uint32_t at) {
    std::vector<std::uint32_t> out;
    const State state = states_[at];
    model_.successors(state, [&](const State& next, Actor actor, const char*) {
      if (actor == Actor::kHonest) out.push_back(intern(next, at));
    });
    return out;
  }

  // Depth first over honest steps: a step back to a state that is still open closes a cycle.
  void judge_progress(Findings& findings) {
    enum class Colour : std::uint8_t { kNew, kOpen, kDone };
    struct Visit {
      std::uint32_t at;
      std::vector<std::uint32_t> todo;
    };
    std::vector<Colour> colour(states_.size(), Colour::kNew);
    std::vector<Visit> stack;
    const auto open = [&](std::uint32_t at) {
      colour[at] = Colour::kOpen;
      stack.push_back({at, honest_successors(at)});
      if (stack.back().todo.empty() && !model_.is_good_end(states_[at])) {
        if (!findings.has_bad_end) findings.history = history_of(at);
        findings.has_bad_end = true;
      }
    };
    for (std::uint32_t root = 0; root < states_.size(); ++root) {
      if (colour[root] != Colour::kNew) continue;
      open(root);
      while (!stack.empty()) {
        Visit& visit = stack.back();
        if (visit.todo.empty()) {
          colour[visit.at] = Colour::kDone;
          stack.pop_back();
          continue;
        }
        const std::uint32_t next = visit.todo.back();
        visit.todo.pop_back();
        if (colour[next] == Colour::kNew) {
          open(next);
        } else if (colour[next] == Colour::kOpen) {
          if (!findings.has_honest_cycle) findings.history = history_of(next);
          findings.has_honest_cycle = true;
        }
      }
    }
  }

  std::string history_of(std::uint32_t to) const {
    std::vector<std::uint32_t> path;
    for (std::uint32_t at = to; at != kNoState; at = parents_[at])
      path.push_back(at);
    std::string text;
    for (std::size_t i = path.size(); i-- > 1;)
      text += label_between(path[i], path[i - 1]);
    return text;
  }

  std::string label_between(std::uint32_t from, std::uint32_t to) const {
    std::string label;
    model_.successors(states_[from], [&](const State& next, Actor actor, const char* name) {
      if (!label.empty() || !BytesEqual{}(next, states_[to])) return;
      label = std::string(actor == Actor::kAdversary ? "  ! " : "    ") + name + "\n";
    });
    return label;
  }

  const Model& model_;
  const std::size_t states_max_;
  std::vector<State> states_;
  std::vector<std::uint32_t> parents_;
  std::unordered_map<State, std::uint32_t, BytesHash, BytesEqual> index_;
};

}  // namespace aseptic::interlock::model
