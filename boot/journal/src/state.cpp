// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/state.h"

namespace aseptic::boot {
namespace {

struct FloorWire {
  Le32 floor;
  Le32 revoked;
  std::uint8_t reserved[24];
};
static_assert(sizeof(FloorWire) == kDigestSize);

void drop_staged(JournalState& s) {
  s.staged = {};
  s.staged_attempt = 0;
  s.staged_slot = 0;
  s.interrupted = 0;
}

// Intents belong to the confirmed image that they were judged by.
void drop_intents(JournalState& s) {
  s.floor_intent = 0;
  s.revoke_intent = 0;
}

void close_trial(JournalState& s) {
  s.trial_open = false;
  s.trial_forced = false;
  s.trial_boot_count = 0;
  s.trial_token = {};
}

}  // namespace

Digest pack_info(const ImageInfo& info) {
  Digest out{};
  copy_bytes(out, {reinterpret_cast<const std::uint8_t*>(&info.sequence), kImageNumbersSize});
  return out;
}

void unpack_info(const Digest& packed, ImageInfo& info) {
  copy_bytes({reinterpret_cast<std::uint8_t*>(&info.sequence), kImageNumbersSize}, packed);
}

bool JournalState::is_quarantined(const Digest& digest, std::uint16_t attempt) const {
  for (std::size_t i = 0; i < quarantine_count; ++i)
    if (quarantine[i].digest == digest && quarantine[i].attempt >= attempt) return true;
  return false;
}

void JournalState::lift_quarantine(const Digest& digest) {
  std::uint8_t kept = 0;
  for (std::size_t i = 0; i < quarantine_count; ++i)
    if (quarantine[i].digest != digest) quarantine[kept++] = quarantine[i];
  for (std::size_t i = kept; i < kQuarantineMax; ++i)
    quarantine[i] = {};
  quarantine_count = kept;
}

void JournalState::add_quarantine(const Digest& digest, std::uint16_t attempt) {
  lift_quarantine(digest);
  if (quarantine_count ==
      kQuarantineMax) {  // the oldest falls out; it would need a signed, offered release to matter
    for (std::size_t i = 1; i < kQuarantineMax; ++i)
      quarantine[i - 1] = quarantine[i];
    --quarantine_count;
  }
  quarantine[quarantine_count++] = {digest, attempt};
}

JournalState& Fold::restart() {
  state_ = {};
  return state_;
}

void Fold::close(std::uint64_t sequence) {
  applied_ = sequence;
  gaps_ = 0;
  has_held_ = false;
  close_group();
}

void Fold::close_group() {
  group_ = {};
}

void Fold::apply_trial(const Record& r) {
  JournalState& s = state_;
  if (!s.trial_open || r.digest != s.staged.manifest)
    return;  // no trial of that digest: the record says nothing
  if (r.tag == RecordTag::kConfirmed) {
    s.previous = s.confirmed.exists() ? s.confirmed : s.staged;
    s.confirmed = s.staged;
    s.confirmed_at = s.boot_count;
    s.generation = r.value;
    s.synced = false;
    drop_intents(s);
    s.lift_quarantine(r.digest);
    drop_staged(s);
  } else if (r.tag == RecordTag::kTrialFailed) {
    s.add_quarantine(r.digest, s.staged_attempt);
    s.generation = r.value;
    s.synced = false;  // the other slot holds what failed: it must be brought up to date again
    drop_staged(s);
  } else if (s.interrupted < 0xFFFF) {
    ++s.interrupted;
  }
  close_trial(s);
}

void Fold::apply(const Record& r) {
  JournalState& s = state_;
  applied_ = r.sequence;
  switch (r.tag) {
    case RecordTag::kBoot:
      if (r.value > s.boot_count) s.boot_count = r.value;
      close_group();
      break;
    case RecordTag::kStagedSet:
      group_.set = r.digest;
      break;
    case RecordTag::kStagedInfo:
      group_.info = r.digest;
      break;
    case RecordTag::kStaged:
      if (s.trial_open || is_zero(r.digest))
        break;  // an open trial is closed first; nothing replaces what it is about
      drop_staged(s);
      copy_digest(s.staged.manifest, r.digest);
      copy_digest(s.staged.set, group_.set);
      unpack_info(group_.info, s.staged);
      s.staged_attempt = r.attempt;
      s.staged_slot = r.slot;
      close_group();
      break;
    case RecordTag::kAttemptToken:
      group_.token = r.digest;
      break;
    case RecordTag::kAttempt:
      if (s.trial_open || !s.staged.exists() || s.staged.manifest != r.digest) break;
      s.trial_open = true;
      s.trial_forced = r.detail == 1;
      s.trial_boot_count = r.value;
      copy_digest(s.trial_token, group_.token);
      close_group();
      break;
    case RecordTag::kConfirmed:
    case RecordTag::kTrialFailed:
    case RecordTag::kTrialInterrupted:
      apply_trial(r);
      break;
    case RecordTag::kAutoRevert:
      if (!s.previous.exists() || s.previous.manifest != r.digest || s.trial_open) break;
      s.confirmed = s.previous;
      s.confirmed_at = s.boot_count;
      s.generation = r.value;
      s.synced = false;
      drop_intents(s);
      drop_staged(s);
      break;
    case RecordTag::kSynced:
      if (s.confirmed.exists() && s.confirmed.manifest == r.digest) s.synced = true;
      break;
    case RecordTag::kFloor: {
      FloorWire w{};
      copy_bytes(mutable_bytes_of(w), r.digest);
      s.floor_intent = w.floor.get();
      s.revoke_intent = w.revoked.get();
      s.generation = r.value;
      break;
    }
    case RecordTag::kBootHashImage:
      group_.image = r.digest;
      break;
    case RecordTag::kBootHash:
      if (is_zero(r.digest)) break;
      s.boot_hash = {r.digest, group_.image, r.slot};
      close_group();
      break;
    case RecordTag::kNone:
    case RecordTag::kSnapshotBegin:
    case RecordTag::kSnapshotItem:
    case RecordTag::kSnapshotCommit:
    default:
      break;
  }
}

void Fold::add(const Record& record) {
  if (has_held_ && record.sequence > held_.sequence) apply(held_);
  // Otherwise boot went on from before the held record: it was unreadable then, and stays void.
  has_held_ = false;
  if (record.sequence <= applied_) return;  // the rewritten tail
  if (record.sequence != applied_ + 1) ++gaps_;
  held_ = record;
  has_held_ = true;
}

void Fold::finish() {
  if (has_held_) apply(held_);
  has_held_ = false;
}

}  // namespace aseptic::boot
