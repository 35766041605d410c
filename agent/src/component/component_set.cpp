// SPDX-License-Identifier: Apache-2.0
#include "component/component_set.h"

#include <algorithm>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {
namespace {

using core::Result;

interlock::TransactionId id_of(const std::string& hex) {
  interlock::TransactionId id;
  if (const auto bytes = core::from_hex(hex); bytes && bytes->size() == id.bytes.size()) std::ranges::copy(*bytes, id.bytes.begin());
  return id;
}

// A trial that no transaction of this agent knows is settled under a name of its own.
interlock::TransactionId settling_id() {
  interlock::TransactionId id;
  id.bytes.fill(0x5E);
  return id;
}

bool is_confirmed(const ComponentView& view, const core::Digest& manifest) {
  return view.report.run_kind == boot::RunKind::kConfirmed && view.confirmed() == manifest;
}

// The worst of both: a failure counts at once, a pass only when all passed.
Verdict both(Verdict a, Verdict b) {
  if (a == Verdict::kFailed || b == Verdict::kFailed) return Verdict::kFailed;
  return a == Verdict::kPassed ? b : a;
}

}  // namespace

void ComponentSet::add(std::unique_ptr<Component> component) { members_.push_back({.component = std::move(component), .view = {}, .prepared_in = {}}); }

bool ComponentSet::is_active() const {
  return std::ranges::any_of(members_, [](const Member& member) { return member.component->is_active(); });
}

void ComponentSet::poll() {
  for (const Member& member : members_) member.component->poll();
}

void ComponentSet::set_peer(const core::Digest& set) {
  for (const Member& member : members_) member.component->set_peer(set);
}

Result<void> ComponentSet::tell_peer(const core::Digest& set) {
  for (const Member& member : members_) ASEPTIC_TRY_VOID(member.component->tell_peer(set));
  return {};
}

Result<void> ComponentSet::look() {
  Result<void> all;
  for (Member& member : members_) {
    auto view = member.component->look();
    member.view.reset();
    if (view) {
      member.view = *std::move(view);
    } else if (all) {
      all = view.error();
    }
  }
  return all;
}

void ComponentSet::note_silence(std::chrono::milliseconds now) {
  for (Member& member : members_) {
    if (member.view) {
      member.silent_tries = 0;
    } else if (now >= member.next_try) {
      ++member.silent_tries;
      member.next_try = now + kSilentTryPause;
    }
  }
}

core::Digest ComponentSet::confirmed_elsewhere(const core::Digest& main_confirmed_set) const {
  for (const Member& member : members_) {
    if (!member.view || member.view->report.run_kind != boot::RunKind::kConfirmed) continue;
    const core::Digest set{member.view->report.confirmed_set};
    if (set != main_confirmed_set) return set;
  }
  return {};
}

void ComponentSet::forget_verdicts() {
  for (Member& member : members_) {
    member.prepared_in.reset();
    member.has_failed = false;
  }
}

// From the record; for a trial that an agent without memory found, from boot's word: the set digest names the release.
std::optional<ComponentTarget> ComponentSet::target_of(const Member& member, const TransactionRecord& record) {
  const auto found = std::ranges::find(record.others, member.component->id(), &RecordedComponent::component);
  if (found != record.others.end())
    return ComponentTarget{found->component, found->manifest, record.set, found->image_size, record.attempt};
  if (!member.view || core::Digest{member.view->report.running_set} != record.set) return std::nullopt;
  return ComponentTarget{member.component->id(), member.view->running(), record.set, 0, record.attempt};
}

Verdict ComponentSet::prepared(const Member& member, const TransactionRecord& record) {
  if (!member.view) return Verdict::kNone;
  const auto target = target_of(member, record);
  if (!target || member.has_failed || member.view->quarantines(target->manifest, target->attempt)) return Verdict::kFailed;
  if (is_confirmed(*member.view, target->manifest)) return Verdict::kPassed;
  const bool in_its_trial = member.view->runs_trial() && member.view->running() == target->manifest;
  return in_its_trial && member.prepared_in == member.view->report.boot_count ? Verdict::kPassed : Verdict::kNone;
}

Verdict ComponentSet::confirmed(const Member& member, const TransactionRecord& record) {
  if (!member.view) return member.silent_tries >= kSilentTriesMax ? Verdict::kFailed : Verdict::kNone;
  const auto target = target_of(member, record);
  if (!target || member.view->quarantines(target->manifest, target->attempt)) return Verdict::kFailed;
  if (is_confirmed(*member.view, target->manifest)) return Verdict::kPassed;
  return member.has_failed ? Verdict::kFailed : Verdict::kNone;
}

SetFacts ComponentSet::facts(const TransactionRecord& record) const {
  SetFacts all;
  for (const Member& member : members_) {
    all.prepared = both(all.prepared, prepared(member, record));
    all.confirmed = both(all.confirmed, confirmed(member, record));
    const bool holds_it_twice = member.view && (member.view->report.synced || member.view->held == member.view->confirmed());
    all.synced = all.synced && holds_it_twice;
    all.settled = all.settled && !(member.view && member.view->runs_trial());
    const auto target = target_of(member, record);
    all.one_is_through = all.one_is_through || (member.view && target && is_confirmed(*member.view, target->manifest));
  }
  return all;
}

Result<void> ComponentSet::pursue(Goal goal, const TransactionRecord& record) {
  for (Member& member : members_) {
    const auto target = target_of(member, record);
    if (!target) continue;
    ASEPTIC_TRY(const Verdict verdict, member.component->pursue(goal, *target, id_of(record.id)));
    if (verdict == Verdict::kFailed) member.has_failed = true;
    if (verdict == Verdict::kPassed && goal == Goal::kPrepared) {
      ASEPTIC_TRY(const ComponentView view, member.component->look());
      member.prepared_in = view.report.boot_count;
    }
  }
  return {};
}

// SECURITY(T-51): main's recorded set decides, not what this agent remembers.
Result<void> ComponentSet::settle(const core::Digest& main_confirmed_set) {
  for (Member& member : members_) {
    if (!member.view || !member.view->runs_trial()) continue;
    const bool belongs = core::Digest{member.view->report.running_set} == main_confirmed_set;
    const ComponentTarget target{member.component->id(), member.view->running(), main_confirmed_set, 0, 1};
    ASEPTIC_TRY(const Verdict verdict,
                member.component->pursue(belongs && !member.has_failed ? Goal::kConfirmed : Goal::kSettled, target, settling_id()));
    if (verdict == Verdict::kFailed) member.has_failed = true;  // its own test fails: reverted with the next step
  }
  return {};
}

}  // namespace aseptic::agent
