// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/engine.h"

#include <algorithm>

#include "apply/staging.h"
#include "aseptic/agent/codes.h"
#include "aseptic/interlock/hold_client.h"
#include "hold/hold_driver.h"
#include "offer/lookout.h"
#include "report/report_queue.h"
#include "slots/boot_event_names.h"
#include "slots/boot_view.h"
#include "slots/request_door.h"
#include "slots/slot_sync.h"
#include "state/state_store.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;
using device_log::Outcome;
using std::chrono::milliseconds;

constexpr milliseconds kHoldPoll{50};           // renewals and answers while a hold is open
constexpr milliseconds kIdlePoll{1000};
constexpr milliseconds kRetryFirst{1000};       // after a failed action; doubles up to kRetryMax
constexpr milliseconds kRetryMax{60'000};
constexpr milliseconds kSelfTestMax{10 * 60 * 1000};  // SI-08: then the trial has failed
constexpr milliseconds kRepeatAfter{3600 * 1000};
constexpr std::uint64_t kStateSpaceMin = 1u << 20;    // log segment, reports and metadata of one update
constexpr std::chrono::seconds kRefusalPauseMax{24 * 3600};

Running running_of(const boot::BootReport& report) {
  switch (report.run_kind) {
    case boot::RunKind::kConfirmed: return Running::kConfirmed;
    case boot::RunKind::kForcedTrial: return Running::kForcedTrial;
    case boot::RunKind::kRecovery: return Running::kRecovery;
    case boot::RunKind::kTrial:
    case boot::RunKind::kNone: break;
  }
  return Running::kTrial;  // unknown is the careful answer: nothing is written
}

class ApplyEngine final : public Engine {
 public:
  ApplyEngine(EngineParts parts, BootView boot)
      : p_(std::move(parts)), boot_(boot), store_(p_.state), door_(p_.requests),
        hold_(p_.therapy, p_.therapy_key, p_.clock, p_.entropy, {boot.report.device_id}),
        reports_(p_.state, p_.device_key, p_.config, boot_) {}

  Result<void> open() {
    auto memory = store_.load_memory();
    if (memory) memory_ = *std::move(memory);
    ASEPTIC_TRY(log_, LogBook::open(p_.state, p_.clock, p_.device_key, {p_.config.device.id, boot_.report.boot_count},
                                    memory_.acknowledged));
    if (!memory) log_->refuse(memory.error(), "memory");
    auto record = store_.load_transaction();
    if (record) {
      record_ = saved_ = *std::move(record);
    } else {
      log_->refuse(record.error(), "transaction");
    }
    log_->set_time_floor(p_.source.time_floor());
    note_start();
    take_over_from_boot();
    read_running_version();
    cancel_old_arm();
    queue_report();
    log_->checkpoint();
    return {};
  }

  milliseconds step() override {
    hold_.poll();
    look_if_due();
    const Step step = next(record_.state, facts());
    if (step.action == Action::kWait) {
      note_waiting(step);
    } else {
      take(step);
    }
    send_reports_if_due();
    return pause_after(step);
  }

  void look_now(std::string_view who) override {
    log_->note({.outcome = Outcome::kNote, .reason = "agent.check", .text = "asked to look for a release",
                .actor = std::string(who)});
    next_look_ = milliseconds{0};
    memory_.refused_until = {};
  }

  void approve(std::string_view who) override {
    approval_ = who;
    look_now(who);
  }

  void decide_return_to_service(Verdict verdict, std::string_view who) override {
    decision_ = verdict;
    log_->note({.reason = "agent.return_to_service",
                .text = verdict == Verdict::kPassed ? "returned to service" : "return to service refused",
                .actor = std::string(who)});
  }

  [[nodiscard]] EngineStatus status() const override {
    EngineStatus s;
    s.state = record_.state;
    s.why = why_;
    s.last_error = last_error_;
    s.last_sentence = last_sentence_;
    s.running_version = running_version_;
    s.running = boot_.running();
    s.confirmed = boot_.confirmed();
    s.confirmed_sequence = boot_.report.confirmed_sequence;
    s.in_trial = boot_.is_trial();
    s.boot_count = boot_.report.boot_count;
    s.floor = boot_.report.floor;
    s.target_version = record_.version;
    s.chunks_durable = record_.chunks_durable;
    s.reports_waiting = reports_waiting_;
    s.log = log_->head();
    s.log_lost = log_->lost();
    return s;
  }

  [[nodiscard]] LogBook& log() override { return *log_; }

 private:
  // ---- start

  void note_start() {
    const boot::BootReport& r = boot_.report;
    log_->note({.outcome = Outcome::kNote, .reason = "boot.report",
                .text = "cause " + std::to_string(static_cast<int>(r.reset_cause)) + ", run kind " +
                        std::to_string(static_cast<int>(r.run_kind)) + ", floor " + std::to_string(r.floor) +
                        ", revoked " + std::to_string(r.revoked) + ", generation " + std::to_string(r.generation) +
                        (r.emulated ? ", EMULATED" : ""),
                .actor = "boot", .to = device_log::ImageName{{}, boot_.running()}});
    const auto count = std::min<std::size_t>(r.event_count, boot::kReportEventsMax);
    for (std::size_t i = 0; i < count; ++i) {
      log_->note({.outcome = Outcome::kNote, .reason = boot_event_reason(r.events[i].code),
                  .text = "detail " + std::to_string(r.events[i].detail), .actor = "boot"});
    }
  }

  // Boot's word replaces the cache: RC-05, T-06.
  void take_over_from_boot() {
    if (boot_.report.run_kind == boot::RunKind::kConfirmed &&
        boot_.report.confirmed_sequence > memory_.confirmed_sequence) {
      memory_.confirmed_sequence = boot_.report.confirmed_sequence;
      memory_.confirmed_manifest = boot_.confirmed();
      keep_memory();
    }
  }

  void read_running_version() {
    platform::BlockDevice* slot = running_slot();
    if (slot == nullptr) return;
    auto header = read_slot_header(*slot, boot_.running());
    if (!header) return log_->refuse(header.error(), "running slot");
    running_version_ = header->version;
    running_size_ = header->image_size;
  }

  // An arm that an earlier process of this start left behind permits nothing without the therapy side, but it is not
  // this process's wish: it is taken back before anything else happens.
  void cancel_old_arm() {
    if (record_.state > State::kApproved) return;
    if (auto done = door_.withdraw_all(); !done) fail(done.error(), "withdraw requests");
  }

  // ---- facts

  [[nodiscard]] platform::BlockDevice* running_slot() {
    if (boot_.report.place == boot::ImagePlace::kSlotA) return &p_.slot_a;
    if (boot_.report.place == boot::ImagePlace::kSlotB) return &p_.slot_b;
    return nullptr;
  }
  // Running from recovery, slot A is rebuilt first.
  [[nodiscard]] std::string target_slot() const { return boot_.report.place == boot::ImagePlace::kSlotA ? "b" : "a"; }
  [[nodiscard]] platform::BlockDevice& slot(const std::string& name) { return name == "a" ? p_.slot_a : p_.slot_b; }

  [[nodiscard]] bool is_failed(const core::Digest& manifest, std::uint32_t attempt) const {
    return boot_.quarantines(manifest, attempt) ||
           std::ranges::any_of(memory_.failed, [&](const FailedImage& image) {
             return image.manifest == manifest && image.attempt >= attempt;
           });
  }

  // SECURITY(T-54): while the recovery image does not verify, no slot is erased; the other slot is brought up to date,
  // and boot repairs recovery at its next start.
  [[nodiscard]] bool way_back_is_whole() const { return boot_.report.recovery != boot::RecoveryState::kDoesNotVerify; }

  [[nodiscard]] bool offer_counts() {
    if (!offer_ || !way_back_is_whole()) return false;
    if (is_failed(offer_->manifest.value(), offer_->attempt)) return false;
    return offer_->release_digest != memory_.refused || p_.source.judged_now() >= memory_.refused_until;
  }

  // On a withdrawn list, or not selected any more: either way nobody with the right to say so wants it here.
  [[nodiscard]] bool is_withdrawn() const {
    if (selected_ && *selected_ != record_.release) return true;
    return std::ranges::any_of(withdrawn_, [&](const auto& w) { return w.release == record_.release; });
  }

  [[nodiscard]] bool is_window_open() {
    const auto since_midnight = p_.clock.wall().time_since_epoch() % std::chrono::days(1);
    return is_inside(p_.config.policy.windows, std::chrono::duration_cast<std::chrono::minutes>(since_midnight));
  }

  [[nodiscard]] std::uint64_t energy() const {
    return p_.energy_mwh ? p_.energy_mwh() : p_.config.policy.energy_mwh;
  }

  // AP-04: all of them, before the first write. The first that fails is the reason.
  Result<void> precheck() {
    if (!offer_) return Error(AgentCode::kUnreachable, "the offer is not known yet since this start");
    if (p_.check_device) ASEPTIC_TRY_VOID(p_.check_device());
    if (offer_->release->safety.energy_mwh_min > energy()) {
      return Error(AgentCode::kEnergy, "the update needs " + std::to_string(offer_->release->safety.energy_mwh_min) +
                                           " mWh, the device holds " + std::to_string(energy()));
    }
    if (slot(target_slot()).size() < offer_->image_size) {
      return Error(AgentCode::kSpace, "the image has " + std::to_string(offer_->image_size) +
                                          " bytes, the slot holds " + std::to_string(slot(target_slot()).size()));
    }
    ASEPTIC_TRY(const std::uint64_t free, p_.state.free_bytes());
    if (free < p_.config.policy.disk_reserve_bytes + kStateSpaceMin) {
      return Error(AgentCode::kSpace, "only " + std::to_string(free) + " bytes are free for the agent's state");
    }
    if (!hold_.is_connected()) return Error(AgentCode::kTherapy, "the therapy application does not answer");
    return {};
  }

  Facts facts() {
    Facts f;
    f.running = running_of(boot_.report);
    f.runs_target = boot_.running() == record_.manifest;
    f.target_confirmed = boot_.confirmed() == record_.manifest && f.runs_target;
    f.target_quarantined = is_failed(record_.manifest, record_.attempt);
    f.rebooted = record_.boot_count != boot_.report.boot_count;
    f.boot_synced = boot_.report.synced && memory_.touched_boot != boot_.report.boot_count;
    f.offered = offer_counts();
    f.offer_is_target = f.offered && offer_->release_digest == record_.release && offer_->attempt == record_.attempt;
    f.withdrawn = is_withdrawn();
    f.refused = memory_.refused == record_.release && p_.source.judged_now() < memory_.refused_until;
    if (record_.state == State::kAvailable && !f.refused) f.prechecks_pass = passes_prechecks();
    f.approved = !record_.approved_by.empty() || !approval_.empty() ||
                 p_.config.policy.approval == Decision::kAutomatic;
    f.window_open = is_window_open();
    f.too_many_tries = record_.switch_tries >= p_.config.policy.switch_tries_max;
    f.return_to_service =
        p_.config.policy.return_to_service == Decision::kAutomatic ? Verdict::kPassed : decision_;
    f.hold = hold_.fact();
    f.self_test = self_test();
    f.other_slot_current = memory_.synced_manifest == boot_.confirmed();
    return f;
  }

  bool passes_prechecks() {
    auto result = precheck();
    if (!result) note_error(result.error(), "pre-check");
    return result.has_value();
  }

  Verdict self_test() {
    if (record_.state != State::kSelfTest && record_.state != State::kReturnToService) return Verdict::kNone;
    if (p_.clock.since_boot() > kSelfTestMax + trial_seen_) return Verdict::kFailed;
    const Verdict verdict = hold_.self_test();
    // Own check: an image without a working log must not be confirmed (it could not report anything).
    if (verdict == Verdict::kPassed && log_->lost() != 0) return Verdict::kFailed;
    return verdict;
  }

  // ---- looking

  void look_if_due() {
    const bool steady = is_before_switch(record_.state) || record_.state == State::kInService;
    if (!steady || boot_.is_trial() || p_.clock.since_boot() < next_look_) return;
    next_look_ = p_.clock.since_boot() + p_.config.policy.poll;
    if (auto known = p_.check_device ? p_.check_device() : Result<void>{}; !known) {
      offer_.reset();
      return fail(known.error(), "provisioning attributes");
    }
    auto sighting = look_for_release(p_.source, {p_.config, boot_, memory_});
    log_->set_time_floor(p_.source.time_floor());
    if (!sighting) {
      offer_.reset();
      return fail(sighting.error(), "look for a release");
    }
    selected_ = sighting->selected;
    withdrawn_ = std::move(sighting->withdrawn);
    offer_.reset();
    if (sighting->refusal) return fail(*sighting->refusal, "selected release");
    if (sighting->offer) offer_.emplace(*std::move(sighting->offer));
    last_error_.clear();
    last_sentence_.clear();
  }

  // ---- acting

  void take(const Step& step) {
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
    }
    keep_record();
    if (step.next != before) announce(step, before);
  }

  void announce(const Step& step, State before) {
    const bool bad = step.next == State::kFailed || step.action == Action::kAbandon || step.action == Action::kDisarm ||
                     step.action == Action::kRequestRevert;
    log_->note({.outcome = bad ? Outcome::kFailed : Outcome::kDone,
                .reason = "agent." + std::string(step.why),
                .text = std::string(to_string(before)) + " -> " + std::string(to_string(step.next)),
                .from = device_log::ImageName{ended_.from_version, ended_.from_manifest},
                .to = device_log::ImageName{ended_.version, ended_.manifest}});
    log_->checkpoint();
    const bool tell = step.next == State::kOffered || step.next == State::kInService || step.next == State::kSynced ||
                      step.next == State::kFailed || step.action == Action::kAbandon || step.next == State::kSelfTest;
    if (tell) queue_report();
  }

  Result<void> perform(Action action) {
    ended_ = record_;
    switch (action) {
      case Action::kWait:
      case Action::kInform:
      case Action::kNotePassed: return {};
      case Action::kBegin: return begin();
      case Action::kAdoptTrial: return adopt_trial();
      case Action::kStage: return stage();
      case Action::kApprove: return note_approval();
      case Action::kAskHold: return ask_hold(interlock::HoldKind::kSwitch);
      case Action::kAskTrialHold: return ask_hold(interlock::HoldKind::kTrial);
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
    }
    return Error(AgentCode::kState, "unknown action");
  }

  Result<void> begin() {
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
    ended_ = record_;
    return {};
  }

  Result<void> adopt_trial() {
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

  Result<void> stage() {
    // SECURITY(T-54): the device's other image has just verified on the medium, before this slot is erased.
    if (platform::BlockDevice* running = running_slot()) {
      auto other = payload::measure_slot(*running, running_image());
      if (!other) return Error(AgentCode::kLastImage, "the running slot: " + other.error().sentence());
    }
    record_.slot = target_slot();
    memory_.synced_manifest = {};
    memory_.touched_boot = boot_.report.boot_count;
    ASEPTIC_TRY_VOID(store_.save(memory_));
    const StagingHooks hooks{.keep = [this](std::uint64_t durable) -> Result<void> {
                               record_.chunks_durable = durable;
                               return save_record();
                             },
                             .breathe = p_.breathe};
    auto measured = stage_image(*offer_, p_.source, slot(record_.slot), record_.chunks_durable, hooks);
    if (!measured) {
      if (measured.error().action() == core::ActionClass::kReject) remember_refusal();
      return measured.error();
    }
    memory_.refused = {};
    memory_.refusals = 0;
    return store_.save(memory_);
  }

  // What was served is not what was signed. Tried again later (the server may have been repaired), ever more seldom.
  void remember_refusal() {
    memory_.refusals = memory_.refused == record_.release ? std::min(memory_.refusals + 1, 16u) : 1;
    memory_.refused = record_.release;
    const auto pause = std::min(p_.config.policy.poll * (1 << memory_.refusals), kRefusalPauseMax);
    memory_.refused_until = p_.source.judged_now() + pause;
    record_.chunks_durable = 0;
    keep_memory();
  }

  Result<void> note_approval() {
    record_.approved_by = approval_.empty() ? "site-policy" : approval_;
    approval_.clear();
    return {};
  }

  Result<void> ask_hold(interlock::HoldKind kind) {
    interlock::HoldTerms terms;
    terms.kind = kind;
    ASEPTIC_TRY(const core::Bytes id, core::from_hex(record_.id));
    std::ranges::copy(id, terms.transaction.bytes.begin());
    terms.manifest.bytes = record_.manifest.bytes;
    terms.boot_id = boot_.boot_id;
    hold_.ask(terms);
    return {};
  }

  Result<void> arm() {
    boot::Request stage_request{.kind = boot::RequestKind::kStage};
    stage_request.boot_count = boot_.report.boot_count;
    stage_request.slot = record_.slot == "a" ? boot::SlotId::kA : boot::SlotId::kB;
    stage_request.attempt = static_cast<std::uint16_t>(std::min<std::uint32_t>(record_.attempt, boot::kAttemptMax));
    stage_request.manifest = record_.manifest.bytes;
    stage_request.set = record_.set.bytes;
    boot::Request arm_request{.kind = boot::RequestKind::kArm};
    arm_request.boot_count = boot_.report.boot_count;
    ++record_.switch_tries;
    ASEPTIC_TRY_VOID(save_record());
    return door_.post({stage_request, arm_request});
  }

  Result<void> ask_reset(interlock::ResetPurpose purpose) {
    log_->note({.outcome = Outcome::kNote, .reason = "agent." + std::string(why_),
                .text = "the therapy side is asked for its last check and the reset"});
    log_->checkpoint();
    hold_.ask_reset(purpose);
    return {};
  }

  Result<void> disarm() {
    // The arm first, then the hold: never a free therapy side with an arm outstanding.
    ASEPTIC_TRY_VOID(door_.withdraw_all());
    hold_.release();
    return {};
  }

  Result<void> note_trial() {
    trial_seen_ = p_.clock.since_boot();
    decision_ = Verdict::kNone;
    return {};
  }

  Result<void> request(boot::RequestKind kind) {
    boot::Request wanted{.kind = kind};
    wanted.boot_count = boot_.report.boot_count;
    if (kind == boot::RequestKind::kConfirm) wanted.token = boot_.report.token;
    record_.boot_count = boot_.report.boot_count;
    return door_.post({wanted});
  }

  Result<void> note_confirmed() {
    memory_.confirmed_sequence = boot_.report.confirmed_sequence;
    memory_.confirmed_version = running_version_;
    memory_.confirmed_manifest = boot_.confirmed();
    memory_.synced_manifest = {};
    ASEPTIC_TRY_VOID(store_.save(memory_));
    hold_.release();
    return door_.withdraw_all();
  }

  payload::ImageReference running_image() const {
    return {BootReportReader::running_manifest(boot_), BootReportReader::running_image(boot_), running_size_};
  }

  Result<void> sync_other() {
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

  Result<void> note_failed() {
    const FailedImage failed{record_.manifest, record_.attempt, std::string(why_)};
    std::erase_if(memory_.failed, [&](const FailedImage& old) { return old.manifest == failed.manifest; });
    if (memory_.failed.size() >= kFailedMax) memory_.failed.erase(memory_.failed.begin());
    memory_.failed.push_back(failed);
    memory_.synced_manifest = {};
    ASEPTIC_TRY_VOID(store_.save(memory_));
    last_error_ = "agent.quarantined";
    last_sentence_ = "version " + record_.version + " failed its trial and is not tried again with this attempt number";
    hold_.release();
    return door_.withdraw_all();
  }

  Result<void> finish() {
    if (record_.state != State::kInService) ASEPTIC_TRY_VOID(door_.withdraw_all());
    hold_.release();
    record_ = TransactionRecord{};
    return {};
  }

  // ---- keeping

  Result<void> save_record() {
    if (record_ == saved_) return {};
    ASEPTIC_TRY_VOID(record_ == TransactionRecord{} ? store_.clear_transaction() : store_.save(record_));
    saved_ = record_;
    return {};
  }

  void keep_record() {
    if (record_.state == State::kIdle) record_ = TransactionRecord{};
    if (auto done = save_record(); !done) fail(done.error(), "save the transaction");
  }

  void keep_memory() {
    if (auto done = store_.save(memory_); !done) fail(done.error(), "save the agent's memory");
  }

  // ---- telling

  void note_waiting(const Step& step) {
    if (why_ == step.why) return;
    why_ = step.why;
    if (record_.state == State::kIdle) return;
    log_->note({.outcome = Outcome::kNote, .reason = "agent." + std::string(step.why),
                .text = "waits in " + std::string(to_string(record_.state)),
                .to = device_log::ImageName{record_.version, record_.manifest}});
    log_->checkpoint();
  }

  // One record an hour for each kind of failure, not one for each try: a dead or hostile server must not fill the log.
  bool note_error(const Error& error, std::string_view what) {
    last_error_ = error.name();
    last_sentence_ = std::string(what) + ": " + error.sentence();
    const std::string kind = last_error_ + " " + std::string(what);
    const auto noted = noted_.find(kind);
    const bool again = noted != noted_.end() && p_.clock.since_boot() < noted->second + kRepeatAfter;
    if (!again) noted_[kind] = p_.clock.since_boot();
    if (error.action() == core::ActionClass::kReject) {
      auto& [count, index] = attacks_[std::string(error.name())];
      ++count;
      if (index == 0) index = log_->head().count + 1;
    }
    if (!again) log_->refuse(error, what);
    return !again;
  }

  void fail(const Error& error, std::string_view what) {
    if (!note_error(error, what)) return;
    log_->checkpoint();
    if (error.action() == core::ActionClass::kReject || error.action() == core::ActionClass::kHalt) queue_report();
  }

  void back_off() {
    not_before_ = p_.clock.since_boot() + retry_;
    retry_ = std::min(retry_ * 2, kRetryMax);
  }

  void queue_report() {
    ReportContent content;
    content.state = record_.state;
    content.last_error = last_error_;
    content.attacks = attacks_;
    content.time = p_.source.judged_now();
    content.time_trusted = p_.clock.wall() >= p_.source.time_floor() && p_.source.time_floor() != core::UtcTime{};
    content.running_version = running_version_;
    if (auto done = reports_.add(content, *log_, memory_, store_); !done) {
      log_->refuse(done.error(), "report");
    }
    count_reports();
    next_send_ = milliseconds{0};
  }

  void count_reports() {
    if (auto waiting = reports_.waiting()) reports_waiting_ = *waiting;
  }

  void send_reports_if_due() {
    if (reports_waiting_ == 0 || p_.config.server.report_url.empty()) return;
    if (p_.clock.since_boot() < next_send_) return;
    next_send_ = p_.clock.since_boot() + p_.config.policy.poll;
    auto sent = reports_.send(p_.source, memory_, store_);
    if (sent && *sent != 0) attacks_.clear();
    if (!sent) static_cast<void>(note_error(sent.error(), "report"));
    count_reports();
  }

  milliseconds pause_after(const Step& step) {
    if (hold_.is_active() || record_.state == State::kSelfTest || record_.state == State::kReverting ||
        record_.state == State::kConfirmRequested) {
      return kHoldPoll;
    }
    if (step.action != Action::kWait && p_.clock.since_boot() >= not_before_ && step.action != Action::kAskHold) {
      return milliseconds{0};
    }
    return step.action == Action::kAskHold ? kHoldPoll : kIdlePoll;
  }

  EngineParts p_;
  BootView boot_;
  StateStore store_;
  RequestDoor door_;
  HoldDriver hold_;
  ReportQueue reports_;
  std::unique_ptr<LogBook> log_;
  Memory memory_;
  TransactionRecord record_;
  TransactionRecord saved_;
  TransactionRecord ended_;  // as it was when the last action began: what a record about it names
  std::optional<Offer> offer_;
  std::optional<core::Digest> selected_;  // by the channel, as last verified in this start
  std::vector<trust::Withdrawal> withdrawn_;
  std::string running_version_;
  std::uint64_t running_size_ = 0;
  std::string approval_;
  Verdict decision_ = Verdict::kNone;
  std::string_view why_ = "started";
  std::string last_error_;
  std::string last_sentence_;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>, std::less<>> attacks_;
  std::map<std::string, milliseconds, std::less<>> noted_;  // kinds of failure: as many as there are codes and places
  milliseconds next_look_{0};
  milliseconds next_send_{0};
  milliseconds not_before_{0};
  milliseconds retry_ = kRetryFirst;
  milliseconds trial_seen_{0};
  std::uint64_t reports_waiting_ = 0;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(EngineParts parts) {
  ASEPTIC_TRY(const BootView boot, read_boot_view(parts.boot_report));
  auto engine = std::make_unique<ApplyEngine>(std::move(parts), boot);
  ASEPTIC_TRY_VOID(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace aseptic::agent
