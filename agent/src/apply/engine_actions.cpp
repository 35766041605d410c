// SPDX-License-Identifier: Apache-2.0
// Acts: the one action that the state machine chose. Each is repeatable after a power cut.
#include <algorithm>

#include "apply/apply_engine.h"
#include "apply/staging.h"
#include "aseptic/agent/codes.h"
#include "slots/slot_sync.h"
#include "slots/way_back.h"

namespace aseptic::agent {
namespace {

constexpr std::chrono::seconds kRefusalPauseMax{24 * 3600};

}  // namespace

void ApplyEngine::take(const Step& step) {
  if (p_.clock.since_boot() < not_before_ && step.next == record_.state) return;
  why_ = step.why;
  const State before = record_.state;
  if (auto done = perform(step.action); !done) {
    fail(done.error(), std::string(to_string(step.action)));
    return back_off();
  }
  retry_ = kRetryFirst;
  not_before_ = milliseconds{0};
  if (step.next != before) {
    record_.state = step.next;
    record_.boot_count = boot_.report.boot_count;
    others_.set_peer(peer());
  }
  keep_record();
  if (step.next != before) announce(step, before);
}

void ApplyEngine::announce(const Step& step, State before) {
  const bool bad = step.next == State::kFailed || step.action == Action::kAbandon || step.action == Action::kDisarm ||
                   step.action == Action::kRequestRevert || step.action == Action::kBeginSetRevert;
  log_->note({.outcome = bad ? Outcome::kFailed : Outcome::kDone,
              .reason = "agent." + std::string(step.why),
              .text = std::string(to_string(before)) + " -> " + std::string(to_string(step.next)),
              .from = device_log::ImageName{ended_.from_version, ended_.from_manifest},
              .to = device_log::ImageName{ended_.version, ended_.manifest}});
  log_->checkpoint();
  const bool tell = step.next == State::kOffered || step.next == State::kInService || step.next == State::kSynced ||
                    step.next == State::kFailed || step.action == Action::kAbandon || step.next == State::kSelfTest ||
                    step.next == State::kSetReverting;
  if (tell) queue_report();
}

Result<void> ApplyEngine::perform(Action action) {
  ended_ = record_;
  switch (action) {
    case Action::kWait:
    case Action::kInform:
    case Action::kNotePassed: return {};
    case Action::kBegin: return begin();
    case Action::kAdoptTrial: return adopt_trial();
    case Action::kStage: return stage();
    case Action::kApprove: return note_approval();
    case Action::kAskHold: return ask_hold(interlock::HoldKind::kSwitch, record_.manifest);
    case Action::kAskTrialHold: return ask_hold(interlock::HoldKind::kTrial, record_.manifest);
    case Action::kArm: return arm();
    case Action::kLastCheck: return hold_.check(), Result<void>{};
    case Action::kAskReset: return ask_reset(interlock::ResetPurpose::kSwitch);
    case Action::kAskConfirmReset: return ask_reset(interlock::ResetPurpose::kConfirm);
    case Action::kAskRevertReset: return ask_reset(interlock::ResetPurpose::kRevert);
    case Action::kDisarm: return disarm();
    case Action::kNoteTrial: return note_trial();
    case Action::kSelfTest: return hold_.ask_self_test(), Result<void>{};
    case Action::kRequestConfirm: return request(boot::RequestKind::kConfirm);
    case Action::kRequestRevert: return request(boot::RequestKind::kRevert);
    case Action::kNoteConfirmed: return note_confirmed();
    case Action::kSyncOther: return sync_other();
    case Action::kNoteSynced: return door_.withdraw_all();
    case Action::kNoteFailed: return note_failed();
    case Action::kAbandon:
    case Action::kFinish: return finish();
    case Action::kPrepareOthers: return bring_others_to(Goal::kPrepared);
    case Action::kConfirmOthers: return bring_others_to(Goal::kConfirmed);
    case Action::kSyncOthers: return bring_others_to(Goal::kSynced);
    case Action::kSettleOthers: return others_.settle(core::Digest{boot_.report.confirmed_set});
    case Action::kBeginSetRevert: return begin_set_revert();
    case Action::kRevertOthers: return others_.settle(core::Digest{});
    case Action::kAskReturnHold: return ask_hold(interlock::HoldKind::kSwitch, core::Digest{boot_.report.previous_manifest});
    case Action::kSetRevert: return set_revert();
  }
  return Error(AgentCode::kState, "unknown action");
}

Result<void> ApplyEngine::begin() {
  const trust::ReleaseManifest& release = *offer_->release;
  core::Bytes id(16);
  p_.entropy.fill(id);
  record_ = TransactionRecord{};
  record_.id = core::to_hex(id);
  record_.release_id = release.release_id;
  record_.release = offer_->release_digest;
  record_.version = release.version.text();
  record_.sequence = release.sequence;
  record_.attempt = offer_->attempt;
  record_.manifest = offer_->manifest.value();
  record_.image = offer_->image.value();
  record_.set = release.set_digest;
  record_.image_size = offer_->image_size;
  record_.slot = target_slot();
  record_.from_version = running_version_;
  record_.from_manifest = boot_.running();
  for (const Offer& other : offer_->others)
    record_.others.push_back({other.component, other.manifest.value(), other.image_size});
  others_.forget_verdicts();
  ended_ = record_;
  return {};
}

Result<void> ApplyEngine::adopt_trial() {
  core::Bytes id(16);
  p_.entropy.fill(id);
  record_ = TransactionRecord{};
  record_.id = core::to_hex(id);
  record_.version = running_version_;
  record_.sequence = boot_.report.running_sequence;
  record_.attempt = std::max<std::uint32_t>(boot_.report.staged_attempt, 1);
  record_.manifest = boot_.running();
  record_.image = core::Digest{boot_.report.running_image};
  record_.set = core::Digest{boot_.report.running_set};
  record_.image_size = running_size_;
  record_.slot = boot_.report.place == boot::ImagePlace::kSlotB ? "b" : "a";
  record_.from_manifest = boot_.confirmed();
  ended_ = record_;
  return {};
}

Result<void> ApplyEngine::stage() {
  // SECURITY(T-54): the device's other image has just verified on the medium, before this slot is erased.
  if (platform::BlockDevice* running = running_slot()) {
    auto other = payload::measure_slot(*running, running_image());
    if (!other) return Error(AgentCode::kLastImage, "the running slot: " + other.error().sentence());
    record_.from_area = core::sha256(other->manifest_area());
  }
  record_.slot = target_slot();
  memory_.synced_manifest = {};
  memory_.touched_boot = boot_.report.boot_count;
  ASEPTIC_TRY_VOID(store_.save(memory_));
  const StagingHooks hooks{.keep = [this](std::uint64_t durable) -> Result<void> {
                             record_.chunks_durable = durable;
                             return save_record();
                           },
                           .breathe = p_.breathe,
                           .progress = [this](std::uint64_t at, std::uint64_t size) { note_download(at, size); },
                           .fell_back = [this](const Error& error, std::string_view way) { note_error(error, way); },
                           .content_key = p_.content_key};
  const payload::BaseSlot running{running_slot(), core::Digest{boot_.report.running_image}, running_size_};
  auto staged = stage_image(*offer_, p_.source, slot(record_.slot), running, record_.chunks_durable, hooks);
  download_.reset();
  if (!staged) {
    if (staged.error().action() == core::ActionClass::kReject) remember_refusal();
    return staged.error();
  }
  note_staged(*staged);
  memory_.refused = {};
  memory_.refusals = 0;
  ASEPTIC_TRY_VOID(store_.save(memory_));
  return stage_others();
}

// Every component holds its image, read back, before anything is requested of any boot.
Result<void> ApplyEngine::stage_others() {
  if (others_.empty()) return {};
  ASEPTIC_TRY_VOID(others_.look());
  for (std::size_t i = 0; i < offer_->others.size(); ++i)
    ASEPTIC_TRY_VOID(keep_image(offer_->others[i], others_.members()[i].component->store()));
  ASEPTIC_TRY_VOID(bring_others_to(Goal::kStaged));
  return others_hold_their_images();
}

// Asked again before the arm: a component that lost power, or whose slot changed, is brought up to date first.
Result<void> ApplyEngine::others_hold_their_images() {
  ASEPTIC_TRY_VOID(others_.look());
  for (const ComponentSet::Member& member : others_.members()) {
    const auto wanted = std::ranges::find(record_.others, member.component->id(), &RecordedComponent::component);
    // One that runs it already: confirmed, or in the trial that outlasted an interruption of main's.
    const bool has_it = wanted != record_.others.end() && (member.view->held == wanted->manifest || member.view->running() == wanted->manifest);
    if (!has_it)
      return Error(AgentCode::kMeasured, "component " + member.component->location() + " does not hold its image");
  }
  return {};
}

// The agent keeps the verified image until the component has confirmed and copied it (protocol section 5).
Result<void> ApplyEngine::keep_image(const Offer& offer, platform::BlockDevice& store) {
  // SECURITY(T-46): also what an earlier run left is judged by the payload's table, which vouches for the signatures too; chunks
  // that are there are not fetched again.
  auto measured = stage_image(offer, p_.source, store, payload::BaseSlot{}, 0, {.keep = {}, .breathe = p_.breathe, .progress = {}, .fell_back = {}, .content_key = p_.content_key});
  if (measured) return {};
  if (measured.error().action() == core::ActionClass::kReject) remember_refusal();
  return measured.error();
}

Result<void> ApplyEngine::bring_others_to(Goal goal) {
  const SetFacts before = others_.facts(record_);
  ASEPTIC_TRY_VOID(others_.pursue(goal, record_));
  // While a hold is open its answers come in a moment, not at once.
  ASEPTIC_TRY_VOID(others_.look());
  const SetFacts after = others_.facts(record_);
  const bool is_prepared = before.prepared != after.prepared && after.prepared == Verdict::kPassed;
  if (goal == Goal::kPrepared && is_prepared)
    log_->note({.reason = "agent.components_prepared", .text = "every component runs its trial and passed its self-test"});
  if (goal == Goal::kConfirmed && before.confirmed != after.confirmed && after.confirmed == Verdict::kPassed)
    log_->note({.reason = "agent.components_confirmed", .text = "every component's boot has recorded its image"});
  return {};
}

void ApplyEngine::note_staged(const Staged& staged) {
  log_->note({.outcome = Outcome::kNote, .reason = "agent.fetched",
              .text = staged.way + ": " + std::to_string(staged.bytes_fetched) + " bytes fetched of " +
                      std::to_string(staged.payload_size) + "; chunks found on the device: " +
                      std::to_string(staged.progress.chunks_found) + " in the running slot, " +
                      std::to_string(staged.progress.chunks_kept) + " in their place",
              .to = device_log::ImageName{record_.version, record_.manifest}});
}

// What was served is not what was signed. Tried again later (the server may have been repaired), ever more seldom.
void ApplyEngine::remember_refusal() {
  memory_.refusals = memory_.refused == record_.release ? std::min(memory_.refusals + 1, 16u) : 1;
  memory_.refused = record_.release;
  const auto pause = std::min(p_.config.policy.poll * (1 << memory_.refusals), kRefusalPauseMax);
  memory_.refused_until = p_.source.judged_now() + pause;
  record_.chunks_durable = 0;
  keep_memory();
}

Result<void> ApplyEngine::note_approval() {
  record_.approved_by = approval_.empty() ? "site-policy" : approval_;
  approval_.clear();
  return {};
}

Result<void> ApplyEngine::ask_hold(interlock::HoldKind kind, const core::Digest& manifest) {
  interlock::HoldTerms terms;
  terms.kind = kind;
  ASEPTIC_TRY(const core::Bytes id, core::from_hex(record_.id));
  std::ranges::copy(id, terms.transaction.bytes.begin());
  terms.manifest.bytes = manifest.bytes;
  terms.boot_id = boot_.boot_id;
  hold_.ask(terms);
  return {};
}

Result<void> ApplyEngine::arm() {
  boot::Request stage_request{.kind = boot::RequestKind::kStage};
  stage_request.boot_count = boot_.report.boot_count;
  stage_request.slot = record_.slot == "a" ? boot::SlotId::kA : boot::SlotId::kB;
  stage_request.attempt = static_cast<std::uint16_t>(std::min<std::uint32_t>(record_.attempt, boot::kAttemptMax));
  stage_request.manifest = record_.manifest.bytes;
  stage_request.set = record_.set.bytes;
  ASEPTIC_TRY_VOID(others_hold_their_images());
  // SECURITY(T-66): therapy on a component blocks main's switch as well, and from here on it cannot start: the pair is unknown
  // until the image that then runs is named.
  if (auto quiet = others_.tell_peer(core::Digest{}); !quiet) {
    others_.set_peer(peer());
    hold_.release();
    return quiet.error();
  }
  boot::Request arm_request{.kind = boot::RequestKind::kArm};
  arm_request.boot_count = boot_.report.boot_count;
  ++record_.switch_tries;
  ASEPTIC_TRY_VOID(save_record());
  return door_.post({stage_request, arm_request});
}

Result<void> ApplyEngine::ask_reset(interlock::ResetPurpose purpose) {
  log_->note({.outcome = Outcome::kNote, .reason = "agent." + std::string(why_),
              .text = "the therapy side is asked for its last check and the reset"});
  log_->checkpoint();
  hold_.ask_reset(purpose);
  return {};
}

Result<void> ApplyEngine::disarm() {
  // The arm first, then the hold: never a free therapy side with an arm outstanding.
  ASEPTIC_TRY_VOID(door_.withdraw_all());
  hold_.release();
  others_.set_peer(peer());
  return {};
}

Result<void> ApplyEngine::note_trial() {
  trial_seen_ = p_.clock.since_boot();
  decision_ = Verdict::kNone;
  return {};
}

Result<void> ApplyEngine::request(boot::RequestKind kind) {
  boot::Request wanted{.kind = kind};
  wanted.boot_count = boot_.report.boot_count;
  if (kind == boot::RequestKind::kConfirm) wanted.token = boot_.report.token;
  record_.boot_count = boot_.report.boot_count;
  return door_.post({wanted});
}

Result<void> ApplyEngine::note_confirmed() {
  memory_.confirmed_sequence = boot_.report.confirmed_sequence;
  memory_.confirmed_version = running_version_;
  memory_.confirmed_manifest = boot_.confirmed();
  memory_.synced_manifest = {};
  ASEPTIC_TRY_VOID(store_.save(memory_));
  hold_.release();
  return door_.withdraw_all();
}

payload::ImageReference ApplyEngine::running_image() const {
  return {BootReportReader::running_manifest(boot_), BootReportReader::running_image(boot_), running_size_};
}

Result<void> ApplyEngine::sync_other() {
  platform::BlockDevice* source = running_slot();
  if (source == nullptr) return Error(AgentCode::kSlot, "the running image is in no slot");
  ASEPTIC_TRY_VOID(copy_slot(*source, slot(target_slot()), running_image(), p_.breathe));
  boot::Request synced{.kind = boot::RequestKind::kSynced};
  synced.boot_count = boot_.report.boot_count;
  ASEPTIC_TRY_VOID(door_.post({synced}));
  memory_.synced_manifest = boot_.confirmed();
  ASEPTIC_TRY_VOID(store_.save(memory_));
  log_->note({.reason = "agent.other_slot_current", .text = "the other slot holds the confirmed image",
              .to = device_log::ImageName{running_version_, boot_.confirmed()}});
  log_->checkpoint();
  return {};
}

// Told before anything is touched: what follows ends with a reset.
Result<void> ApplyEngine::begin_set_revert() {
  static_cast<void>(note_error(Error(AgentCode::kSetRevert, "a component failed for good; main returns from version " + record_.version +
                                                                " to the previous set"), "components"));
  return {};
}

Result<void> ApplyEngine::set_revert() {
  platform::BlockDevice* running = running_slot();
  if (running == nullptr) return Error(AgentCode::kSlot, "the running image is in no slot");
  // SECURITY(T-66): a component that answers knows that no therapy may begin; one that does not was last told so, too.
  for (const ComponentSet::Member& member : others_.members())
    if (member.view) ASEPTIC_TRY_VOID(member.component->tell_peer(core::Digest{}));
  ASEPTIC_TRY(const bool is_away, is_manifest_away(*running));
  if (!is_away) {
    // SECURITY(T-54): the image that boot goes back to has just verified on the medium.
    ASEPTIC_TRY_VOID(check_way_back(slot(target_slot()), *running, boot_, record_.from_area));
    ASEPTIC_TRY_VOID(door_.withdraw_all());
    ASEPTIC_TRY_VOID(take_manifest_away(*running));
  }
  return ask_reset(interlock::ResetPurpose::kSwitch);
}

Result<void> ApplyEngine::note_failed() {
  FailedImage failed{record_.manifest, record_.attempt, std::string(why_), {}};
  const bool set_went_back = record_.state == State::kSetReverting;
  if (set_went_back) {
    // Boot's word replaces the cache: its confirmed image is the previous one again, by this agent's own doing.
    failed.set = record_.set;
    memory_.confirmed_sequence = boot_.report.confirmed_sequence;
    memory_.confirmed_version = running_version_;
    memory_.confirmed_manifest = boot_.confirmed();
  }
  std::erase_if(memory_.failed, [&](const FailedImage& old) { return old.manifest == failed.manifest; });
  if (memory_.failed.size() >= kFailedMax) memory_.failed.erase(memory_.failed.begin());
  memory_.failed.push_back(failed);
  memory_.synced_manifest = {};
  ASEPTIC_TRY_VOID(store_.save(memory_));
  last_error_ = "agent.quarantined";
  last_sentence_ = "version " + record_.version + (set_went_back ? " was taken back with its set" : " failed its trial") + " and is not tried again with this attempt number";
  hold_.release();
  return door_.withdraw_all();
}

Result<void> ApplyEngine::finish() {
  if (record_.state != State::kInService) ASEPTIC_TRY_VOID(door_.withdraw_all());
  hold_.release();
  record_ = TransactionRecord{};
  return {};
}

}  // namespace aseptic::agent
