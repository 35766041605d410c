// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/journal.h"

namespace aseptic::boot {
namespace {

struct ScalarsWire {
  Le32 floor_intent;
  Le32 revoke_intent;
  Le32 confirmed_at;
  Le32 trial_boot_count;
  Le16 interrupted;
  Le8 flags;
  std::uint8_t reserved[13];
};
static_assert(sizeof(ScalarsWire) == kDigestSize);
constexpr std::uint8_t kFlagSynced = 1;
constexpr std::uint8_t kFlagTrialOpen = 2;
constexpr std::uint8_t kFlagTrialForced = 4;

Digest pack_scalars(const JournalState& s) {
  ScalarsWire w{};
  w.floor_intent.set(s.floor_intent);
  w.revoke_intent.set(s.revoke_intent);
  w.confirmed_at.set(s.confirmed_at);
  w.trial_boot_count.set(s.trial_boot_count);
  w.interrupted.set(s.interrupted);
  w.flags.set(static_cast<std::uint8_t>((s.synced ? kFlagSynced : 0) | (s.trial_open ? kFlagTrialOpen : 0) |
                                        (s.trial_forced ? kFlagTrialForced : 0)));
  Digest out{};
  copy_bytes(out, bytes_of(w));
  return out;
}

void unpack_scalars(const Record& record, JournalState& s) {
  ScalarsWire w{};
  copy_bytes(mutable_bytes_of(w), record.digest);
  s.generation = record.value;
  s.floor_intent = w.floor_intent.get();
  s.revoke_intent = w.revoke_intent.get();
  s.confirmed_at = w.confirmed_at.get();
  s.trial_boot_count = w.trial_boot_count.get();
  s.interrupted = w.interrupted.get();
  s.synced = (w.flags.get() & kFlagSynced) != 0;
  s.trial_open = (w.flags.get() & kFlagTrialOpen) != 0;
  s.trial_forced = (w.flags.get() & kFlagTrialForced) != 0;
}

void put(SnapshotRecords& out, Record record) {
  if (out.count < out.records.size()) out.records[out.count++] = record;
}

Record item(SnapshotItem kind, const Digest& digest) {
  Record record;
  record.tag = RecordTag::kSnapshotItem;
  record.detail = static_cast<std::uint8_t>(kind);
  record.digest = digest;
  return record;
}

struct ImageItems {
  SnapshotItem manifest, set, info;
};

void put_image(SnapshotRecords& out, const ImageInfo& image, ImageItems items, std::uint16_t attempt = 0,
               std::uint8_t slot = 0) {
  if (!image.exists()) return;
  Record named = item(items.manifest, image.manifest);
  named.attempt = attempt;
  named.slot = slot;
  put(out, named);
  put(out, item(items.set, image.set));
  put(out, item(items.info, pack_info(image)));
}

}  // namespace

void make_snapshot(const JournalState& s, SnapshotRecords& out) {
  out.count = 0;
  Record begin;
  begin.tag = RecordTag::kSnapshotBegin;
  begin.value = s.boot_count;
  put(out, begin);
  Record scalars = item(SnapshotItem::kScalars, pack_scalars(s));
  scalars.value = s.generation;
  put(out, scalars);
  put_image(out, s.confirmed,
            {SnapshotItem::kConfirmed, SnapshotItem::kConfirmedSet, SnapshotItem::kConfirmedInfo});
  put_image(out, s.previous,
            {SnapshotItem::kPrevious, SnapshotItem::kPreviousSet, SnapshotItem::kPreviousInfo});
  put_image(out, s.staged, {SnapshotItem::kStaged, SnapshotItem::kStagedSet, SnapshotItem::kStagedInfo},
            s.staged_attempt, s.staged_slot);
  if (!is_zero(s.trial_token)) put(out, item(SnapshotItem::kTrialToken, s.trial_token));
  if (!is_zero(s.boot_hash.manifest)) {
    Record hash = item(SnapshotItem::kBootHash, s.boot_hash.manifest);
    hash.slot = s.boot_hash.slot;
    put(out, hash);
    put(out, item(SnapshotItem::kBootHashImage, s.boot_hash.image));
  }
  for (std::size_t i = 0; i < s.quarantine_count; ++i) {
    Record quarantined = item(SnapshotItem::kQuarantine, s.quarantine[i].digest);
    quarantined.attempt = s.quarantine[i].attempt;
    put(out, quarantined);
  }
  Record commit;
  commit.tag = RecordTag::kSnapshotCommit;
  commit.value = static_cast<std::uint32_t>(out.count);
  put(out, commit);
}

void close_snapshot(JournalState& s) {
  if (!s.confirmed.exists()) {
    s.confirmed = {};
    s.synced = false;
  }
  if (!s.previous.exists()) s.previous = {};
  if (!s.staged.exists()) {
    s.staged = {};
    s.staged_attempt = 0;
    s.staged_slot = 0;
    s.trial_open = false;
  }
  if (!s.trial_open) s.trial_forced = false;
  if (is_zero(s.boot_hash.manifest)) s.boot_hash = {};
}

void apply_snapshot_item(const Record& record, JournalState& s) {
  switch (static_cast<SnapshotItem>(record.detail)) {
    case SnapshotItem::kScalars:
      unpack_scalars(record, s);
      break;
    case SnapshotItem::kConfirmed:
      s.confirmed.manifest = record.digest;
      break;
    case SnapshotItem::kConfirmedSet:
      s.confirmed.set = record.digest;
      break;
    case SnapshotItem::kConfirmedInfo:
      unpack_info(record.digest, s.confirmed);
      break;
    case SnapshotItem::kPrevious:
      s.previous.manifest = record.digest;
      break;
    case SnapshotItem::kPreviousSet:
      s.previous.set = record.digest;
      break;
    case SnapshotItem::kPreviousInfo:
      unpack_info(record.digest, s.previous);
      break;
    case SnapshotItem::kStaged:
      s.staged.manifest = record.digest;
      s.staged_attempt = record.attempt;
      s.staged_slot = record.slot;
      break;
    case SnapshotItem::kStagedSet:
      s.staged.set = record.digest;
      break;
    case SnapshotItem::kStagedInfo:
      unpack_info(record.digest, s.staged);
      break;
    case SnapshotItem::kTrialToken:
      s.trial_token = record.digest;
      break;
    case SnapshotItem::kBootHash:
      s.boot_hash.manifest = record.digest;
      s.boot_hash.slot = record.slot;
      break;
    case SnapshotItem::kBootHashImage:
      s.boot_hash.image = record.digest;
      break;
    case SnapshotItem::kQuarantine:
      s.add_quarantine(record.digest, record.attempt);
      break;
    default:
      break;
  }
}

}  // namespace aseptic::boot
