// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/transaction.h"

#include <array>

#include "aseptic/core/assert.h"

namespace aseptic::agent {
namespace {

using F = const Facts&;

// ---- guards

constexpr bool always(F) { return true; }
constexpr bool in_trial(F f) { return f.running == Running::kTrial || f.running == Running::kForcedTrial; }
constexpr bool in_trial_of_target(F f) { return in_trial(f) && f.runs_target; }
constexpr bool runs_confirmed(F f) { return f.running == Running::kConfirmed; }
constexpr bool confirmed_target(F f) { return runs_confirmed(f) && f.target_confirmed; }
constexpr bool offered_and_steady(F f) { return f.offered && !in_trial(f); }
constexpr bool needs_sync(F f) { return runs_confirmed(f) && !f.other_slot_current && !f.boot_synced; }
constexpr bool superseded(F f) { return f.offered && !f.offer_is_target; }
constexpr bool prechecked(F f) { return f.prechecks_pass && !in_trial(f); }
constexpr bool approved(F f) { return f.approved; }
constexpr bool not_approved(F f) { return !f.approved; }
constexpr bool window_closed(F f) { return !f.window_open; }
constexpr bool not_held(F f) { return f.hold == Hold::kNone; }
constexpr bool held(F f) { return f.hold == Hold::kHeld; }
constexpr bool checked(F f) { return f.hold == Hold::kChecked; }
constexpr bool rebooted(F f) { return f.rebooted; }
constexpr bool quarantined(F f) { return f.target_quarantined; }
constexpr bool withdrawn(F f) { return f.withdrawn; }
constexpr bool refused(F f) { return f.refused; }
constexpr bool tired(F f) { return f.too_many_tries; }
constexpr bool passed(F f) { return f.self_test == Verdict::kPassed; }
constexpr bool failed_test(F f) { return f.self_test == Verdict::kFailed; }
constexpr bool decided_yes(F f) { return f.return_to_service == Verdict::kPassed; }
constexpr bool decided_no(F f) { return f.return_to_service == Verdict::kFailed; }
constexpr bool not_in_trial_of_target(F f) { return !in_trial_of_target(f); }
constexpr bool boot_synced(F f) { return confirmed_target(f) && f.boot_synced; }
constexpr bool not_confirmed_target(F f) { return !confirmed_target(f); }
constexpr bool sync_missing(F f) { return !f.other_slot_current; }
constexpr bool unsettled(F f) { return runs_confirmed(f) && !f.others_settled; }
constexpr bool other_failed(F f) { return f.others_prepared == Verdict::kFailed; }
constexpr bool decided_and_unprepared(F f) { return decided_yes(f) && f.others_prepared != Verdict::kPassed; }
constexpr bool other_failed_for_good(F f) { return f.others_confirmed == Verdict::kFailed; }
constexpr bool set_can_go_back(F f) { return other_failed_for_good(f) && f.way_back; }
constexpr bool cured_by_next_release(F f) { return other_failed_for_good(f) && f.offered && !f.offer_is_target; }
constexpr bool others_unconfirmed(F f) { return f.others_confirmed != Verdict::kPassed; }
constexpr bool others_unsynced(F f) { return !f.others_synced; }
constexpr bool next_release_waits(F f) { return f.other_slot_current && f.offered && !f.offer_is_target; }

using S = State;
using A = Action;

// The rows of one state stand together, in the order in which they are asked. Each state has its abort arcs first and
// an unconditional row last.
constexpr std::array kArcs = std::to_array<Arc>({
    // IDLE. SECURITY(T-06): a wiped agent finds the open trial in boot's report and finishes or reverts it.
    {S::kIdle, in_trial, "boot runs a trial", {A::kAdoptTrial, S::kSwitched, "trial_found"}},
    {S::kIdle, unsettled, "a component runs a trial", {A::kSettleOthers, S::kIdle, "settles_components"}},
    {S::kIdle, offered_and_steady, "a release applies", {A::kBegin, S::kAvailable, "available"}},
    {S::kIdle, needs_sync, "the other slot is old", {A::kSyncOther, S::kIdle, "other_slot_current"}},
    {S::kIdle, always, "", {A::kWait, S::kIdle, "idle"}},

    // AVAILABLE. The slot may hold anything from here on; it is only written.
    {S::kAvailable, in_trial, "boot runs a trial", {A::kAbandon, S::kIdle, "trial_found"}},
    {S::kAvailable, confirmed_target, "already confirmed", {A::kFinish, S::kIdle, "already_installed"}},
    {S::kAvailable, quarantined, "quarantined", {A::kAbandon, S::kIdle, "quarantined"}},
    {S::kAvailable, withdrawn, "withdrawn", {A::kAbandon, S::kIdle, "withdrawn"}},
    {S::kAvailable, superseded, "another release applies", {A::kAbandon, S::kIdle, "superseded"}},
    {S::kAvailable, refused, "refused", {A::kAbandon, S::kIdle, "refused"}},
    {S::kAvailable, prechecked, "pre-checks pass", {A::kStage, S::kStaged, "staged"}},
    {S::kAvailable, always, "", {A::kWait, S::kAvailable, "prechecks"}},

    {S::kStaged, in_trial, "boot runs a trial", {A::kAbandon, S::kIdle, "trial_found"}},
    {S::kStaged, confirmed_target, "already confirmed", {A::kFinish, S::kIdle, "already_installed"}},
    {S::kStaged, quarantined, "quarantined", {A::kAbandon, S::kIdle, "quarantined"}},
    {S::kStaged, withdrawn, "withdrawn", {A::kAbandon, S::kIdle, "withdrawn"}},
    {S::kStaged, superseded, "another release applies", {A::kAbandon, S::kIdle, "superseded"}},
    {S::kStaged, always, "", {A::kInform, S::kOffered, "offered"}},

    {S::kOffered, in_trial, "boot runs a trial", {A::kAbandon, S::kIdle, "trial_found"}},
    {S::kOffered, confirmed_target, "already confirmed", {A::kFinish, S::kIdle, "already_installed"}},
    {S::kOffered, quarantined, "quarantined", {A::kAbandon, S::kIdle, "quarantined"}},
    {S::kOffered, withdrawn, "withdrawn", {A::kAbandon, S::kIdle, "withdrawn"}},
    {S::kOffered, superseded, "another release applies", {A::kAbandon, S::kIdle, "superseded"}},
    {S::kOffered, approved, "approved", {A::kApprove, S::kApproved, "approved"}},
    {S::kOffered, always, "", {A::kWait, S::kOffered, "waits_for_approval"}},

    // APPROVED. The arm of an earlier hold was cancelled, or was voided by the boot in between.
    {S::kApproved, in_trial_of_target, "boot runs the trial", {A::kNoteTrial, S::kSwitched, "switched"}},
    {S::kApproved, in_trial, "boot runs another trial", {A::kAbandon, S::kIdle, "trial_found"}},
    {S::kApproved, confirmed_target, "already confirmed", {A::kFinish, S::kIdle, "already_installed"}},
    {S::kApproved, quarantined, "quarantined", {A::kNoteFailed, S::kFailed, "quarantined"}},
    {S::kApproved, withdrawn, "withdrawn", {A::kAbandon, S::kIdle, "withdrawn"}},
    {S::kApproved, superseded, "another release applies", {A::kAbandon, S::kIdle, "superseded"}},
    {S::kApproved, tired, "interrupted too often", {A::kAbandon, S::kIdle, "too_many_tries"}},
    {S::kApproved, not_approved, "approval taken back", {A::kInform, S::kOffered, "approval_withdrawn"}},
    // SI-15: an update waits for the window; it never makes one.
    {S::kApproved, window_closed, "outside the window", {A::kWait, S::kApproved, "waits_for_window"}},
    {S::kApproved, not_held, "no hold", {A::kAskHold, S::kApproved, "asks_hold"}},
    {S::kApproved, held, "held", {A::kArm, S::kHeld, "armed"}},
    {S::kApproved, always, "", {A::kWait, S::kApproved, "waits_for_hold"}},

    // HELD. SECURITY(T-65): whatever is wrong, the arm is cancelled and the hold given back.
    {S::kHeld, in_trial_of_target, "boot runs the trial", {A::kNoteTrial, S::kSwitched, "switched"}},
    {S::kHeld, confirmed_target, "already confirmed", {A::kDisarm, S::kApproved, "already_installed"}},
    {S::kHeld, quarantined, "quarantined", {A::kDisarm, S::kApproved, "quarantined"}},
    {S::kHeld, rebooted, "the start voided the arm", {A::kDisarm, S::kApproved, "switch_interrupted"}},
    {S::kHeld, in_trial, "boot runs another trial", {A::kDisarm, S::kApproved, "trial_found"}},
    {S::kHeld, withdrawn, "withdrawn", {A::kDisarm, S::kApproved, "withdrawn"}},
    {S::kHeld, not_approved, "approval taken back", {A::kDisarm, S::kApproved, "approval_withdrawn"}},
    {S::kHeld, window_closed, "outside the window", {A::kDisarm, S::kApproved, "window_closed"}},
    {S::kHeld, not_held, "the hold was lost", {A::kDisarm, S::kApproved, "hold_lost"}},
    {S::kHeld, held, "held", {A::kLastCheck, S::kHeld, "last_check"}},
    {S::kHeld, checked, "checked", {A::kAskReset, S::kHeld, "reset_asked"}},
    {S::kHeld, always, "", {A::kWait, S::kHeld, "waits_for_reset"}},

    // The trial. From here on only boot's report and the device itself count.
    {S::kSwitched, confirmed_target, "boot recorded it", {A::kNoteConfirmed, S::kConfirmed, "confirmed"}},
    {S::kSwitched, quarantined, "quarantined", {A::kNoteFailed, S::kFailed, "trial_failed"}},
    {S::kSwitched, not_in_trial_of_target, "interrupted", {A::kDisarm, S::kApproved, "trial_interrupted"}},
    {S::kSwitched, always, "", {A::kNoteTrial, S::kSelfTest, "self_test"}},

    {S::kSelfTest, confirmed_target, "boot recorded it", {A::kNoteConfirmed, S::kConfirmed, "confirmed"}},
    {S::kSelfTest, quarantined, "quarantined", {A::kNoteFailed, S::kFailed, "trial_failed"}},
    {S::kSelfTest, not_in_trial_of_target, "interrupted", {A::kDisarm, S::kApproved, "trial_interrupted"}},
    {S::kSelfTest, failed_test, "failed", {A::kRequestRevert, S::kReverting, "self_test_failed"}},
    {S::kSelfTest, passed, "passed", {A::kNotePassed, S::kReturnToService, "self_test_passed"}},
    {S::kSelfTest, not_held, "no hold", {A::kAskTrialHold, S::kSelfTest, "asks_trial_hold"}},
    {S::kSelfTest, always, "", {A::kSelfTest, S::kSelfTest, "self_test_runs"}},

    {S::kReturnToService, confirmed_target, "boot recorded it", {A::kNoteConfirmed, S::kConfirmed, "confirmed"}},
    {S::kReturnToService, quarantined, "quarantined", {A::kNoteFailed, S::kFailed, "trial_failed"}},
    {S::kReturnToService, not_in_trial_of_target, "interrupted", {A::kDisarm, S::kApproved, "trial_interrupted"}},
    // A verdict lives as long as the process that heard it: a restarted agent tests again before it decides.
    {S::kReturnToService, failed_test, "failed", {A::kRequestRevert, S::kReverting, "self_test_failed"}},
    {S::kReturnToService, decided_no, "refused", {A::kRequestRevert, S::kReverting, "return_refused"}},
    {S::kReturnToService, [](F f) { return !passed(f); }, "no verdict",
     {A::kNoteTrial, S::kSelfTest, "self_test"}},
    {S::kReturnToService, other_failed, "a component failed", {A::kRequestRevert, S::kReverting, "component_failed"}},
    // A component's trial has a watchdog: it begins when nobody has to be waited for any more.
    {S::kReturnToService, decided_and_unprepared, "decided, a component is not prepared",
     {A::kPrepareOthers, S::kReturnToService, "prepares_components"}},
    {S::kReturnToService, decided_yes, "decided", {A::kRequestConfirm, S::kConfirmRequested, "confirm_requested"}},
    {S::kReturnToService, always, "", {A::kWait, S::kReturnToService, "waits_for_decision"}},

    {S::kConfirmRequested, confirmed_target, "boot recorded it", {A::kNoteConfirmed, S::kConfirmed, "confirmed"}},
    {S::kConfirmRequested, quarantined, "quarantined", {A::kNoteFailed, S::kFailed, "trial_failed"}},
    {S::kConfirmRequested, not_in_trial_of_target, "interrupted", {A::kDisarm, S::kApproved, "trial_interrupted"}},
    // The token of an earlier start confirms nothing: this start's trial is tested and confirmed anew.
    {S::kConfirmRequested, rebooted, "a new trial", {A::kNoteTrial, S::kSelfTest, "self_test"}},
    {S::kConfirmRequested, not_held, "no hold", {A::kAskTrialHold, S::kConfirmRequested, "asks_trial_hold"}},
    {S::kConfirmRequested, held, "held", {A::kLastCheck, S::kConfirmRequested, "last_check"}},
    {S::kConfirmRequested, checked, "checked", {A::kAskConfirmReset, S::kConfirmRequested, "confirm_reset_asked"}},
    {S::kConfirmRequested, always, "", {A::kWait, S::kConfirmRequested, "waits_for_reset"}},

    // CONFIRMED is a fact of boot. If boot went back since (AUTO_REVERT), the transaction failed after all.
    {S::kConfirmed, not_confirmed_target, "boot runs another image", {A::kNoteFailed, S::kFailed, "reverted_by_boot"}},
    // The commit point has passed: SET_REVERT of protocol section 5. Where there is no way back (taken over from another agent, a
    // floor or revocation in force, two components of which one is through), therapy on the component stays inhibited (unknown
    // pair) until a release with a higher attempt number or sequence cures it.
    {S::kConfirmed, set_can_go_back, "a component failed for good", {A::kBeginSetRevert, S::kSetReverting, "component_failed_after_commit"}},
    {S::kConfirmed, cured_by_next_release, "another release applies", {A::kFinish, S::kIdle, "next_release"}},
    {S::kConfirmed, other_failed_for_good, "and there is no way back", {A::kWait, S::kConfirmed, "no_way_back"}},
    {S::kConfirmed, others_unconfirmed, "a component has not confirmed", {A::kConfirmOthers, S::kConfirmed, "confirms_components"}},
    {S::kConfirmed, always, "", {A::kInform, S::kInService, "in_service"}},

    {S::kInService, not_confirmed_target, "boot runs another image", {A::kNoteFailed, S::kFailed, "reverted_by_boot"}},
    // No old image of main is overwritten before every component is through.
    {S::kInService, others_unsynced, "a component's other slot is old", {A::kSyncOthers, S::kInService, "syncs_components"}},
    {S::kInService, boot_synced, "boot recorded both slots", {A::kNoteSynced, S::kSynced, "synced"}},
    {S::kInService, sync_missing, "the other slot is old", {A::kSyncOther, S::kInService, "other_slot_current"}},
    // A device that is never switched off must not miss the next release only because boot's SYNCED record waits.
    {S::kInService, next_release_waits, "another release applies", {A::kFinish, S::kIdle, "next_release"}},
    {S::kInService, always, "", {A::kWait, S::kInService, "waits_for_start"}},

    {S::kSynced, always, "", {A::kFinish, S::kIdle, "complete"}},

    {S::kReverting, confirmed_target, "boot recorded it", {A::kNoteConfirmed, S::kConfirmed, "confirmed"}},
    {S::kReverting, not_in_trial_of_target, "boot went back", {A::kNoteFailed, S::kFailed, "trial_failed"}},
    // REQ_REVERT is bound to its start: written again for this one.
    {S::kReverting, rebooted, "a new trial", {A::kRequestRevert, S::kReverting, "self_test_failed"}},
    {S::kReverting, not_held, "no hold", {A::kAskTrialHold, S::kReverting, "asks_trial_hold"}},
    {S::kReverting, held, "held", {A::kLastCheck, S::kReverting, "last_check"}},
    {S::kReverting, checked, "checked", {A::kAskRevertReset, S::kReverting, "revert_reset_asked"}},
    {S::kReverting, always, "", {A::kWait, S::kReverting, "waits_for_reset"}},

    // SET_REVERT. Decided once: a component that comes back later finds the release failed, or cures it (component_confirmed_late).
    {S::kSetReverting, not_confirmed_target, "boot went back", {A::kNoteFailed, S::kFailed, "set_reverted"}},
    {S::kSetReverting, unsettled, "a component runs a trial", {A::kRevertOthers, S::kSetReverting, "reverts_components"}},
    {S::kSetReverting, not_held, "no hold", {A::kAskReturnHold, S::kSetReverting, "asks_return_hold"}},
    {S::kSetReverting, held, "held", {A::kLastCheck, S::kSetReverting, "last_check"}},
    {S::kSetReverting, checked, "checked", {A::kSetRevert, S::kSetReverting, "set_revert_reset_asked"}},
    {S::kSetReverting, always, "", {A::kWait, S::kSetReverting, "waits_for_reset"}},

    {S::kFailed, unsettled, "a component runs a trial", {A::kSettleOthers, S::kFailed, "reverts_components"}},
    {S::kFailed, always, "", {A::kFinish, S::kIdle, "failed"}},
});

constexpr std::array<std::string_view, kStateCount> kStateNames{
    "IDLE",      "AVAILABLE",         "STAGED",            "OFFERED",   "APPROVED",   "HELD",   "SWITCHED",  "SELF_TEST",
    "RETURN_TO_SERVICE", "CONFIRM_REQUESTED", "CONFIRMED", "IN_SERVICE", "SYNCED", "REVERTING", "FAILED",
    "SET_REVERTING"};

constexpr std::array<std::string_view, kActionCount> kActionNames{
    "wait",          "begin",        "adopt_trial",     "stage",       "inform",
    "approve",       "ask_hold",     "ask_trial_hold",  "arm",         "last_check",
    "ask_reset",     "disarm",       "note_trial",      "self_test",   "note_passed",
    "request_confirm", "ask_confirm_reset", "request_revert", "ask_revert_reset", "note_confirmed",
    "sync_other",    "note_synced",  "note_failed",     "abandon",     "finish",
    "prepare_others", "confirm_others", "sync_others", "settle_others",
    "begin_set_revert", "revert_others", "ask_return_hold", "set_revert"};

}  // namespace

Step next(State state, const Facts& facts) {
  for (const Arc& arc : kArcs)
    if (arc.from == state && arc.guard(facts)) return arc.step;
  ASEPTIC_ASSERT(false);
}

std::span<const Arc> arcs() { return kArcs; }

std::string_view to_string(State state) { return kStateNames[static_cast<std::size_t>(state)]; }
std::string_view to_string(Action action) { return kActionNames[static_cast<std::size_t>(action)]; }

bool state_from_string(std::string_view text, State& out) {
  for (std::uint8_t i = 0; i < kStateCount; ++i) {
    if (kStateNames[i] != text) continue;
    out = static_cast<State>(i);
    return true;
  }
  return false;
}

bool is_before_switch(State state) { return state <= State::kApproved; }

}  // namespace aseptic::agent
