// SPDX-License-Identifier: Apache-2.0
// The one state machine of an update: design.md section 4, as a table.
//
// Who: the engine of the apply process gathers Facts, calls next(), does the action, stores the new state. Nothing else
// decides. Pure: no I/O, no clock; tests walk every state with every combination of facts.
//
// INVARIANTS (transaction_test.cpp proves them over all states and facts):
//  * slots are written only while a confirmed image runs, after the pre-checks, and never for a quarantined digest;
//  * REQ_ARM only while HELD for this transaction, approved and inside the window; the reset only after the last check;
//  * REQ_CONFIRM only in the trial of this very digest, after self-test and return-to-service decision;
//  * after a reset boot's report decides, never the stored state (T-06): a stored state is only what the agent wanted;
//  * REQ_CONFIRM only when every other component is PREPARED; they confirm only after main's CONFIRMED is recorded, and main's
//    other slot is overwritten only after theirs (protocol section 5);
//  * SET_REVERT (a component failed for good after main's CONFIRMED): the running image's manifest is taken away only in that state,
//    after no component runs a trial any more, under a hold that was just checked, with the previous image just measured; and the
//    release has failed then, whatever happens;
//  * nothing after APPROVED looks at metadata, its freshness or the server.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace aseptic::agent {

enum class State : std::uint8_t {
  kIdle,              // nothing to do
  kAvailable,         // a verified, applicable release is known
  kStaged,            // the inactive slot holds it, read back and measured
  kOffered,           // people were informed
  kApproved,          // site, window and energy allow it
  kHeld,              // therapy inhibited; REQ_STAGE and REQ_ARM durable
  kSwitched,          // boot runs the trial
  kSelfTest,
  kReturnToService,   // passed; waits for the decision
  kConfirmRequested,  // REQ_CONFIRM durable; asks for the second reset
  kConfirmed,         // boot has recorded it
  kInService,         // therapy enabled; the other slot is brought up to date
  kSynced,            // boot has recorded both slots
  kReverting,         // REQ_REVERT durable; asks for the reset
  kFailed,            // the update did not succeed; to be recorded and reported
  kSetReverting,      // confirmed, but a component failed for good: main returns to the previous set
};
inline constexpr std::uint8_t kStateCount = 16;

enum class Action : std::uint8_t {
  kWait,
  kBegin,          // write the transaction record for the offer
  kAdoptTrial,     // boot runs a trial this agent knows nothing of (wiped state): write a record for it
  kStage,          // other images verified, stream the payload, read back, measure
  kInform,         // tell people: log, status, report
  kApprove,        // note the approval
  kAskHold,
  kAskTrialHold,
  kArm,            // REQ_STAGE and REQ_ARM, durable, read back
  kLastCheck,
  kAskReset,       // the therapy side checks again and resets
  kDisarm,         // cancel the arm durably, then release the hold
  kNoteTrial,
  kSelfTest,
  kNotePassed,
  kRequestConfirm, // REQ_CONFIRM with boot's token, durable, read back
  kAskConfirmReset,
  kRequestRevert,  // REQ_REVERT, durable, read back
  kAskRevertReset,
  kNoteConfirmed,
  kSyncOther,      // copy the running, confirmed image into the other slot; REQ_SYNCED
  kNoteSynced,
  kNoteFailed,     // quarantine entry, report
  kAbandon,        // give the release up before the switch
  kFinish,         // clear the record
  // The components beside the main one; each is repeated until a fact says that it is done.
  kPrepareOthers,  // bring them into their trials and through their self-tests
  kConfirmOthers,  // main's CONFIRMED is recorded: theirs now
  kSyncOthers,     // their other slots
  kSettleOthers,   // an open trial: confirmed if it belongs to the set that main has confirmed, else reverted
  kBeginSetRevert, // no way forward for the set: recorded and reported before anything is touched
  kRevertOthers,   // an open trial of a component is reverted, whatever main has confirmed
  kAskReturnHold,  // therapy inhibited for the way back
  kSetRevert,      // previous image measured, the running one's manifest taken away, reset: boot goes back (AUTO_REVERT)
};
inline constexpr std::uint8_t kActionCount = 33;

enum class Running : std::uint8_t { kConfirmed, kTrial, kForcedTrial, kRecovery };
enum class Hold : std::uint8_t { kNone, kAsked, kHeld, kChecked, kResetAsked };
enum class Verdict : std::uint8_t { kNone, kPassed, kFailed };

// What is true now. Gathered from boot's report, the offer, policy, the hold and the medium; see engine.h.
struct Facts {
  // Boot's report.
  Running running = Running::kConfirmed;
  bool runs_target = false;         // running manifest == the transaction's
  bool target_confirmed = false;    // confirmed manifest == the transaction's
  bool target_quarantined = false;  // by boot or by this agent, with this attempt number or a higher one
  bool rebooted = false;            // boot_count differs from the one stored with the state
  bool boot_synced = false;         // boot has recorded that both slots hold the confirmed image
  // The offer: what verified statements say now.
  bool offered = false;             // an applicable release exists that is newer than the confirmed one
  bool offer_is_target = false;     // and it is the one of this transaction
  bool withdrawn = false;           // verified statements withdraw the transaction's release
  bool refused = false;             // staging failed for good: what was served is not what was signed
  bool prechecks_pass = false;
  // Policy and people.
  bool approved = false;
  bool window_open = false;         // window and energy, now
  bool too_many_tries = false;
  Verdict return_to_service = Verdict::kNone;
  // The interlock and the self-test.
  Hold hold = Hold::kNone;
  Verdict self_test = Verdict::kNone;
  // The medium.
  bool other_slot_current = false;  // measured: the other slot holds the confirmed image, REQ_SYNCED is durable
  // The components beside the main one (protocol section 5); without any, nothing is held up.
  Verdict others_prepared = Verdict::kPassed;   // each runs its trial and passed its self-test
  Verdict others_confirmed = Verdict::kPassed;  // each component's boot has recorded its image
  bool others_synced = true;
  bool others_settled = true;                   // none of them runs a trial
  bool way_back = false;                        // boot's previous image was measured in the other slot, and would boot
};

struct Step {
  Action action;
  State next;             // once the action succeeded
  std::string_view why;   // reason word for the log: "agent.<why>"
};

// Total: every state has a row for every combination of facts.
Step next(State state, const Facts& facts);

// The table itself, for documents and tests: rows of a state in order, the first whose guard holds decides.
struct Arc {
  State from;
  bool (*guard)(const Facts&);
  std::string_view when;
  Step step;
};
std::span<const Arc> arcs();

std::string_view to_string(State state);
std::string_view to_string(Action action);
bool state_from_string(std::string_view text, State& out);

// States in which the device is between two images: the agent may not start something else.
bool is_before_switch(State state);

}  // namespace aseptic::agent
