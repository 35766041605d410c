// SPDX-License-Identifier: Apache-2.0
// The boot journal on its medium: two halves of one area. Written by boot only.
// Format and fault model: docs/formats/boot_journal.md.
// Contract: `load` reads and changes nothing; `prepare` must succeed once after each reset before the first
// `append` (it burns one record position and rewrites the tail, so that nothing rests on cells a reset left
// unstable); `append` returns after the record is durable and read back. When a half is full, `append`
// compacts by itself. DURABILITY: each program is followed by a sync before anything depends on it.
#pragma once
#include "aseptic/boot/journal/state.h"
#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot {

inline constexpr std::size_t kGroupRecordsMax = 3;

class Journal {
 public:
  // Both must outlive the journal; the sealer may be filled in until `load`.
  Journal(Storage& storage, const RecordSealer& sealer) : storage_(storage), sealer_(sealer) {}

  // kJournalUnreadable: no half holds a closed snapshot (empty, foreign or destroyed).
  Status load();
  const JournalState& state() const { return fold_.state(); }
  // Records that are neither valid nor erased nor burnt, and missing sequence numbers, in the active half.
  std::uint32_t damaged_records() const { return damaged_ + fold_.gaps(); }

  Status prepare();
  // Sequence and boot_count are the journal's.
  Status append(const Record& record);
  // Makes room for a group, so that no compaction falls between its records.
  Status reserve(std::size_t records);
  // Discards what is there and starts again from `state` (default state; factory). Even when the medium
  // fails, `state()` is the new state from here on.
  Status restart(const JournalState& state);

 private:
  struct Half {
    bool closed = false;  // holds a snapshot group with its commit record
    std::uint64_t commit_sequence = 0;
    std::uint64_t sequence_max = 0;  // of any valid record
    std::uint32_t group_end = 0;     // position behind the commit record
    std::uint32_t used = 0;          // positions up to the last one that is not blank
  };

  std::uint32_t positions() {
    return static_cast<std::uint32_t>(storage_.size(Area::kJournal) / 2 / kRecordSize);
  }
  AreaOffset offset_of(std::size_t half, std::uint32_t position) {
    return (half * positions() + position) * kRecordSize;
  }
  Status read_record(std::size_t half, std::uint32_t position, RecordBytes& bytes, Record& out);
  bool is_blank(const RecordBytes& bytes) const { return all_bytes_are(bytes, storage_.erased_value()); }
  void scan(std::size_t half, Half& out, JournalState& snapshot);
  bool is_usable();  // the area's size
  void fold_half(std::size_t half, const Half& scanned);
  Status write_bytes(std::size_t half, std::uint32_t position, const RecordBytes& bytes);
  Status write_next(const RecordBytes& bytes);
  Status erase_half(std::size_t half);
  Status make_room(std::size_t records);
  Status write_group(std::size_t half, const JournalState& state, std::uint64_t first_sequence);
  Status write_snapshot(std::size_t half, const JournalState& state, std::uint64_t first_sequence);

  Storage& storage_;
  const RecordSealer& sealer_;
  Fold fold_;
  std::size_t active_ = 0;
  std::uint32_t next_ = 0;  // first unused position of the active half
  std::uint64_t sequence_seen_ = 0;
  std::size_t reserved_ = 0;  // records of the group under way
  std::uint32_t damaged_ = 0;
  bool loaded_ = false;
  bool other_half_stale_ =
      false;            // neither erased nor a closed, older half: must go before anything is appended
  RecordBytes tail_{};  // last valid record of the active half
};

// Which field a snapshot item carries (Record::detail).
enum class SnapshotItem : std::uint8_t {
  kScalars = 1,
  kConfirmed = 2,
  kConfirmedSet = 3,
  kConfirmedInfo = 4,
  kPrevious = 5,
  kPreviousSet = 6,
  kPreviousInfo = 7,
  kStaged = 8,
  kStagedSet = 9,
  kStagedInfo = 10,
  kTrialToken = 11,
  kBootHash = 12,
  kBootHashImage = 13,
  kQuarantine = 14,
};
// The records of a snapshot group, one by one and without sequence numbers: `Begin`, items, `Commit`.
inline constexpr std::uint32_t kSnapshotRecordsMax = 23;
class SnapshotWriter {
 public:
  // `state` must outlive the writer.
  explicit SnapshotWriter(const JournalState& state) : state_(state) {}
  // False behind the last record.
  bool next(Record& out);
  std::uint32_t count() const { return count_; }  // records so far

 private:
  // Scalars, the pieces of the state, and every quarantined digest.
  static constexpr std::uint32_t kSnapshotItemsMax =
      static_cast<std::uint32_t>(SnapshotItem::kQuarantine) + kQuarantineMax - 1;
  const JournalState& state_;
  std::uint32_t step_ = 0;
  std::uint32_t count_ = 0;
};
void apply_snapshot_item(const Record& record, JournalState& state);
// Drops what has no image to belong to (a set digest, a trial, synced): only a foreign snapshot holds such
// things.
void close_snapshot(JournalState& state);

}  // namespace aseptic::boot
