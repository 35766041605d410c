// SPDX-License-Identifier: Apache-2.0
// What runs: the order of candidates, and the last steps before the jump. Rules 3 and 4.
#include "aseptic/boot/core/hardened.h"
#include "power_up.h"

namespace aseptic::boot {

void PowerUp::record_boot_hash(ImagePlace place, const ImageFacts& facts) {
  const BootHash measured{facts.info.manifest, facts.image_digest, static_cast<std::uint8_t>(place)};
  const BootHash& recorded = state().boot_hash;
  if (recorded.manifest == measured.manifest)
    boothash_verdict_ =
        recorded.image == measured.image ? BootHashVerdict::kMatches : BootHashVerdict::kDiffers;
  if (recorded == measured || degraded_ || !ok(journal_.reserve(2))) return;
  append(Record(RecordTag::kBootHashImage, measured.image));
  Record hash(RecordTag::kBootHash, measured.manifest);
  hash.slot = measured.slot;
  append(hash);
  if (!degraded_) tell_of(EventCode::kBootHash, place, measured.image);
}

void PowerUp::write_mailbox(Decision& d) {
  // Verifies recovery, which uses the memory that the report is made in.
  const RecoveryState recovery = !provisioning_.recovery_present     ? RecoveryState::kAbsent
                                 : acceptable(ImagePlace::kRecovery) ? RecoveryState::kVerifies
                                                                     : RecoveryState::kDoesNotVerify;
  const MutableBytes bytes = images_.scratch();
  fill_bytes(bytes, 0);
  auto& r = *reinterpret_cast<BootReportWire*>(bytes.data());
  const JournalState& s = state();
  r.boot_count.set(s.boot_count);
  r.boot_version.set(port_.boot_version);
  copy_digest(r.boot_digest, port_.boot_digest);
  r.reset_cause.set(static_cast<std::uint8_t>(port_.cause));
  r.life_cycle.set(static_cast<std::uint8_t>(provisioning_.life_cycle));
  r.debug.set(static_cast<std::uint8_t>(port_.hardware.debug));
  r.emulated.set(has_capability(kPortEmulated) ? 1 : 0);
  r.device_id = provisioning_.device_id;
  r.run_kind.set(static_cast<std::uint8_t>(d.kind));
  r.place.set(static_cast<std::uint8_t>(d.place));
  r.synced.set(s.synced ? 1 : 0);
  r.recovery.set(static_cast<std::uint8_t>(recovery));
  r.boothash_verdict.set(static_cast<std::uint8_t>(boothash_verdict_));
  r.floor.set(store_.floor);
  r.revoked.set(store_.revoked);
  r.generation.set(store_.generation);
  r.min_root_version.set(s.confirmed.min_root_version);
  r.running_sequence.set(d.image.sequence);
  r.confirmed_sequence.set(s.confirmed.sequence);
  copy_digest(r.running_manifest, d.image.manifest);
  copy_digest(r.running_image, measured(d.place).facts.image_digest);
  copy_digest(r.running_set, d.image.set);
  copy_digest(r.confirmed_manifest, s.confirmed.manifest);
  copy_digest(r.confirmed_set, s.confirmed.set);
  copy_digest(r.previous_manifest, s.previous.manifest);
  copy_digest(r.staged_manifest, s.staged.manifest);
  r.staged_attempt.set(s.staged_attempt);
  if (s.trial_open) copy_digest(r.token, expected_token());
  if (read_request(RequestKind::kChallenge)) {
    copy_digest(r.challenge, request().first);
    copy_digest(r.log_head, request().second);
    r.log_count = request().number;
  }
  r.interrupted_trials.set(s.interrupted);
  const std::uint32_t waited = s.boot_count - s.confirmed_at;
  if (waited < provisioning_.policy_delay_boots)
    r.policy_delay_left.set(static_cast<std::uint16_t>(provisioning_.policy_delay_boots - waited));
  r.quarantine_count.set(s.quarantine_count);
  for (std::size_t i = 0; i < kQuarantineMax; ++i) {
    copy_digest(r.quarantine[i].digest, s.quarantine[i].digest);
    r.quarantine[i].attempt.set(s.quarantine[i].attempt);
  }
  r.event_count.set(event_count_);
  copy_bytes({reinterpret_cast<std::uint8_t*>(r.events), sizeof r.events},
             {reinterpret_cast<const std::uint8_t*>(events_), event_count_ * sizeof events_[0]});
  sign_report(d.alias_key);
  if (!ok(port_.storage.program_durably(Area::kMailbox, 0, bytes)))
    tell(EventCode::kDegraded, static_cast<std::uint32_t>(Status::kIoError));
}

// SECURITY(T-55): where the report lies is asked here again: a skipped argument would let the keys and signatures be written
// over whatever the register pointed to last.
void PowerUp::sign_report(Digest& alias) {
  auto& r = *reinterpret_cast<BootReportWire*>(images_.scratch().data());
  seal_boot_report(r);  // the signature covers the header too
  if (port_.report_signer == nullptr || !sealer_.keyed) return;
  copy_digest(alias, derive_alias_key(port_.hasher, report_key_, r));
  port_.report_signer->publish(alias, r.alias_public_key);
  const Digest digest = report_message_digest(port_.hasher, r);
  const Digest nonce = hmac(port_.hasher, report_key_, digest);
  if (!port_.report_signer->sign(report_key_, nonce, digest, r.signature)) fill_bytes(r.signature, 0);
  seal_boot_report(r);
}

// Requests are bound to the boot that follows them: an image is about to start, so they are used up.
void PowerUp::clear_requests() {
  const AreaOffset size = port_.storage.size(Area::kRequests);
  if (size == 0) return;
  if (!ok(port_.storage.erase_durably(Area::kRequests, 0, size)))
    tell(EventCode::kDegraded, static_cast<std::uint32_t>(Status::kIoError));
}

// SECURITY(T-55): what has just been measured and copied is asked once more, from the medium on: device, keys, both
// signatures, floor and revocations as the store holds them now, the second reading of the debug port, and whether it is
// the image that `kind` is about. A single fault turns one of the two passes. `copied` is what the copy that will run was
// measured as. Only here does a seal come into being, and it is wrong when a digest is.
Status PowerUp::approve(ImagePlace place, RunKind kind, const Digest& copied, std::uint32_t& seal) {
  Measured& image = measured(place);
  ASEPTIC_BOOT_TRY(load_facts());
  if (debug_port_matters(port_.hardware_again) && port_.hardware_again.debug_policy != DebugPolicy::kDegraded) return Status::kDebugOpen;
  image.status = Status::kNotFound;
  image.status = images_.verify(area_of(place), Extent::kSigned, image.facts);
  ASEPTIC_BOOT_TRY(image.status);
  ASEPTIC_BOOT_TRY(is_acceptable(image.facts, store_.floor, store_.revoked));
  const Digest& wanted = kind == RunKind::kConfirmed  ? state().confirmed.manifest
                         : kind == RunKind::kRecovery ? image.facts.info.manifest
                                                      : state().staged.manifest;
  seal = jump_seal(image.facts.entry) + difference(copied, image.facts.exec_digest) + difference(wanted, image.facts.info.manifest);
  return Status::kOk;
}

Status PowerUp::start(ImagePlace place, RunKind kind, Decision& out) {
  const ImageFacts& facts = measure(place).facts;
  Digest copied{};
  Status loaded = images_.load(area_of(place), facts, copied, out.copy);
  if (ok(loaded)) loaded = approve(place, kind, copied, out.seal);
  if (!ok(loaded)) {  // the medium changed since it was measured: for this boot the image is gone
    measured(place).status = loaded;
    tell_of(EventCode::kImageRefused, place, facts.info.manifest, 0, loaded);
    return loaded;
  }
  // SECURITY(T-55): arm and permit were judged twice, and both answers count.
  if (kind == RunKind::kTrial && !armed_again_) return Status::kNotFound;
  const bool trial = kind == RunKind::kTrial || kind == RunKind::kForcedTrial;
  if (trial) ASEPTIC_BOOT_TRY(open_attempt(place, kind));
  if (kind == RunKind::kConfirmed) record_boot_hash(place, facts);
  out.kind = kind;
  out.place = place;
  out.image = facts.info;
  out.entry = facts.entry;
  out.boot_count = state().boot_count;
  write_mailbox(out);
  clear_requests();
  tell_of(EventCode::kRun, place, facts.info.manifest, static_cast<std::uint32_t>(kind));
  return Status::kOk;
}

// True when the previous confirmed digest took the place of one that no longer verifies.
bool PowerUp::auto_revert() {
  if (degraded_ || !state().confirmed.exists() || !state().previous.exists() || state().trial_open)
    return false;
  if (state().previous.manifest == state().confirmed.manifest) return false;
  const ImagePlace place = find(state().previous.manifest);
  if (place == ImagePlace::kNone) return false;
  Record record(RecordTag::kAutoRevert, state().previous.manifest);
  record.slot = static_cast<std::uint8_t>(place);
  record.value = has_capability(kPortNvStore) ? next_generation() : store_.generation;
  append(record);
  if (degraded_) return false;
  tell_of(EventCode::kAutoRevert, place, record.digest);
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
    const ImageInfo& image = measure(last).facts.info;
    tell_of(EventCode::kLastResort, last, image.manifest);
    if (s.staged.manifest != image.manifest && !ok(append_staged(image, last, 1))) continue;
    if (ok(start(last, RunKind::kForcedTrial, out))) return Status::kOk;
  }
  tell(EventCode::kNothingBoots);
  return Status::kNothingBoots;
}

}  // namespace aseptic::boot
