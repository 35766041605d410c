// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/journal.h"

namespace aseptic::boot {
namespace {

// The scalars as they lie in a record's digest: the first bytes are those of JournalState, in its order.
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
constexpr std::size_t kScalarsOffset = offsetof(JournalState, floor_intent);
constexpr std::size_t kScalarsSize = offsetof(ScalarsWire, flags);
static_assert(offsetof(JournalState, trial_boot_count) - kScalarsOffset == offsetof(ScalarsWire, trial_boot_count));
static_assert(offsetof(JournalState, interrupted) - kScalarsOffset == offsetof(ScalarsWire, interrupted));
constexpr std::uint8_t kFlagSynced = 1;
constexpr std::uint8_t kFlagTrialOpen = 2;
constexpr std::uint8_t kFlagTrialForced = 4;

// The items that are a piece of JournalState, in the order of SnapshotItem from kConfirmed on. One is written when the
// digest at `owner` is not zero: a set digest belongs to a manifest digest.
struct Piece {
  std::uint16_t offset;
  std::uint16_t owner;
  std::uint16_t size;
};
#define ASEPTIC_BOOT_IMAGE_PIECES(image)                                                                       \
  {offsetof(JournalState, image.manifest), offsetof(JournalState, image.manifest), kDigestSize},               \
      {offsetof(JournalState, image.set), offsetof(JournalState, image.manifest), kDigestSize}, {              \
    offsetof(JournalState, image.sequence), offsetof(JournalState, image.manifest), kImageNumbersSize          \
  }
constexpr Piece kPieces[] = {
    ASEPTIC_BOOT_IMAGE_PIECES(confirmed),
    ASEPTIC_BOOT_IMAGE_PIECES(previous),
    ASEPTIC_BOOT_IMAGE_PIECES(staged),
    {offsetof(JournalState, trial_token), offsetof(JournalState, trial_token), kDigestSize},
    {offsetof(JournalState, boot_hash.manifest), offsetof(JournalState, boot_hash.manifest), kDigestSize},
    {offsetof(JournalState, boot_hash.image), offsetof(JournalState, boot_hash.manifest), kDigestSize},
};
#undef ASEPTIC_BOOT_IMAGE_PIECES
constexpr std::size_t kFirstPiece = static_cast<std::size_t>(SnapshotItem::kConfirmed);
constexpr std::size_t kPieceCount = sizeof kPieces / sizeof kPieces[0];
static_assert(kFirstPiece + kPieceCount == static_cast<std::size_t>(SnapshotItem::kQuarantine));

std::uint8_t* at(JournalState& state, std::size_t offset) {
  return reinterpret_cast<std::uint8_t*>(&state) + offset;
}
const std::uint8_t* at(const JournalState& state, std::size_t offset) {
  return reinterpret_cast<const std::uint8_t*>(&state) + offset;
}

void put_scalars(const JournalState& s, Record& record) {
  record.value = s.generation;
  copy_bytes(record.digest, {at(s, kScalarsOffset), kScalarsSize});
  record.digest[kScalarsSize] = static_cast<std::uint8_t>((s.synced ? kFlagSynced : 0) | (s.trial_open ? kFlagTrialOpen : 0) |
                                                          (s.trial_forced ? kFlagTrialForced : 0));
}

void get_scalars(const Record& record, JournalState& s) {
  s.generation = record.value;
  copy_bytes({at(s, kScalarsOffset), kScalarsSize}, record.digest);
  const std::uint8_t flags = record.digest[kScalarsSize];
  s.synced = (flags & kFlagSynced) != 0;
  s.trial_open = (flags & kFlagTrialOpen) != 0;
  s.trial_forced = (flags & kFlagTrialForced) != 0;
}

// False when the state has no such item.
bool make_item(const JournalState& s, std::size_t item, Record& record) {
  if (item == static_cast<std::size_t>(SnapshotItem::kScalars)) {
    put_scalars(s, record);
  } else if (item < kFirstPiece + kPieceCount) {
    const Piece& piece = kPieces[item - kFirstPiece];
    if (all_bytes_are({at(s, piece.owner), kDigestSize}, 0)) return false;
    copy_bytes(record.digest, {at(s, piece.offset), piece.size});
    if (item == static_cast<std::size_t>(SnapshotItem::kStaged)) {
      record.attempt = s.staged_attempt;
      record.slot = s.staged_slot;
    } else if (item == static_cast<std::size_t>(SnapshotItem::kBootHash)) {
      record.slot = s.boot_hash.slot;
    }
  } else {
    const std::size_t quarantined = item - static_cast<std::size_t>(SnapshotItem::kQuarantine);
    if (quarantined >= s.quarantine_count) return false;
    item = static_cast<std::size_t>(SnapshotItem::kQuarantine);
    copy_digest(record.digest, s.quarantine[quarantined].digest);
    record.attempt = s.quarantine[quarantined].attempt;
  }
  record.tag = RecordTag::kSnapshotItem;
  record.detail = static_cast<std::uint8_t>(item);
  return true;
}

}  // namespace

bool SnapshotWriter::next(Record& out) {
  out = {};
  if (step_ == 0) {
    out.tag = RecordTag::kSnapshotBegin;
    out.value = state_.boot_count;
  } else {
    while (step_ <= kSnapshotItemsMax && !make_item(state_, step_, out))
      ++step_;
    if (step_ > kSnapshotItemsMax + 1) return false;
    if (step_ > kSnapshotItemsMax) {
      out.tag = RecordTag::kSnapshotCommit;
      out.value = count_;
    }
  }
  ++step_;
  ++count_;
  return true;
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
  const std::size_t item = record.detail;
  if (item == static_cast<std::size_t>(SnapshotItem::kScalars)) {
    get_scalars(record, s);
  } else if (item == static_cast<std::size_t>(SnapshotItem::kQuarantine)) {
    s.add_quarantine(record.digest, record.attempt);
  } else if (item >= kFirstPiece && item < kFirstPiece + kPieceCount) {
    const Piece& piece = kPieces[item - kFirstPiece];
    copy_bytes({at(s, piece.offset), piece.size}, record.digest);
    if (item == static_cast<std::size_t>(SnapshotItem::kStaged)) {
      s.staged_attempt = record.attempt;
      s.staged_slot = record.slot;
    } else if (item == static_cast<std::size_t>(SnapshotItem::kBootHash)) {
      s.boot_hash.slot = record.slot;
    }
  }
}

}  // namespace aseptic::boot
