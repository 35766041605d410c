// SPDX-License-Identifier: Apache-2.0
// Looks: what is true now, for the state machine. Writes nothing but notes.
#include <algorithm>

#include "apply/apply_engine.h"
#include "aseptic/agent/codes.h"
#include "slots/way_back.h"

namespace aseptic::agent {
namespace {

constexpr milliseconds kContactNoteEvery{24 * 3600 * 1000};

constexpr milliseconds kSelfTestMax{10 * 60 * 1000};  // SI-08: then the trial has failed
constexpr std::uint64_t kStateSpaceMin = 1u << 20;    // log segment, reports and metadata of one update

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

}  // namespace

platform::BlockDevice* ApplyEngine::running_slot() {
  if (boot_.report.place == boot::ImagePlace::kSlotA) return &p_.slot_a;
  if (boot_.report.place == boot::ImagePlace::kSlotB) return &p_.slot_b;
  return nullptr;
}

bool ApplyEngine::is_failed(const core::Digest& manifest, std::uint32_t attempt) const {
  return boot_.quarantines(manifest, attempt) ||
         std::ranges::any_of(memory_.failed, [&](const FailedImage& image) {
           return image.manifest == manifest && image.attempt >= attempt;
         });
}

bool ApplyEngine::offer_counts() {
  if (!offer_ || !way_back_is_whole()) return false;
  if (is_failed(offer_->manifest.value(), offer_->attempt)) return false;
  return offer_->release_digest != memory_.refused || p_.source.judged_now() >= memory_.refused_until;
}

// On a withdrawn list, or not selected any more: either way nobody with the right to say so wants it here.
bool ApplyEngine::is_withdrawn() const {
  if (selected_ && *selected_ != record_.release) return true;
  return std::ranges::any_of(withdrawn_, [&](const auto& w) { return w.release == record_.release; });
}

bool ApplyEngine::is_window_open() {
  const auto since_midnight = p_.clock.wall().time_since_epoch() % std::chrono::days(1);
  return is_inside(p_.config.policy.windows, std::chrono::duration_cast<std::chrono::minutes>(since_midnight));
}

std::uint64_t ApplyEngine::energy() const {
  return p_.energy_mwh ? p_.energy_mwh() : p_.config.policy.energy_mwh;
}

// AP-04: all of them, before the first write. The first that fails is the reason.
Result<void> ApplyEngine::precheck() {
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
  for (const ComponentSet::Member& member : others_.members())
    if (!member.view) return Error(AgentCode::kUnreachable, "component " + member.component->location() + " does not answer");
  if (!hold_.is_connected()) return Error(AgentCode::kTherapy, "the therapy application does not answer");
  return {};
}

Facts ApplyEngine::facts() {
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
  const SetFacts set = others_.facts(record_);
  f.others_prepared = set.prepared;
  f.others_confirmed = set.confirmed;
  f.others_synced = set.synced;
  f.others_settled = set.settled;
  f.way_back = record_.state == State::kConfirmed && set.confirmed == Verdict::kFailed && has_way_back(set);
  return f;
}

bool ApplyEngine::passes_prechecks() {
  auto result = precheck();
  if (!result) note_error(result.error(), "pre-check");
  return result.has_value();
}

Verdict ApplyEngine::self_test() {
  if (record_.state != State::kSelfTest && record_.state != State::kReturnToService) return Verdict::kNone;
  if (p_.clock.since_boot() > kSelfTestMax + trial_seen_) return Verdict::kFailed;
  const Verdict verdict = hold_.self_test();
  // Own check: an image without a working log must not be confirmed (it could not report anything).
  if (verdict == Verdict::kPassed && log_->lost() != 0) return Verdict::kFailed;
  return verdict;
}

// A component that is silent while nothing depends on it is noted, once an hour; where something does, that step waits.
void ApplyEngine::look_at_components() {
  if (others_.empty()) return;
  others_.poll();
  if (auto looked = others_.look(); !looked) static_cast<void>(note_error(looked.error(), "component"));
  others_.note_silence(p_.clock.since_boot());
  lift_failures();
}

// A component that was given up because it was silent had confirmed after all: its set may be tried again with the same attempt,
// and only so the device becomes whole. Boot's own quarantine is not touched.
void ApplyEngine::lift_failures() {
  if (record_.state != State::kIdle || boot_.is_trial()) return;
  const core::Digest set = others_.confirmed_elsewhere(core::Digest{boot_.report.confirmed_set});
  if (set == core::Digest{} || std::erase_if(memory_.failed, [&](const FailedImage& image) { return image.set == set; }) == 0) return;
  log_->note({.reason = "agent.component_confirmed_late", .text = "a component runs the set that was taken back: it may be installed again"});
  keep_memory();
  next_look_ = milliseconds{0};
}

// SET_REVERT asks for it before it gives anything up. One of several components that is through could not follow main back.
bool ApplyEngine::has_way_back(const SetFacts& set) {
  platform::BlockDevice* running = running_slot();
  if (running == nullptr || set.one_is_through) return false;
  if (!way_back_) {
    const auto checked = check_way_back(slot(target_slot()), *running, boot_, record_.from_area);
    if (!checked) static_cast<void>(note_error(checked.error(), "way back"));
    way_back_ = checked.has_value();
  }
  return *way_back_;
}

void ApplyEngine::look_if_due() {
  // A component that failed for good after the commit point is cured by another release.
  const bool steady = is_before_switch(record_.state) || record_.state == State::kInService || record_.state == State::kConfirmed;
  if (!steady || boot_.is_trial() || p_.clock.since_boot() < next_look_) return;
  next_look_ = p_.clock.since_boot() + p_.config.policy.poll;
  if (auto alone = door_.refuse_strangers(); !alone) fail(alone.error(), "request area");
  if (auto known = p_.check_device ? p_.check_device() : Result<void>{}; !known) {
    offer_.reset();
    return fail(known.error(), "provisioning attributes");
  }
  auto sighting = look_for_release(p_.source, {p_.config, boot_, memory_, others_.members(), p_.content_key != nullptr});
  log_->set_time_floor(p_.source.time_floor());
  if (!sighting) {
    offer_.reset();
    return fail(sighting.error(), "look for a release");
  }
  note_contact();
  selected_ = sighting->selected;
  withdrawn_ = std::move(sighting->withdrawn);
  offer_.reset();
  if (sighting->refusal) return fail(*sighting->refusal, "selected release");
  if (sighting->offer) offer_.emplace(*std::move(sighting->offer));
  last_error_.clear();
  last_sentence_.clear();
}

// Kept seldom: the medium wears, and an eighth of the limit is exact enough.
void ApplyEngine::note_contact() {
  const core::UtcTime now = p_.source.judged_now();
  if (now >= memory_.last_contact && now < memory_.last_contact + p_.config.policy.contact_max / 8) return;
  memory_.last_contact = now;
  keep_memory();
}

bool ApplyEngine::is_out_of_contact() const {
  return p_.source.judged_now() > memory_.last_contact + p_.config.policy.contact_max;
}

// SECURITY(T-17): a device that is kept away from its updates says so by itself.
void ApplyEngine::check_contact() {
  if (memory_.last_contact == core::UtcTime{}) memory_.last_contact = p_.source.judged_now();  // a new device: the time begins now
  if (!is_out_of_contact()) next_contact_note_ = milliseconds{0};
  if (!is_out_of_contact() || p_.clock.since_boot() < next_contact_note_) return;
  next_contact_note_ = p_.clock.since_boot() + kContactNoteEvery;
  log_->refuse(Error(AgentCode::kOutOfContact, "no look at the repository has succeeded since " + core::format_utc(memory_.last_contact)),
               "repository");
  log_->checkpoint();
}

}  // namespace aseptic::agent
