// SPDX-License-Identifier: Apache-2.0
#include "boot_model.h"

namespace aseptic::boot::testing {

BootModel::State BootModel::initial() const {
  State s{};
  s.slot[0] = s.slot[1] = 1;
  s.recovery = c_.recovery;
  s.floor = c_.releases[1].epoch;
  s.j.conf = s.j.prev = 1;
  s.nv_conf = c_.nv_port ? 1 : 0;
  s.j.synced = 1;
  s.confirmed = s.in_force = s.tried = bit(1);
  s.cuts = c_.cuts;
  s.attacks = c_.attacks;
  s.corruptions = c_.corruptions;
  return s;
}

void BootModel::forget(State& t) {
  t.cause = Cause::kPowerOn;
  t.step = Step::kOpen;
  t.armed = t.was_armed = t.stage = t.hint = t.delay_over = t.raised = t.attempt_made = t.run_slot = t.image =
      0;
  t.recovery_seen = t.pc = 0;
  t.kind = Kind::kNone;
}

// The properties, judged on every step, apart from the code that makes the step.
BootModel::State BootModel::judge(const State& a, State b) const {
  std::uint8_t highest = 0;
  for (std::uint8_t k = 1; k <= 3; ++k)
    if ((b.confirmed & bit(k)) != 0 && c_.releases[k].epoch > highest) highest = c_.releases[k].epoch;
  if (b.floor < a.floor || (a.revoked & ~b.revoked) != 0 || b.floor > highest) breaks(b, kFloorWrong);
  const bool trial = b.kind == Kind::kTrial || b.kind == Kind::kForced;
  if (b.phase == Phase::kRun && a.phase == Phase::kBoot) {
    if (!acceptable(b.image, b)) breaks(b, kUnverifiedRuns);
    if (trial && (b.quarantined & bit(b.image)) != 0) breaks(b, kQuarantinedRetried);
    if (b.kind == Kind::kTrial && (b.was_armed == 0 || b.cause != Cause::kCommanded))
      breaks(b, kUnarmedTrial);
    if (b.kind == Kind::kConfirmed && (b.confirmed & bit(b.image)) == 0) breaks(b, kUnconfirmedOutsideTrial);
    if (b.kind == Kind::kConfirmed && b.replayed != 0 && c_.nv_port)
      for (auto k = static_cast<std::uint8_t>(b.image + 1); k <= 3; ++k)
        if ((b.in_force & bit(k)) != 0 && slot_with(k, b) >= 0) breaks(b, kConfirmUndone);
    b.quarantined |= b.j.quarantine;
    if (b.kind == Kind::kConfirmed) b.in_force |= bit(b.image);
    if (trial) b.tried |= bit(b.image);
  }
  if (b.phase == Phase::kHalt && a.phase != Phase::kHalt && (b.replayed & 2U) == 0) breaks(b, kNothingBoots);
  return b;
}

const char* BootModel::boot_step(State& t) const {
  switch (t.step) {
    case Step::kOpen:
      return open_journal(t);
    case Step::kBegin:
      return begin(t);
    case Step::kClose:
      return close_trial(t);
    case Step::kGeneration:
      return burn_generation(t);
    case Step::kStage:
      return stage(t);
    case Step::kRecovery:
      return maintain_recovery(t);
    case Step::kFloor:
      return maintain_floor(t);
    case Step::kChoose:
      return choose(t);
  }
  return "";
}

const char* BootModel::open_journal(State& t) const {
  t.step = Step::kBegin;
  if (wrong_.no_generation_check || t.j.gen == t.gen || t.j.gen == t.gen + 1) return "boot: journal read";
  if (t.replayed == 0) breaks(t, kHonestDiscard);
  t.j = ModelJournal{};
  t.j.gen = t.gen;
  if (c_.nv_port) {
    t.j.conf = t.j.prev = t.nv_conf;
    t.j.quarantine = t.nv_quarantine;
  }
  return "boot: journal discarded, default state";
}

const char* BootModel::begin(State& t) const {
  t.step = Step::kClose;
  t.armed = t.q.arm != 0 && (t.cause == Cause::kCommanded || wrong_.power_on_keeps_arm) ? 1 : 0;
  t.was_armed = t.armed;
  t.q.arm = 0;  // bound to the boot_count that just ended
  t.stage = t.q.stage;
  return "boot: BOOT record";
}

const char* BootModel::close_trial(State& t) const {
  t.step = Step::kGeneration;
  const std::uint8_t k = t.j.trial;
  if (k == 0) return "boot: no open trial";
  const ModelRequests q = t.q;
  t.j.trial = 0;
  t.q.token = t.q.revert = 0;  // bound to that trial
  if (q.token == 1 || (wrong_.confirm_without_token && q.token == 2)) {
    t.j.prev = t.j.conf != 0 ? t.j.conf : k;
    t.j.conf = k;
    t.j.staged = t.j.synced = t.j.interrupted = t.j.floor_intent = t.j.revoke_intent = 0;
    t.j.quarantine &= static_cast<std::uint8_t>(~bit(k));
    t.j.gen = static_cast<std::uint8_t>(t.gen + 1);
    if (wrong_.revoke_at_confirm) t.revoked |= c_.releases[k].revokes;
    if ((t.tried & bit(k)) == 0) breaks(t, kConfirmWithoutTrial);
    t.confirmed |= bit(k);
    t.in_force &= static_cast<std::uint8_t>(bit(k) | (bit(k) - 1U));  // supersedes what was in force above it
    return "boot: CONFIRMED";
  }
  const bool failed = q.revert != 0 || t.cause != Cause::kPowerOn || t.j.interrupted + 1 >= kInterruptedMax ||
                      wrong_.power_loss_fails_a_trial;
  if (!failed) {
    ++t.j.interrupted;
    return "boot: TRIAL_INTERRUPTED";
  }
  t.j.quarantine |= bit(k);
  t.j.staged = t.j.interrupted = t.j.synced = 0;
  t.j.gen = static_cast<std::uint8_t>(c_.nv_port ? t.gen + 1 : t.gen);
  return "boot: TRIAL_FAILED";
}

const char* BootModel::burn_generation(State& t) const {
  t.step = Step::kStage;
  t.hint = t.q.synced != 0 || t.j.floor_intent > t.floor || (t.j.revoke_intent & ~t.revoked) != 0 ? 1 : 0;
  if (t.j.gen == t.gen) return "boot: nothing to burn";
  t.gen = t.j.gen;
  if (c_.nv_port) {
    t.nv_conf = t.j.conf;
    t.nv_quarantine = t.j.quarantine;
  }
  return "boot: generation burnt";
}

const char* BootModel::stage(State& t) const {
  t.step = Step::kRecovery;
  const std::uint8_t k = t.stage;
  t.stage = 0;
  if (k == 0 || k == t.j.staged || k == t.j.conf || k < t.j.conf || (t.j.quarantine & bit(k)) != 0)
    return "boot: nothing staged";
  if (slot_with(k, t) < 0) return "boot: REQ_STAGE refused";
  t.j.staged = k;
  t.j.interrupted = 0;
  return "boot: STAGED";
}

const char* BootModel::maintain_recovery(State& t) const {
  const std::uint8_t k = t.j.conf;
  const bool wanted =
      c_.recovery != 0 && c_.recovery_writable && k != 0 && slot_with(k, t) >= 0 && t.recovery != k;
  const bool both = t.slot[0] == k && t.slot[1] == k;
  if (!wanted || (acceptable(t.recovery, t) && !(t.hint != 0 && both))) {
    t.step = Step::kFloor;
    return "boot: recovery stays";
  }
  if (t.recovery != 0) {
    t.recovery = 0;
    return "boot: recovery erased";
  }
  t.recovery = k;
  t.step = Step::kFloor;
  return "boot: recovery written";
}

std::uint8_t BootModel::revocations_of(std::uint8_t k, const State& s) const {
  const auto mask = static_cast<std::uint8_t>(c_.releases[k].revokes & ~s.revoked);
  if ((mask & c_.releases[k].key) != 0) return 0;
  return ((mask | s.revoked) & 3U) == 3U ? 0 : mask;  // keys 1 and 2 are provisioned
}

const char* BootModel::maintain_floor(State& t) const {
  const std::uint8_t k = t.j.conf;
  if (t.raised != 0) {  // the burn that belongs to the record
    t.floor = t.j.floor_intent > t.floor ? t.j.floor_intent : t.floor;
    t.revoked = static_cast<std::uint8_t>(t.revoked | t.j.revoke_intent);
    t.gen = t.j.gen;
    t.raised = 0;
    t.step = Step::kChoose;
    return "boot: floor, revocations and generation burnt";
  }
  if (k == 0 || slot_with(k, t) < 0) {
    t.step = Step::kChoose;
    return "boot: confirmed does not verify, floor stays";
  }
  const std::uint8_t floor = c_.releases[k].epoch;
  const std::uint8_t revokes = revocations_of(k, t);
  const bool something = floor > t.floor || revokes != 0;
  const bool lives = acceptable(t.recovery, t) &&
                     (wrong_.delay_by_old_floor || (c_.releases[t.recovery].epoch >= floor &&
                                                    (c_.releases[t.recovery].key & revokes) == 0));
  const bool is_due = something && (lives || c_.recovery == 0);
  const bool asked = t.hint != 0 || (t.j.synced != 0 && is_due);
  const bool both = asked && ((t.slot[0] == k && t.slot[1] == k) || wrong_.trust_synced_request);
  if (both && t.j.synced == 0) {
    t.j.synced = 1;
    return "boot: SYNCED";
  }
  const bool both_gate = both && (lives || c_.recovery == 0 || wrong_.gate_ignores_recovery);
  const bool delay_gate = t.delay_over != 0 && t.j.synced == 0 && lives;
  if (!something || !(both_gate || delay_gate)) {
    t.step = Step::kChoose;
    return "boot: floor stays";
  }
  t.j.floor_intent = floor;
  t.j.revoke_intent = revokes;
  t.j.gen = static_cast<std::uint8_t>(t.gen + 1);
  t.raised = 1;
  return "boot: FLOOR record";
}

// From here on the image is a verified copy in memory: what happens to the slot changes nothing in this run.
void BootModel::load(State& t, int slot) {
  t.run_slot = static_cast<std::uint8_t>(slot);
  t.image = slot == 2 ? t.recovery : t.slot[slot];
}

const char* BootModel::run(State& t, Kind kind) const {
  t.phase = Phase::kRun;
  t.kind = kind;
  t.recovery_seen = acceptable(t.recovery, t) ? 1 : 0;
  // A durable confirm may not be lost by an honest device.
  if (t.q.token == 1 && t.attacks == c_.attacks && t.j.trial != 0) breaks(t, kConfirmLost);
  t.q = ModelRequests{};
  t.armed = t.delay_over = t.hint = t.attempt_made = 0;
  t.step = Step::kOpen;
  return kind == Kind::kConfirmed ? "boot: run confirmed"
         : kind == Kind::kTrial   ? "boot: run trial"
         : kind == Kind::kForced  ? "boot: run forced trial"
                                  : "boot: run recovery";
}

const char* BootModel::choose(State& t) const {
  if (t.attempt_made != 0) return run(t, t.attempt_made == 2 ? Kind::kForced : Kind::kTrial);
  if (t.j.gen != t.gen) {  // AUTO_REVERT's
    const Step step = t.step;
    const std::uint8_t hint = t.hint;
    const char* label = burn_generation(t);
    t.step = step;
    t.hint = hint;
    return label;
  }
  const std::uint8_t staged = t.j.staged;
  if (t.armed != 0 && staged != 0 && (t.j.quarantine & bit(staged)) == 0 && slot_with(staged, t) >= 0) {
    t.armed = 0;
    t.attempt_made = 1;
    load(t, slot_with(staged, t));
    t.j.trial = staged;
    return "boot: ATTEMPT record";
  }
  if (slot_with(t.j.conf, t) >= 0) {
    load(t, slot_with(t.j.conf, t));
    return run(t, Kind::kConfirmed);
  }
  for (std::uint8_t k : {t.j.prev, t.slot[0], t.slot[1]}) {
    if (t.j.conf == 0 || k == t.j.conf || slot_with(k, t) < 0) continue;
    if (k != t.j.prev && !wrong_.fallback_to_any_image) continue;
    t.j.conf = k;
    t.j.synced = t.j.staged = t.j.interrupted = t.j.floor_intent = t.j.revoke_intent = 0;
    if (c_.nv_port) t.j.gen = static_cast<std::uint8_t>(t.gen + 1);
    return "boot: AUTO_REVERT";
  }
  if (c_.recovery != 0 && acceptable(t.recovery, t)) {
    load(t, 2);
    return run(t, Kind::kRecovery);
  }
  std::uint8_t lowest = 0;
  for (std::uint8_t k : t.slot)
    if (acceptable(k, t) && (t.j.quarantine & bit(k)) == 0 && (lowest == 0 || k < lowest)) lowest = k;
  if (lowest == 0) {
    t.phase = Phase::kHalt;
    return "boot: NOTHING BOOTS";
  }
  if (staged != lowest) {
    t.j.staged = lowest;
    t.j.interrupted = 0;
    t.armed = 0;  // the arm was for something else: this trial is a forced one
    return "boot: LAST_RESORT staged";
  }
  load(t, slot_with(lowest, t));
  t.j.trial = lowest;
  t.attempt_made = 2;
  return "boot: ATTEMPT record, forced";
}

std::uint8_t BootModel::next_release(const State& s) const {
  for (auto k = static_cast<std::uint8_t>(s.image + 1); k <= c_.newest; ++k)
    if ((s.j.quarantine & bit(k)) == 0 && acceptable(k, s)) return k;
  return 0;
}

}  // namespace aseptic::boot::testing
