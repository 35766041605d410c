// SPDX-License-Identifier: Apache-2.0
// The executable model of the boot rules: journal, request area, monotonic store, two slots, recovery image,
// boot, agent, and an adversary who cuts power, corrupts an image, writes requests and puts old copies back.
// It is the specification that boot_states_test.cpp drives the real boot core against, and it is explored
// itself for the properties below. Records and burns are atomic here (the journal layer's tests show that
// they are). A release is a number 1..3 and its sequence; 0 means erased or garbage.
#pragma once
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace aseptic::boot::testing {

struct Release {
  std::uint8_t epoch = 0;
  std::uint8_t key = 0;      // bit of the signing key
  std::uint8_t good = 0;     // passes its self-test
  std::uint8_t revokes = 0;  // key bits
};

struct ModelConfig {
  Release releases[4];
  std::uint8_t newest = 3;    // releases 1..newest are on offer
  std::uint8_t recovery = 1;  // release held by the recovery image at first; 0 = the device has none
  bool recovery_writable = true;
  bool nv_port = true;
  bool delay_can_end = true;  // the policy delay may be over at any boot
  std::uint8_t cuts = 3;
  std::uint8_t attacks = 0;
  std::uint8_t corruptions = 1;
};

// Deliberately wrong rules. Each must be found by a property: the proof that the properties can fail.
struct WrongRules {
  bool gate_ignores_recovery = false;
  bool delay_by_old_floor = false;
  bool revoke_at_confirm = false;
  bool fallback_to_any_image = false;
  bool trust_synced_request = false;
  bool no_generation_check = false;
  bool power_on_keeps_arm = false;
  bool confirm_without_token = false;
  bool power_loss_fails_a_trial = false;
};

inline constexpr std::uint8_t kInterruptedMax = 8;

enum class Phase : std::uint8_t { kOff, kBoot, kRun, kHalt };
enum class Cause : std::uint8_t { kPowerOn, kCommanded, kWatchdog };
enum class Kind : std::uint8_t { kNone, kConfirmed, kTrial, kForced, kRecovery };
// Boot's steps, in order.
enum class Step : std::uint8_t { kOpen, kBegin, kClose, kGeneration, kStage, kRecovery, kFloor, kChoose };

enum Property : unsigned {
  kUnverifiedRuns = 1U << 0U,           // an image that is unverified, revoked or below the floor runs
  kFloorWrong = 1U << 1U,               // floor or revocation falls, or exceeds what was ever confirmed
  kNothingBoots = 1U << 2U,             // although at most one image was corrupted
  kConfirmWithoutTrial = 1U << 3U,      //
  kUnconfirmedOutsideTrial = 1U << 4U,  // runs outside a trial though never confirmed on this device
  kQuarantinedRetried = 1U << 5U,       // a quarantined digest is tried again
  kConfirmUndone = 1U << 6U,            // a replay undid a confirm in force although its image is intact
  kHonestDiscard = 1U << 7U,            // an honest journal is discarded as tampered
  kConfirmLost = 1U << 8U,              // a durable REQ_CONFIRM with the right token is lost
  kUnarmedTrial = 1U << 9U,             // a trial without an arm for this boot and a commanded reset
};

struct ModelJournal {
  std::uint8_t gen, conf, prev, staged, trial, interrupted, quarantine, floor_intent, revoke_intent, synced;
};
struct ModelRequests {
  std::uint8_t stage, arm, token, synced,
      revert;  // token: 1 the open trial's, 2 another; arm: REQ_ARM and PERMIT
};

struct ModelState {
  // On the medium.
  std::uint8_t slot[2], recovery;
  std::uint8_t gen, floor, revoked, nv_conf, nv_quarantine;
  ModelJournal j;
  ModelRequests q;
  // Of this power-up.
  Phase phase;
  Cause cause;
  Step step;
  std::uint8_t armed, was_armed, stage, hint, delay_over, raised, attempt_made, run_slot, image,
      recovery_seen, pc;
  Kind kind;
  // What the adversary copied, what only the checker sees, budgets.
  ModelJournal saved_j;
  std::uint8_t saved_slot[2], saved_recovery, saved;
  std::uint8_t confirmed, in_force, tried, quarantined, replayed;
  std::uint8_t cuts, attacks, corruptions;
  std::uint8_t broken_low, broken_high;
};

class BootModel {
 public:
  using State = ModelState;
  explicit BootModel(const ModelConfig& config, const WrongRules& wrong = {}) : c_(config), wrong_(wrong) {}

  State initial() const;
  unsigned violated(const State& s) const {
    return s.broken_low | static_cast<unsigned>(s.broken_high) << 8U;
  }

  template <class Emit>
  void next(const State& s, Emit&& emit) const {
    auto judged = [&](const State& t, const char* label) { emit(judge(s, t), label); };
    switch (s.phase) {
      case Phase::kOff:
        start(s, Cause::kPowerOn, judged, "power on");
        break;
      case Phase::kBoot: {
        State t = s;
        const char* label = boot_step(t);
        judged(t, label);
        break;
      }
      case Phase::kRun:
        if (s.kind == Kind::kRecovery) {
          recovery_application(s, judged);
        } else if (s.kind == Kind::kConfirmed) {
          agent(s, judged);
        } else {
          trial_application(s, judged);
        }
        break;
      case Phase::kHalt:
        break;
    }
    if (s.cuts != 0 && (s.phase == Phase::kBoot || s.phase == Phase::kRun)) {
      State t = s;
      --t.cuts;
      forget(t);
      t.phase = Phase::kOff;
      judged(t, "POWER CUT");
    }
    corrupt(s, judged);
    attack(s, judged);
  }

  // A good end: the newest good release is confirmed, in both slots, and nothing is left to do. Once an
  // attacker has acted, only this is asked: something acceptable runs, and nothing loops.
  bool rests_well(const State& s) const {
    if (s.phase == Phase::kHalt) return true;  // judged by kNothingBoots
    if (s.attacks != c_.attacks) return s.phase == Phase::kRun;
    if (s.phase != Phase::kRun || s.kind != Kind::kConfirmed || s.j.synced == 0) return false;
    for (auto k = static_cast<std::uint8_t>(s.image + 1); k <= c_.newest; ++k)
      if (c_.releases[k].good != 0) return false;
    return true;
  }

  // One step of boot; from Phase::kBoot until kRun or kHalt. Deterministic.
  const char* boot_step(State& t) const;

  bool acceptable(std::uint8_t k, const State& s) const {
    return k >= 1 && k <= 3 && c_.releases[k].epoch >= s.floor && (c_.releases[k].key & s.revoked) == 0;
  }
  int slot_with(std::uint8_t k, const State& s) const {
    for (int i = 0; i < 2; ++i)
      if (k != 0 && s.slot[i] == k && acceptable(k, s)) return i;
    return -1;
  }
  const ModelConfig& config() const { return c_; }

 private:
  static std::uint8_t bit(std::uint8_t k) { return static_cast<std::uint8_t>(1U << k); }
  static void breaks(State& t, Property p) {
    t.broken_low = static_cast<std::uint8_t>(t.broken_low | (p & 0xFFU));
    t.broken_high = static_cast<std::uint8_t>(t.broken_high | (p >> 8U));
  }
  static void forget(State& t);
  template <class Emit>
  void start(const State& s, Cause cause, Emit&& emit, const char* label) const {
    State t = s;
    forget(t);
    t.phase = Phase::kBoot;
    t.cause = cause;
    emit(t, label);
    if (!c_.delay_can_end) return;
    t.delay_over = 1;
    emit(t, label);
  }
  State judge(const State& before, State after) const;
  const char* open_journal(State& t) const;
  const char* begin(State& t) const;
  const char* close_trial(State& t) const;
  const char* burn_generation(State& t) const;
  const char* stage(State& t) const;
  const char* maintain_recovery(State& t) const;
  const char* maintain_floor(State& t) const;
  const char* choose(State& t) const;
  static void load(State& t, int slot);
  const char* run(State& t, Kind kind) const;
  std::uint8_t revocations_of(std::uint8_t k, const State& s) const;
  std::uint8_t next_release(const State& s) const;

  template <class Emit>
  void trial_application(const State& s, Emit&& emit) const;
  template <class Emit>
  void agent(const State& s, Emit&& emit) const;
  template <class Emit>
  void recovery_application(const State& s, Emit&& emit) const;
  template <class Emit>
  void corrupt(const State& s, Emit&& emit) const;
  template <class Emit>
  void attack(const State& s, Emit&& emit) const;

  ModelConfig c_;
  WrongRules wrong_;
};

// ---- the application in a trial
template <class Emit>
void BootModel::trial_application(const State& s, Emit&& emit) const {
  if (s.pc == 1) return start(s, Cause::kCommanded, emit, "agent: commanded reset");
  State t = s;
  t.pc = 1;
  if (c_.releases[s.image].good != 0) {
    t.q.token = 1;
    return emit(t, "agent: self-test passes, REQ_CONFIRM");
  }
  t.q.revert = 1;
  emit(t, "agent: self-test fails, REQ_REVERT");
  start(s, Cause::kWatchdog, emit, "trial image hangs: watchdog");
}

// ---- the honest agent on the confirmed image
template <class Emit>
void BootModel::agent(const State& s, Emit&& emit) const {
  State t = s;
  const int me = s.run_slot;
  const int other = 1 - me;
  const std::uint8_t r = s.image;
  switch (s.pc) {
    case 1:
      t.slot[other] = s.slot[me];
      t.pc = 2;
      return emit(t, "agent: copy the slot");
    case 2:
      t.pc = 0;
      t.slot[other] = r;
      return emit(t, "agent: read back; fetched again where it differs");
    case 3:
      return start(s, Cause::kCommanded, emit, "agent: commanded reset");
    case 4:
      t.slot[other] = next_release(s);
      t.pc = 5;
      return emit(t, "agent: write the new release, read back");
    case 5:
      t.q.stage = s.slot[other];
      t.q.arm = 1;
      t.pc = 3;
      return emit(t, "agent: REQ_STAGE, REQ_ARM, PERMIT");
    default:
      break;
  }
  const std::uint8_t n = next_release(s);
  const bool behind = s.slot[other] != r;
  if (s.j.synced == 0 || (n == 0 && behind) || (n == 0 && s.slot[me] != r)) {
    if (s.slot[me] != r) {
      t.slot[me] = r;
      return emit(t, "agent: the source slot is corrupt; fetched again");
    }
    if (behind) {
      t.slot[other] = 0;
      t.pc = 1;
      return emit(t, "agent: erase the other slot to bring it up to date");
    }
    t.q.synced = 1;
    t.pc = 3;
    return emit(t, "agent: REQ_SYNCED");
  }
  if (c_.recovery != 0 && c_.recovery_writable && s.recovery_seen == 0)
    return start(s, Cause::kCommanded, emit, "agent: recovery does not verify: reset, boot repairs it");
  if (n != 0 && s.j.staged == n && s.slot[other] == n) {
    t.q.arm = 1;
    t.pc = 3;
    return emit(t, "agent: REQ_ARM again");
  }
  if (n != 0) {
    t.slot[other] = 0;
    t.pc = 4;
    return emit(t, "agent: erase the other slot to stage");
  }
}

// ---- recovery: puts the confirmed release back, or starts a new trial if none is known
template <class Emit>
void BootModel::recovery_application(const State& s, Emit&& emit) const {
  State t = s;
  std::uint8_t want = s.j.conf != 0 && acceptable(s.j.conf, s) ? s.j.conf : 0;
  for (std::uint8_t k = 1; want == 0 && k <= c_.newest; ++k)
    if (acceptable(k, s) && (s.j.quarantine & bit(k)) == 0 && c_.releases[k].good != 0 && k >= s.recovery)
      want = k;
  if (want == 0) return;
  if (s.pc == 3) return start(s, Cause::kCommanded, emit, "recovery: commanded reset");
  const int at = acceptable(s.slot[0], s) && s.slot[0] != want ? 1 : 0;
  if (s.slot[at] != want) {
    t.slot[at] = want;
    return emit(t, "recovery: write a slot");
  }
  if (want != s.j.conf) {
    t.q.stage = want;
    t.q.arm = 1;
  }
  t.pc = 3;
  emit(t, "recovery: REQ_STAGE, REQ_ARM where needed");
}

// ---- the adversary
template <class Emit>
void BootModel::corrupt(const State& s, Emit&& emit) const {
  if (s.corruptions == 0 || s.phase == Phase::kHalt) return;
  for (int i = 0; i < 3; ++i)
    for (std::uint8_t v = 0; v <= (i == 2 ? 0 : 3); ++v) {
      State t = s;
      std::uint8_t& at = i == 2 ? t.recovery : t.slot[i];
      if (at == v || (i == 2 && c_.recovery == 0)) continue;
      at = v;
      --t.corruptions;
      emit(t, i == 2 ? "CORRUPT recovery" : i == 1 ? "CORRUPT slot b" : "CORRUPT slot a");
    }
}

template <class Emit>
void BootModel::attack(const State& s, Emit&& emit) const {
  if (s.attacks == 0 || (s.phase != Phase::kOff && s.phase != Phase::kRun)) return;
  if (s.saved == 0) {
    State t = s;
    t.saved = 1;
    t.saved_j = s.j;
    t.saved_slot[0] = s.slot[0];
    t.saved_slot[1] = s.slot[1];
    t.saved_recovery = s.recovery;
    emit(t, "ATTACKER copies the disk");
  }
  const bool knows_token =
      s.j.trial != 0 && (s.tried & bit(s.j.trial)) != 0;  // the mailbox shows it to the trial image
  for (unsigned v = 1; v < 64; ++v) {
    State t = s;
    t.q.stage = static_cast<std::uint8_t>(v & 3U);
    t.q.arm = v >> 2U & 1U;
    t.q.token = static_cast<std::uint8_t>((v >> 3U & 1U) == 0 ? 0 : knows_token ? 1 : 2);
    t.q.synced = v >> 4U & 1U;
    t.q.revert = v >> 5U & 1U;
    if (std::memcmp(&t.q, &s.q, sizeof t.q) == 0) continue;
    --t.attacks;
    emit(t, "ATTACKER writes requests");
  }
  if (s.phase != Phase::kOff || s.saved == 0) return;
  State t = s;
  --t.attacks;
  t.j = s.saved_j;
  t.replayed |= 1U;
  emit(t, "ATTACKER puts the journal copy back");
  t.slot[0] = s.saved_slot[0];
  t.slot[1] = s.saved_slot[1];
  if (c_.recovery_writable) t.recovery = s.saved_recovery;
  t.replayed |= 2U;
  emit(t, "ATTACKER puts the whole disk copy back");
}

}  // namespace aseptic::boot::testing
