// SPDX-License-Identifier: Apache-2.0
// The components beside the main one, as the transaction sees them (protocol section 5, "Several components in one release").
//
// Who: the engine looks, asks facts() for the state machine, and calls one of the acting functions when a row says so.
// INVARIANT: a component is asked to confirm only after main's boot has recorded CONFIRMED; its old slot is overwritten only
// after it has confirmed; main's floor can rise only after that (the table syncs main last). Nothing here is kept over a
// start: the targets come from the transaction's record, everything else from boot's reports.
// Without components every fact is the one that holds nothing up.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "component/component.h"
#include "state/state_store.h"

namespace aseptic::agent {

// A component that is silent for so long after the commit point has failed for good: ten minutes, counted anew after each answer and
// at each start of the agent. Longer than any reset, self-test or change of battery; shorter than a person waits.
inline constexpr std::uint32_t kSilentTriesMax = 60;
inline constexpr std::chrono::milliseconds kSilentTryPause{10'000};

struct SetFacts {
  Verdict prepared = Verdict::kPassed;   // kPassed: each runs its trial and passed its test, or needs none
  // kPassed: each component's boot has recorded its image. kFailed: one has failed for good (its boot quarantined the image, its
  // own test failed, its boot does not start what it holds, or it does not answer any more).
  Verdict confirmed = Verdict::kPassed;
  bool synced = true;                    // each holds it in both slots
  bool settled = true;                   // no component that answers runs a trial
  bool one_is_through = false;           // a component that answers has confirmed its image of this release
};

class ComponentSet {
 public:
  void add(std::unique_ptr<Component> component);
  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] bool is_active() const;
  void poll();
  void set_peer(const core::Digest& set);
  // Each now, or an error: no component starts therapy until it is told another set.
  core::Result<void> tell_peer(const core::Digest& set);

  // Asks each; the first error is returned, after all were asked. An absent view is "unknown".
  core::Result<void> look();
  struct Member {
    std::unique_ptr<Component> component;
    std::optional<ComponentView> view;
    std::optional<std::uint32_t> prepared_in;  // boot_count of the component's start in which it passed
    bool has_failed = false;                   // in this transaction
    std::uint32_t silent_tries = 0;            // in a row, kSilentTryPause apart, without a word that is believed
    std::chrono::milliseconds next_try{0};
  };
  [[nodiscard]] std::span<Member> members() { return members_; }
  [[nodiscard]] std::span<const Member> members() const { return members_; }

  // Called after look(): counts who did not answer.
  void note_silence(std::chrono::milliseconds now);
  // A set that a component runs confirmed, besides the one given; zero: none.
  [[nodiscard]] core::Digest confirmed_elsewhere(const core::Digest& main_confirmed_set) const;

  void forget_verdicts();  // another transaction begins
  [[nodiscard]] SetFacts facts(const TransactionRecord& record) const;

  // One step of each component that is not there yet.
  core::Result<void> pursue(Goal goal, const TransactionRecord& record);
  // Open trials: confirmed where they belong to the set that main has confirmed, else reverted (a zero set: all are).
  core::Result<void> settle(const core::Digest& main_confirmed_set);

 private:
  static std::optional<ComponentTarget> target_of(const Member& member, const TransactionRecord& record);
  static Verdict prepared(const Member& member, const TransactionRecord& record);
  static Verdict confirmed(const Member& member, const TransactionRecord& record);

  std::vector<Member> members_;
};

}  // namespace aseptic::agent
