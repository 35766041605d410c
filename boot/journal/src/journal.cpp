// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/journal.h"

namespace aseptic::boot {
namespace {
constexpr std::uint32_t kSpareRecords =
    1;  // for a position that turns out worn: it must not end a half in mid-group
constexpr std::uint32_t kPrepareRecords = 3 + kSpareRecords;  // burnt position, rewritten tail, BOOT
constexpr int kWriteTriesMax = 4;  // positions that may turn out worn before a write is given up
constexpr std::uint64_t kSequenceReserve = 1U << 20U;
}  // namespace

Status Journal::read_record(std::size_t half, std::uint32_t position, RecordBytes& bytes, Record& out) {
  ASEPTIC_BOOT_TRY(storage_.read_into(Area::kJournal, offset_of(half, position), bytes));
  return decode_record(sealer_, bytes, out);
}

// Looks for the closed snapshot group and reads it. Everything else in the half is only measured here.
void Journal::scan(std::size_t half, Half& out, JournalState& snapshot) {
  out = {};
  bool begun = false;
  std::uint64_t first_sequence = 0;
  std::uint32_t count = 0;
  const std::uint32_t end = positions();
  RecordBytes bytes;
  Record record;
  for (std::uint32_t position = 0; position < end; ++position) {
    const Status status = read_record(half, position, bytes, record);
    if (status == Status::kIoError || !is_blank(bytes)) out.used = position + 1;
    if (!ok(status)) continue;
    if (record.sequence > out.sequence_max) out.sequence_max = record.sequence;
    if (out.closed) continue;
    if (record.tag == RecordTag::kSnapshotBegin) {
      begun = true;
      first_sequence = record.sequence;
      count = 1;
      snapshot = {};
      snapshot.boot_count = record.value;
    } else if (begun && record.sequence == first_sequence + count) {
      if (record.tag == RecordTag::kSnapshotItem) {
        apply_snapshot_item(record, snapshot);
        ++count;
      } else if (record.tag == RecordTag::kSnapshotCommit && record.value == count) {
        out.closed = true;
        out.commit_sequence = record.sequence;
        out.group_end = position + 1;
      }
    }
  }
}

// Every record behind the closed group whose state the fold has.
void Journal::fold_half(std::size_t half, const Half& scanned) {
  damaged_ = 0;
  RecordBytes bytes;
  Record record;
  for (std::uint32_t position = 0; position < scanned.used; ++position) {
    const Status status = read_record(half, position, bytes, record);
    if (ok(status)) {
      // The tail of a fresh half is its commit record.
      tail_ = bytes;
      if (position >= scanned.group_end) fold_.add(record);
    } else if (position >= scanned.group_end && status != Status::kNotFound) {
      ++damaged_;
    }
  }
  fold_.finish();
}

Status Journal::load() {
  loaded_ = false;
  if (!is_usable()) return Status::kJournalUnreadable;
  Half halves[2];
  JournalState& snapshot = fold_.restart();
  scan(0, halves[0], snapshot);
  {
    JournalState second;
    scan(1, halves[1], second);
    sequence_seen_ =
        halves[0].sequence_max > halves[1].sequence_max ? halves[0].sequence_max : halves[1].sequence_max;
    if (!halves[0].closed && !halves[1].closed) {
      snapshot = {};  // nothing of an open group counts
      return Status::kJournalUnreadable;
    }
    active_ = !halves[0].closed || (halves[1].closed && halves[1].commit_sequence > halves[0].commit_sequence)
                  ? 1
                  : 0;
    if (active_ == 1) snapshot = second;
  }
  const Half& other = halves[1 - active_];
  other_half_stale_ =
      other.used != 0 && !(other.closed && other.commit_sequence < halves[active_].commit_sequence);
  close_snapshot(snapshot);
  fold_.close(halves[active_].commit_sequence);
  fold_half(active_, halves[active_]);
  next_ = halves[active_].used;
  loaded_ = true;
  return Status::kOk;
}

bool Journal::is_usable() {
  const AreaOffset size = storage_.size(Area::kJournal);
  return size >= 2 * kJournalHalfMin && size % (2 * kRecordSize) == 0;
}

// DURABILITY: a record counts only after it was synced and read back.
Status Journal::write_bytes(std::size_t half, std::uint32_t position, const RecordBytes& bytes) {
  const AreaOffset offset = offset_of(half, position);
  ASEPTIC_BOOT_TRY(storage_.program_durably(Area::kJournal, offset, bytes));
  RecordBytes stored;
  ASEPTIC_BOOT_TRY(storage_.read_into(Area::kJournal, offset, stored));
  return equal(stored, bytes) ? Status::kOk : Status::kWriteNotVerified;
}

Status Journal::write_next(const RecordBytes& bytes) {
  for (int tries = 0; tries < kWriteTriesMax && next_ < positions(); ++tries) {
    const Status status = write_bytes(active_, next_, bytes);
    ++next_;  // whatever happened, these cells are used
    if (ok(status)) {
      tail_ = bytes;
      return Status::kOk;
    }
    if (status != Status::kWriteNotVerified) return status;
  }
  return Status::kJournalFull;
}

Status Journal::erase_half(std::size_t half) {
  return storage_.erase_durably(Area::kJournal, offset_of(half, 0), storage_.size(Area::kJournal) / 2);
}

// A record that does not read back is written once more, after another erase: without a snapshot this
// power-up could record nothing, and a confirm that the application made durable would be lost with its
// request.
Status Journal::write_snapshot(std::size_t half, const JournalState& state, std::uint64_t first_sequence) {
  const Status status = write_group(half, state, first_sequence);
  return status == Status::kWriteNotVerified ? write_group(half, state, first_sequence) : status;
}

Status Journal::write_group(std::size_t half, const JournalState& state, std::uint64_t first_sequence) {
  ASEPTIC_BOOT_TRY(erase_half(half));
  SnapshotWriter group(state);
  Record record;
  // Each record is durable before the next: the commit record, the last one, closes the group.
  for (std::uint32_t position = 0; group.next(record); ++position) {
    record.sequence = first_sequence + position;
    record.boot_count = state.boot_count;
    encode_record(sealer_, record, tail_);
    ASEPTIC_BOOT_TRY(write_bytes(half, position, tail_));
  }
  active_ = half;
  next_ = group.count();
  if (&state != &fold_.state()) fold_.restart() = state;
  fold_.close(first_sequence + next_ - 1);
  damaged_ = 0;
  loaded_ = true;
  return Status::kOk;
}

Status Journal::prepare() {
  if (!loaded_) return Status::kJournalUnreadable;
  if (other_half_stale_) ASEPTIC_BOOT_TRY(erase_half(1 - active_));
  other_half_stale_ = false;
  if (next_ + kPrepareRecords > positions())  // the snapshot is a rewritten tail in itself
    return write_snapshot(1 - active_, state(), fold_.sequence() + 1);
  // The position at the tail may hold cells that a reset left half programmed although they read blank: all
  // bits are programmed, so that they read as burnt for ever.
  RecordBytes burnt{};
  fill_bytes(burnt, static_cast<std::uint8_t>(~storage_.erased_value()));
  ASEPTIC_BOOT_TRY(storage_.program_durably(Area::kJournal, offset_of(active_, next_), burnt));
  ++next_;
  return write_next(tail_);
}

Status Journal::reserve(std::size_t records) {
  ASEPTIC_BOOT_TRY(make_room(records));
  reserved_ = records;
  return Status::kOk;
}

Status Journal::make_room(std::size_t records) {
  if (!loaded_) return Status::kJournalUnreadable;
  if (next_ + records + kSpareRecords <= positions()) return Status::kOk;
  return write_snapshot(1 - active_, state(), fold_.sequence() + 1);
}

Status Journal::append(const Record& arguments) {
  // Within a reserved group the spare position may be used up: no compaction falls between its records.
  if (reserved_ != 0)
    --reserved_;
  else
    ASEPTIC_BOOT_TRY(make_room(1));
  Record record = arguments;
  if (fold_.sequence() >= kSequenceMax) return Status::kJournalFull;
  record.sequence = fold_.sequence() + 1;
  record.boot_count = state().boot_count;
  RecordBytes bytes;
  encode_record(sealer_, record, bytes);
  ASEPTIC_BOOT_TRY(write_next(bytes));
  fold_.add(record);
  fold_.finish();
  return Status::kOk;
}

Status Journal::restart(const JournalState& state) {
  const std::size_t target = loaded_ ? 1 - active_ : 0;
  loaded_ = false;
  fold_.restart() = state;
  fold_.close(sequence_seen_);
  if (!is_usable()) return Status::kJournalUnreadable;
  std::uint64_t first = sequence_seen_ + 1;
  if (first >
      kSequenceMax - kSequenceReserve) {  // a hostile journal must not leave boot without room to count
    ASEPTIC_BOOT_TRY(erase_half(1 - target));
    first = 1;
  }
  if (!ok(write_snapshot(target, state, first))) {
    // A half that no longer reads must not cost the device its journal. The dead one is left as it is:
    // whatever it shows later has lower numbers.
    ASEPTIC_BOOT_TRY(write_snapshot(1 - target, state, first + kSnapshotRecordsMax));
    sequence_seen_ = fold_.sequence();
    other_half_stale_ = false;
    return Status::kOk;
  }
  sequence_seen_ = fold_.sequence();
  // What was discarded must not come back when the new half is lost.
  other_half_stale_ = false;
  return erase_half(1 - active_);
}

}  // namespace aseptic::boot
