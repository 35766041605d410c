// SPDX-License-Identifier: Apache-2.0
// The one gate for floor and revocation, the recovery image, and the burn of generations. Rules 6 and 8.
#include "power_up.h"

namespace aseptic::boot {
namespace {

struct FloorWire {
  Le32 floor;
  Le32 revoked;
  std::uint8_t reserved[24];
};
static_assert(sizeof(FloorWire) == kDigestSize);

}  // namespace

const PowerUp::Measured& PowerUp::measure(ImagePlace place) {
  Measured& image = measured(place);
  if (image.done) return image;
  image.done = true;
  image.status = images_.verify(area_of(place), Extent::kImage, image.facts);
  if (!ok(image.status) && image.status != Status::kNotFound)
    tell_of(EventCode::kImageRefused, place, kNoDigest, 0, image.status);
  return image;
}

bool PowerUp::acceptable(ImagePlace place) {
  if (place == ImagePlace::kRecovery && !provisioning_.recovery_present) return false;
  const Measured& image = measure(place);
  return ok(image.status) && ok(is_acceptable(image.facts, store_.floor, store_.revoked));
}

bool PowerUp::verifies(ImagePlace place, const Digest& manifest) {
  return !is_zero(manifest) && acceptable(place) && equal(measure(place).facts.info.manifest, manifest);
}

// The slot that boot last ran as confirmed comes first: a copy in the other one may be the half-finished work
// of a run that lost its power, whose cells read right today and fade later.
ImagePlace PowerUp::find(const Digest& manifest) {
  const bool b_first = state().boot_hash.manifest == manifest &&
                       state().boot_hash.slot == static_cast<std::uint8_t>(ImagePlace::kSlotB);
  const ImagePlace first = b_first ? ImagePlace::kSlotB : ImagePlace::kSlotA;
  if (verifies(first, manifest)) return first;
  const ImagePlace second = b_first ? ImagePlace::kSlotA : ImagePlace::kSlotB;
  return verifies(second, manifest) ? second : ImagePlace::kNone;
}

bool PowerUp::both_slots_hold(const Digest& manifest) {
  return verifies(ImagePlace::kSlotA, manifest) && verifies(ImagePlace::kSlotB, manifest);
}

// The revocations that the confirmed manifest may burn: signed by a key outside the mask, and never the last
// key.
std::uint32_t PowerUp::revocations_of(const ImageFacts& confirmed) const {
  const std::uint32_t mask = confirmed.key_revoke_mask & ~store_.revoked;
  if (((mask >> confirmed.key_slot) & 1U) != 0) return 0;
  for (std::size_t i = 0; i < kKeySlotCount; ++i)
    if (provisioning_.key_slots[i].provisioned && (((mask | store_.revoked) >> i) & 1U) == 0) return mask;
  return 0;
}

bool PowerUp::recovery_lives_with(std::uint32_t floor, std::uint32_t revoked) {
  if (!acceptable(ImagePlace::kRecovery)) return false;
  return ok(is_acceptable(measure(ImagePlace::kRecovery).facts, floor, store_.revoked | revoked));
}

Status PowerUp::write_recovery(ImagePlace from) {
  const ImageFacts& source = measure(from).facts;
  if (source.image_size > port_.storage.size(Area::kRecovery)) return Status::kTooLargeForSlot;
  measured(ImagePlace::kRecovery).done = false;
  ASEPTIC_BOOT_TRY(images_.copy(area_of(from), source.image_size, Area::kRecovery));
  ASEPTIC_BOOT_TRY(port_.storage.sync(Area::kRecovery));
  return verifies(ImagePlace::kRecovery, source.info.manifest) ? Status::kOk : Status::kWriteNotVerified;
}

// Rule 8: recovery is written by boot only, from the confirmed digest. A recovery image that still verifies
// is replaced only while both slots verify; one that does not verify is repaired as soon as one slot holds
// the confirmed digest, since nothing is lost by it.
void PowerUp::maintain_recovery() {
  if (!recovery_writable() || !state().confirmed.exists()) return;
  const Digest& confirmed = state().confirmed.manifest;
  if (verifies(ImagePlace::kRecovery, confirmed)) return;
  const ImagePlace from = find(confirmed);
  if (from == ImagePlace::kNone) return;
  if (acceptable(ImagePlace::kRecovery) && !(synced_hint_ && both_slots_hold(confirmed))) return;
  const Status status = write_recovery(from);
  tell_of(EventCode::kRecoveryWritten, from, confirmed, 0, status);
}

bool PowerUp::burn(MonotonicState& next) {
  if (has_capability(kPortNvStore)) next.boot_count = state().boot_count;
  store_status_ = port_.store.burn(next);
  if (ok(store_status_)) {
    store_ = next;
    return true;
  }
  degrade(store_status_);
  return false;
}

// INVARIANT: the record carries store + 1, then the burn; the floor never comes before its record.
void PowerUp::raise(std::uint32_t floor, std::uint32_t revoked, bool at_once) {
  FloorWire wire{};
  wire.floor.set(floor);
  wire.revoked.set(revoked);
  Record record(RecordTag::kFloor, kNoDigest);
  copy_bytes(record.digest, bytes_of(wire));
  record.detail = at_once ? 1 : 0;
  record.value = next_generation();
  append(record);
  if (degraded_) return;
  MonotonicState next = store_;
  next.floor = floor > store_.floor ? floor : store_.floor;
  next.revoked |= revoked;
  next.generation = record.value;
  const bool floor_rises = next.floor != store_.floor;
  const bool keys_go = next.revoked != store_.revoked;
  if (!burn(next)) return;
  if (floor_rises) tell(EventCode::kFloorRaised, next.floor);
  if (keys_go) tell(EventCode::kKeysRevoked, next.revoked);
}

bool PowerUp::gate_is_due(const ImageFacts& confirmed) {
  const std::uint32_t revoked = revocations_of(confirmed);
  if (confirmed.info.epoch <= store_.floor && revoked == 0) return false;
  return !provisioning_.recovery_present || recovery_lives_with(confirmed.info.epoch, revoked);
}

// SECURITY(T-52): nothing is raised at CONFIRMED. Either the confirmed digest verifies in both slots and
// recovery lives with the new values, or, after the policy delay, it verifies in one slot and recovery lives
// with the new values.
void PowerUp::maintain_floor() {
  if (!state().confirmed.exists()) return;
  const Digest& confirmed = state().confirmed.manifest;
  const ImagePlace place = find(confirmed);
  if (place == ImagePlace::kNone) return;
  const ImageFacts& facts = measure(place).facts;
  // Cells of a request may read right in the boot that records SYNCED and never again: then the record asks on, until the gate was
  // passed. Where recovery holds the gate shut it does not: that would cost a second image at each start.
  const bool both = (synced_hint_ || (state().synced && gate_is_due(facts))) && both_slots_hold(confirmed);
  // A recovery image that was not written as it should is no reason to stop asking: without SYNCED the agent
  // comes again.
  const bool recovery_whole = !recovery_writable() || acceptable(ImagePlace::kRecovery);
  if (both && recovery_whole && !state().synced) {
    append(Record(RecordTag::kSynced, confirmed));
    if (degraded_) return;
    tell_of(EventCode::kSynced, ImagePlace::kNone, confirmed);
  }
  const std::uint32_t revoked = revocations_of(facts);
  // Emergency, shown at signing: the revocations are burnt without waiting and the way back may be lost.
  if ((facts.policy_flags & kPolicyRevokeNow) != 0 && revoked != 0) raise(store_.floor, revoked, true);
  const std::uint32_t still_revoked = revocations_of(facts);
  if (degraded_ || (facts.info.epoch <= store_.floor && still_revoked == 0)) return;
  const bool way_back = recovery_lives_with(facts.info.epoch, still_revoked);
  const bool both_gate = both && (way_back || !provisioning_.recovery_present);
  const bool delay_over = state().boot_count - state().confirmed_at >= provisioning_.policy_delay_boots;
  const bool delay_gate = !state().synced && delay_over && way_back;
  if (both_gate || delay_gate) raise(facts.info.epoch, still_revoked, false);
}

// The journal is one generation ahead: a confirm, a quarantine or a revert is in force when this burn is
// done.
void PowerUp::complete_generation() {
  if (degraded_ || state().generation == store_.generation) return;
  MonotonicState next = store_;
  next.generation = state().generation;
  if (has_capability(kPortNvStore)) {
    next.confirmed = state().confirmed.manifest;
    next.confirmed_sequence = state().confirmed.sequence;
    next.confirmed_min_root_version = state().confirmed.min_root_version;
    next.quarantine = state().quarantine;
    next.quarantine_count = state().quarantine_count;
  }
  if (burn(next)) tell(EventCode::kGenerationBurnt, next.generation);
}

}  // namespace aseptic::boot
