// SPDX-License-Identifier: Apache-2.0
// Opening and closing a trial, and the request to stage. Rules 1 and 2.
#include "power_up.h"

namespace aseptic::boot {
namespace {

// A loss of power says nothing about the image; every other reset during a trial does. A port that cannot
// tell the cause says so in its capabilities and counts as a loss of power.
bool is_power_loss(ResetCause cause) {
  return cause == ResetCause::kPowerOn || cause == ResetCause::kBrownOut || cause == ResetCause::kUnknown;
}

Digest derived_token(Hasher& hasher, const Digest& key, std::uint32_t boot_count, const Digest& manifest) {
  static constexpr std::uint8_t kConfirm[] = {'c', 'o', 'n', 'f', 'i', 'r', 'm'};
  Le32 count{};
  count.set(boot_count);
  return hmac(hasher, key, kConfirm, bytes_of(count), manifest);
}

}  // namespace

// Bound to the boot_count of the ATTEMPT record, not to the running one: a durable confirm survives a loss of
// power.
Digest PowerUp::expected_token() const {
  Digest token;
  copy_digest(token, state().trial_token);
  if (sealer_.keyed)
    copy_digest(token, derived_token(port_.hasher, confirm_key_, state().trial_boot_count, state().staged.manifest));
  return token;
}

bool PowerUp::confirm_is_valid() {
  if (!read_request(RequestKind::kConfirm)) return false;
  const Digest expected = expected_token();
  // A port without a device secret whose ATTEMPT record lost its token can confirm nothing.
  return !is_zero(expected) && equal(request().first, expected);
}

void PowerUp::confirm_trial() {
  Record record(RecordTag::kConfirmed, state().staged.manifest);
  record.slot = state().staged_slot;
  record.value = next_generation();
  const std::uint32_t sequence = static_cast<std::uint32_t>(state().staged.sequence);
  append(record);
  if (!degraded_) tell_of(EventCode::kConfirmed, ImagePlace::kNone, record.digest, sequence);
}

void PowerUp::fail_trial(TrialFailure reason) {
  Record record(RecordTag::kTrialFailed, state().staged.manifest);
  record.attempt = state().staged_attempt;
  record.detail = static_cast<std::uint8_t>(reason);
  record.value = has_capability(kPortNvStore) ? next_generation() : store_.generation;
  append(record);
  if (!degraded_)
    tell_of(EventCode::kTrialFailed, ImagePlace::kNone, record.digest, static_cast<std::uint32_t>(reason));
}

// Rule 2: exactly one record closes an open trial.
void PowerUp::close_trial() {
  // A burn that was cut off belongs to a record before the trial; there can be only one generation in flight.
  if (state().generation != store_.generation) complete_generation();
  if (!state().trial_open || degraded_) return;
  const bool reverted =
      read_request(RequestKind::kRevert) && request().boot_count.get() == state().trial_boot_count;
  if (confirm_is_valid()) {
    confirm_trial();
  } else if (reverted) {
    fail_trial(TrialFailure::kReverted);
  } else if (!is_power_loss(port_.cause)) {
    fail_trial(TrialFailure::kReset);
  } else if (state().interrupted + 1U >= provisioning_.interrupted_trials_max) {
    fail_trial(TrialFailure::kPowerLosses);
  } else {
    append(Record(RecordTag::kTrialInterrupted, state().staged.manifest));
    if (!degraded_) tell_of(EventCode::kTrialInterrupted, ImagePlace::kNone, state().staged.manifest, state().interrupted);
  }
}

Status PowerUp::check_stage(ImagePlace place) {
  const Digest& wanted = request().first;
  if (state().trial_open || degraded_) return Status::kNotFound;
  if (wanted == state().confirmed.manifest)
    return Status::kQuarantined;  // a trial could only harm it
  // SECURITY(T-53): a digest that failed is tried again only with a higher, signed attempt number.
  if (state().is_quarantined(wanted, static_cast<std::uint16_t>(request().number.get()))) return Status::kQuarantined;
  if (store_.generation + kGenerationReserve > port_.store.generation_max()) return Status::kStoreExhausted;
  // The whole slot, trailing bytes included; this reading also serves as this boot's measurement of the slot.
  Measured& image = measured(place);
  image.status = images_.verify(area_of(place), Extent::kWholeSlot, image.facts);
  image.done =
      image.status != Status::kDirtySlot;  // dirt behind the image does not make the image another one
  ASEPTIC_BOOT_TRY(image.status);
  const ImageFacts& facts = image.facts;
  ASEPTIC_BOOT_TRY(is_acceptable(facts, store_.floor, store_.revoked));
  if (facts.info.manifest != wanted) return Status::kNotFound;
  if (!is_zero(request().second) && request().second != facts.info.set) return Status::kBadDependency;
  // SECURITY(T-05): forward only; the confirmed sequence is in the journal, so a corrupt slot does not lower
  // it.
  if (state().confirmed.exists() && facts.info.sequence < state().confirmed.sequence)
    return Status::kOlderThanConfirmed;
  return Status::kOk;
}

Status PowerUp::append_staged(const ImageInfo& image, ImagePlace place, std::uint16_t attempt) {
  ASEPTIC_BOOT_TRY(journal_.reserve(kGroupRecordsMax));
  append(Record(RecordTag::kStagedSet, image.set));
  append(Record(RecordTag::kStagedInfo, pack_info(image)));
  Record staged(RecordTag::kStaged, image.manifest);
  staged.slot = static_cast<std::uint8_t>(place);
  staged.attempt = attempt;
  append(staged);
  return degraded_ ? Status::kJournalFull : Status::kOk;
}

void PowerUp::stage_request() {
  if (!read_request(RequestKind::kStage)) return;
  const auto attempt = static_cast<std::uint16_t>(request().number.get());
  if (state().staged.manifest == request().first && state().staged_attempt == attempt) return;
  const auto place = static_cast<ImagePlace>(request().slot.get());  // SlotId and ImagePlace count slots alike
  Status status = check_stage(place);
  if (ok(status)) status = append_staged(measured(place).facts.info, place, attempt);
  tell_of(ok(status) ? EventCode::kStaged : EventCode::kRequestRefused, place, request().first, attempt, status);
}

Status PowerUp::open_attempt(ImagePlace place, RunKind kind) {
  ASEPTIC_BOOT_TRY(journal_.reserve(2));
  if (!sealer_.keyed) {
    Digest token;
    ASEPTIC_BOOT_TRY(port_.entropy.fill(token));
    append(Record(RecordTag::kAttemptToken, token));
  }
  Record attempt(RecordTag::kAttempt, state().staged.manifest);
  attempt.slot = static_cast<std::uint8_t>(place);
  attempt.detail = kind == RunKind::kForcedTrial ? 1 : 0;
  attempt.value = state().boot_count;
  append(attempt);
  if (degraded_ || !state().trial_open) return Status::kJournalFull;
  tell_of(EventCode::kAttempt, place, state().staged.manifest, state().staged_attempt);
  return Status::kOk;
}

}  // namespace aseptic::boot
