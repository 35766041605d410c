// SPDX-License-Identifier: Apache-2.0
// What runs: the order of candidates, and the last steps before the jump. Rules 3 and 4.
#include "power_up.h"

namespace aseptic::boot {

void PowerUp::record_boot_hash(ImagePlace place, const ImageFacts& facts) {
  const BootHash measured{facts.info.manifest, facts.image_digest, static_cast<std::uint8_t>(place)};
  const BootHash& recorded = state().boot_hash;
  if (recorded.manifest == measured.manifest)
    report_.boothash_verdict =
        recorded.image == measured.image ? BootHashVerdict::kMatches : BootHashVerdict::kDiffers;
  if (recorded == measured || degraded_ || !ok(journal_.reserve(2))) return;
  Record image;
  image.tag = RecordTag::kBootHashImage;
  image.digest = measured.image;
  append(image);
  Record hash;
  hash.tag = RecordTag::kBootHash;
  hash.digest = measured.manifest;
  hash.slot = measured.slot;
  append(hash);
  if (!degraded_) tell(EventCode::kBootHash, place, measured.image);
}

void PowerUp::write_mailbox(const Decision& d) {
  BootReport& r = report_;
  const JournalState& s = state();
  r.boot_count = s.boot_count;
  r.boot_version = port_.boot_version;
  r.boot_digest = port_.boot_digest;
  r.reset_cause = port_.cause;
  r.life_cycle = provisioning_.life_cycle;
  r.debug = port_.debug;
  r.emulated = has_capability(kPortEmulated);
  r.device_id = provisioning_.device_id;
  r.run_kind = d.kind;
  r.place = d.place;
  r.synced = s.synced;
  r.recovery = !provisioning_.recovery_present     ? RecoveryState::kAbsent
               : acceptable(ImagePlace::kRecovery) ? RecoveryState::kVerifies
                                                   : RecoveryState::kDoesNotVerify;
  r.floor = store_.floor;
  r.revoked = store_.revoked;
  r.generation = store_.generation;
  r.min_root_version = s.confirmed.min_root_version;
  r.running_sequence = d.image.sequence;
  r.confirmed_sequence = s.confirmed.sequence;
  r.running_manifest = d.image.manifest;
  r.running_image = d.image_digest;
  r.running_set = d.image.set;
  r.confirmed_manifest = s.confirmed.manifest;
  r.confirmed_set = s.confirmed.set;
  r.previous_manifest = s.previous.manifest;
  r.staged_manifest = s.staged.manifest;
  r.staged_attempt = s.staged_attempt;
  if (s.trial_open) r.token = expected_token();
  if (requests_.has(RequestKind::kChallenge)) {
    const Request& challenge = requests_.get(RequestKind::kChallenge);
    r.challenge = challenge.challenge;
    r.log_head = challenge.log_head;
    r.log_count = challenge.log_count;
  }
  r.interrupted_trials = s.interrupted;
  const std::uint32_t waited = s.boot_count - s.confirmed_at;
  r.policy_delay_left = static_cast<std::uint16_t>(
      waited < provisioning_.policy_delay_boots ? provisioning_.policy_delay_boots - waited : 0);
  r.quarantine = s.quarantine;
  r.quarantine_count = s.quarantine_count;
  std::array<std::uint8_t, kBootReportSize> bytes{};
  encode_boot_report(r, bytes);
  if (!ok(port_.storage.program(Area::kMailbox, 0, bytes)) || !ok(port_.storage.sync(Area::kMailbox)))
    tell(EventCode::kDegraded, ImagePlace::kNone, {}, 0, Status::kIoError);
}

// Requests are bound to the boot that follows them: an image is about to start, so they are used up.
void PowerUp::clear_requests() {
  const AreaOffset size = port_.storage.size(Area::kRequests);
  if (size == 0) return;
  if (!ok(port_.storage.erase(Area::kRequests, 0, size)) || !ok(port_.storage.sync(Area::kRequests)))
    tell(EventCode::kDegraded, ImagePlace::kNone, {}, 0, Status::kIoError);
}

Status PowerUp::start(ImagePlace place, RunKind kind, Decision& out) {
  const ImageFacts facts = measure(place).facts;
  const Status loaded = images_.load(area_of(place), facts);
  if (!ok(loaded)) {  // the medium changed since it was measured: for this boot the image is gone
    measured_[static_cast<std::size_t>(place)].status = loaded;
    tell(EventCode::kImageRefused, place, facts.info.manifest, 0, loaded);
    return loaded;
  }
  const bool trial = kind == RunKind::kTrial || kind == RunKind::kForcedTrial;
  if (trial) ASEPTIC_BOOT_TRY(open_attempt(place, kind));
  if (kind == RunKind::kConfirmed) record_boot_hash(place, facts);
  Decision d;
  d.kind = kind;
  d.place = place;
  d.image = facts.info;
  d.image_digest = facts.image_digest;
  d.load_address = facts.load_address;
  d.entry = facts.entry;
  d.boot_count = state().boot_count;
  write_mailbox(d);
  clear_requests();
  tell(EventCode::kRun, place, facts.info.manifest, static_cast<std::uint32_t>(kind));
  out = d;
  return Status::kOk;
}

// True when the previous confirmed digest took the place of one that no longer verifies.
bool PowerUp::auto_revert() {
  if (degraded_ || !state().confirmed.exists() || !state().previous.exists() || state().trial_open)
    return false;
  if (state().previous.manifest == state().confirmed.manifest) return false;
  const ImagePlace place = find(state().previous.manifest);
  if (place == ImagePlace::kNone) return false;
  Record record;
  record.tag = RecordTag::kAutoRevert;
  record.digest = state().previous.manifest;
  record.slot = static_cast<std::uint8_t>(place);
  record.value = has_capability(kPortNvStore) ? next_generation() : store_.generation;
  append(record);
  if (degraded_) return false;
  tell(EventCode::kAutoRevert, place, record.digest);
  complete_generation();
  return !degraded_;
}

ImagePlace PowerUp::lowest_untried() {
  ImagePlace lowest = ImagePlace::kNone;
  for (const ImagePlace place : {ImagePlace::kSlotA, ImagePlace::kSlotB}) {
    if (!acceptable(place) || state().is_quarantined(measure(place).facts.info.manifest, 0)) continue;
    if (lowest == ImagePlace::kNone ||
        measure(place).facts.info.sequence < measure(lowest).facts.info.sequence)
      lowest = place;
  }
  return lowest;
}

Status PowerUp::choose(Decision& out) {
  // Each turn either starts an image, reverts once, or finds one place less.
  for (std::size_t turn = 0; turn < 2 * kPlaceCount + 2; ++turn) {
    ASEPTIC_BOOT_TRY(store_status_);  // a failed burn: what should be in force is not, so nothing runs
    const JournalState& s = state();
    const bool may_try = armed_ && !degraded_ && !s.trial_open && s.staged.exists() &&
                         !s.is_quarantined(s.staged.manifest, s.staged_attempt);
    if (may_try) {
      const ImagePlace staged = find(s.staged.manifest);
      armed_ = false;
      if (staged != ImagePlace::kNone && ok(start(staged, RunKind::kTrial, out))) return Status::kOk;
      continue;
    }
    const ImagePlace confirmed = find(s.confirmed.manifest);
    if (confirmed != ImagePlace::kNone) {
      if (ok(start(confirmed, RunKind::kConfirmed, out))) return Status::kOk;
      continue;
    }
    if (auto_revert()) continue;
    if (acceptable(ImagePlace::kRecovery)) {
      if (ok(start(ImagePlace::kRecovery, RunKind::kRecovery, out))) return Status::kOk;
      continue;
    }
    const ImagePlace last = degraded_ || s.trial_open ? ImagePlace::kNone : lowest_untried();
    if (last == ImagePlace::kNone) break;
    // Never confirmed on this device: it runs, but only as a trial, with therapy inhibited by the report's
    // run kind.
    const ImageInfo image = measure(last).facts.info;
    tell(EventCode::kLastResort, last, image.manifest);
    if (s.staged.manifest != image.manifest && !ok(append_staged(image, last, 1))) continue;
    if (ok(start(last, RunKind::kForcedTrial, out))) return Status::kOk;
  }
  tell(EventCode::kNothingBoots);
  return Status::kNothingBoots;
}

}  // namespace aseptic::boot
