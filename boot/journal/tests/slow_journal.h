// SPDX-License-Identifier: Apache-2.0
// A second, slow reading of a journal area, written from docs/formats/boot_journal.md and sharing no code
// with the product beyond the record decoder: it collects all valid records, then argues about the whole
// list.
#pragma once
#include <algorithm>
#include <optional>
#include <vector>

#include "aseptic/boot/journal/journal.h"

namespace aseptic::boot::testing {

inline std::vector<Record> snapshot_records(const JournalState& state) {
  std::vector<Record> records;
  SnapshotWriter writer(state);
  for (Record record; writer.next(record);)
    records.push_back(record);
  return records;
}

class SlowJournal {
 public:
  SlowJournal(const RecordSealer& sealer, ByteView area) {
    const std::size_t half = area.size() / 2;
    if (half < kJournalHalfMin || half % kRecordSize != 0) return;
    std::optional<Group> best;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto group = find_group(valid_records(sealer, area.subspan(i * half, half)));
      if (group && (!best || group->commit > best->commit)) best = group;
    }
    if (!best) return;
    readable_ = true;
    state_ = best->snapshot;
    for (const Record& record : in_force(best->rest, best->commit))
      apply(record);
  }
  bool readable() const { return readable_; }
  const JournalState& state() const { return state_; }

 private:
  struct Group {
    JournalState snapshot;
    std::uint64_t commit = 0;
    std::vector<Record> rest;
  };

  static std::vector<Record> valid_records(const RecordSealer& sealer, ByteView half) {
    std::vector<Record> out;
    for (std::size_t at = 0; at < half.size(); at += kRecordSize) {
      Record record;
      if (decode_record(sealer, half.subspan(at).first<kRecordSize>(), record) == Status::kOk)
        out.push_back(record);
    }
    return out;
  }

  // The first commit record that closes an unbroken run of sequence numbers from a begin record on.
  static std::optional<Group> find_group(const std::vector<Record>& records) {
    for (std::size_t commit = 0; commit < records.size(); ++commit) {
      if (records[commit].tag != RecordTag::kSnapshotCommit) continue;
      // The begin record that counts is the last one before the commit.
      std::size_t begin = records.size();
      for (std::size_t i = 0; i < commit; ++i)
        if (records[i].tag == RecordTag::kSnapshotBegin) begin = i;
      if (begin == records.size()) continue;
      Group group;
      group.snapshot.boot_count = records[begin].value;
      std::uint64_t next = records[begin].sequence + 1;
      for (std::size_t i = begin + 1; i < commit; ++i)
        if (records[i].tag == RecordTag::kSnapshotItem && records[i].sequence == next) {
          apply_snapshot_item(records[i], group.snapshot);
          ++next;
        }
      if (records[commit].sequence != next || records[commit].value != next - records[begin].sequence)
        continue;
      drop_orphans(group.snapshot);
      group.commit = next;
      group.rest.assign(records.begin() + static_cast<std::ptrdiff_t>(commit) + 1, records.end());
      return group;
    }
    return std::nullopt;
  }

  // Nothing may hang on an image that the snapshot does not name.
  static void drop_orphans(JournalState& s) {
    const Digest none{};
    s.synced = s.synced && s.confirmed.manifest != none;
    s.trial_open = s.trial_open && s.staged.manifest != none;
    s.trial_forced = s.trial_forced && s.trial_open;
    if (s.confirmed.manifest == none) s.confirmed = ImageInfo{};
    if (s.previous.manifest == none) s.previous = ImageInfo{};
    if (s.boot_hash.manifest == none) s.boot_hash = BootHash{};
    if (s.staged.manifest != none) return;
    s.staged = ImageInfo{};
    s.staged_attempt = 0;
    s.staged_slot = 0;
  }

  // A record counts when its number is above all that counted before it, and the next valid record goes on
  // from it.
  static std::vector<Record> in_force(const std::vector<Record>& records, std::uint64_t commit) {
    std::vector<Record> out;
    std::uint64_t last = commit;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (records[i].sequence <= last) continue;
      const bool goes_on = i + 1 == records.size() || records[i + 1].sequence > records[i].sequence;
      if (!goes_on) continue;
      out.push_back(records[i]);
      last = records[i].sequence;
    }
    return out;
  }

  static std::uint32_t number(const Digest& digest, std::size_t at) {
    return static_cast<std::uint32_t>(digest[at] | digest[at + 1] << 8 | digest[at + 2] << 16) |
           static_cast<std::uint32_t>(digest[at + 3]) << 24;
  }
  void forget_staged() {
    state_.staged = {};
    state_.staged_attempt = 0;
    state_.staged_slot = 0;
    state_.interrupted = 0;
  }
  void end_trial() {
    state_.trial_open = state_.trial_forced = false;
    state_.trial_boot_count = 0;
    state_.trial_token = {};
  }
  bool closes(const Record& r) const { return state_.trial_open && r.digest == state_.staged.manifest; }

  void apply(const Record& r) {
    JournalState& s = state_;
    if (r.tag == RecordTag::kBoot) {
      s.boot_count = std::max(s.boot_count, r.value);
      set_ = info_ = token_ = image_ = {};
    }
    if (r.tag == RecordTag::kStagedSet) set_ = r.digest;
    if (r.tag == RecordTag::kStagedInfo) info_ = r.digest;
    if (r.tag == RecordTag::kAttemptToken) token_ = r.digest;
    if (r.tag == RecordTag::kBootHashImage) image_ = r.digest;
    if (r.tag == RecordTag::kStaged && !s.trial_open && r.digest != Digest{}) {
      forget_staged();
      s.staged.manifest = r.digest;
      s.staged.set = set_;
      s.staged.sequence = number(info_, 0) | static_cast<std::uint64_t>(number(info_, 4)) << 32;
      s.staged.epoch = number(info_, 8);
      s.staged.min_root_version = number(info_, 12);
      s.staged_attempt = r.attempt;
      s.staged_slot = r.slot;
      set_ = info_ = token_ = image_ = {};
    }
    if (r.tag == RecordTag::kAttempt && !s.trial_open && s.staged.manifest != Digest{} &&
        s.staged.manifest == r.digest) {
      s.trial_open = true;
      s.trial_forced = r.detail == 1;
      s.trial_boot_count = r.value;
      s.trial_token = token_;
      set_ = info_ = token_ = image_ = {};
    }
    if (r.tag == RecordTag::kConfirmed && closes(r)) {
      s.previous = s.confirmed.manifest != Digest{} ? s.confirmed : s.staged;
      s.confirmed = s.staged;
      s.confirmed_at = s.boot_count;
      s.generation = r.value;
      s.synced = false;
      s.floor_intent = s.revoke_intent = 0;
      s.lift_quarantine(r.digest);
      forget_staged();
      end_trial();
    } else if (r.tag == RecordTag::kTrialFailed && closes(r)) {
      s.add_quarantine(r.digest, s.staged_attempt);
      s.generation = r.value;
      s.synced = false;
      forget_staged();
      end_trial();
    } else if (r.tag == RecordTag::kTrialInterrupted && closes(r)) {
      s.interrupted = static_cast<std::uint16_t>(s.interrupted + (s.interrupted < 0xFFFF ? 1 : 0));
      end_trial();
    }
    if (r.tag == RecordTag::kAutoRevert && !s.trial_open && s.previous.manifest != Digest{} &&
        r.digest == s.previous.manifest) {
      s.confirmed = s.previous;
      s.confirmed_at = s.boot_count;
      s.generation = r.value;
      s.synced = false;
      s.floor_intent = s.revoke_intent = 0;
      forget_staged();
    }
    if (r.tag == RecordTag::kSynced && s.confirmed.manifest != Digest{} && r.digest == s.confirmed.manifest)
      s.synced = true;
    if (r.tag == RecordTag::kFloor) {
      s.floor_intent = number(r.digest, 0);
      s.revoke_intent = number(r.digest, 4);
      s.generation = r.value;
    }
    if (r.tag == RecordTag::kBootHash && r.digest != Digest{}) {
      s.boot_hash = {r.digest, image_, r.slot};
      set_ = info_ = token_ = image_ = {};
    }
  }

  bool readable_ = false;
  JournalState state_;
  Digest set_{}, info_{}, token_{}, image_{};
};

inline bool same_state(const JournalState& a, const JournalState& b) {
  return a.boot_count == b.boot_count && a.generation == b.generation && a.floor_intent == b.floor_intent &&
         a.revoke_intent == b.revoke_intent && a.confirmed_at == b.confirmed_at &&
         a.trial_boot_count == b.trial_boot_count && a.interrupted == b.interrupted &&
         a.staged_attempt == b.staged_attempt && a.staged_slot == b.staged_slot && a.synced == b.synced &&
         a.trial_open == b.trial_open && a.trial_forced == b.trial_forced && a.confirmed == b.confirmed &&
         a.previous == b.previous && a.staged == b.staged && a.trial_token == b.trial_token &&
         a.boot_hash == b.boot_hash && a.quarantine_count == b.quarantine_count &&
         a.quarantine == b.quarantine;
}

}  // namespace aseptic::boot::testing
