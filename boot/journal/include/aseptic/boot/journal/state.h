// SPDX-License-Identifier: Apache-2.0
// Boot's state as a pure, total fold over journal records: any sequence of records gives a state.
// Called by boot/journal (load, append, compaction), tests, inspect.
// INVARIANT: no record raises or lowers anything in the monotonic store; boot/core does that from verified
// manifests.
#pragma once
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/request_area.h"
#include "aseptic/boot/journal/record.h"

namespace aseptic::boot {

// What the journal remembers of an image; a zero manifest digest means "none".
struct ImageInfo {
  Digest manifest{};
  Digest set{};
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
  std::uint32_t min_root_version = 0;
  // INVARIANT: these three numbers stand together, as in a record (pack_info).

  bool exists() const { return !is_zero(manifest); }
  bool operator==(const ImageInfo&) const = default;
};

inline constexpr std::size_t kImageNumbersSize = 16;
static_assert(offsetof(ImageInfo, epoch) - offsetof(ImageInfo, sequence) == 8 &&
              offsetof(ImageInfo, min_root_version) - offsetof(ImageInfo, sequence) == 12);

struct BootHash {
  Digest manifest{};
  Digest image{};
  std::uint8_t slot = 0;
  bool operator==(const BootHash&) const = default;
};

struct JournalState {
  JournalState() { clear_object(*this); }

  std::uint32_t boot_count = 0;
  std::uint32_t generation = 0;
  // Of the last FLOOR record for the confirmed image: a hint that a burn may have been cut off, never a value
  // to burn.
  std::uint32_t floor_intent = 0;
  std::uint32_t revoke_intent = 0;
  std::uint32_t confirmed_at = 0;  // boot_count of the confirm: the policy delay counts from here
  std::uint32_t trial_boot_count = 0;
  std::uint16_t interrupted = 0;  // power losses during trials of the staged digest
  std::uint16_t staged_attempt = 0;
  std::uint8_t staged_slot = 0;
  bool synced = false;
  bool trial_open = false;  // an ATTEMPT of `staged` that no record has closed
  bool trial_forced = false;
  ImageInfo confirmed;
  ImageInfo previous;
  ImageInfo staged;
  Digest trial_token{};  // ports without a device secret
  BootHash boot_hash;
  std::uint8_t quarantine_count = 0;
  std::array<Quarantined, kQuarantineMax> quarantine{};

  // True when `digest` failed in an attempt that is not lower than `attempt`.
  bool is_quarantined(const Digest& digest, std::uint16_t attempt) const;
  void add_quarantine(const Digest& digest, std::uint16_t attempt);
  void lift_quarantine(const Digest& digest);
};

// Folds records in journal order. The newest record is held back until the next one is seen: a record that a
// reset left unreadable may become readable later, and is void when boot has gone on from the record before
// it (docs/formats/boot_journal.md, "Unstable cells").
class Fold {
 public:
  Fold() { clear_object(*this); }
  // Starts from a closed snapshot: its state, and the sequence of its commit record.
  Fold(const JournalState& snapshot, std::uint64_t sequence) : state_(snapshot), applied_(sequence) {}
  // The same in place: an empty state for the caller to fill in from a snapshot, then `close` with the sequence of its
  // commit record.
  JournalState& restart();
  void close(std::uint64_t sequence);

  void add(const Record& record);
  // Applies the held record.
  void finish();

  const JournalState& state() const { return state_; }
  std::uint64_t sequence() const { return applied_; }
  std::uint32_t gaps() const { return gaps_; }  // missing sequence numbers: records lost to damage

 private:
  JournalState state_;
  std::uint64_t applied_ = 0;
  std::uint32_t gaps_ = 0;
  bool has_held_ = false;
  Record held_;
  // Members of groups wait here for the record that closes their group.
  struct Group {
    Digest set, info, token, image;
  };
  Group group_{};

  void apply(const Record& record);
  void apply_trial(const Record& record);
  void close_group();
};

// The numbers of an image packed into a digest-sized field (kStagedInfo).
Digest pack_info(const ImageInfo& info);
void unpack_info(const Digest& packed, ImageInfo& info);

}  // namespace aseptic::boot
