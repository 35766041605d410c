// SPDX-License-Identifier: Apache-2.0
// One journal record of 64 bytes. Format: docs/formats/boot_journal.md.
// Two sealings of one record: format 1 ends in an 8-byte checksum; format 2 (ports with a device secret) in a
// 16-byte HMAC. To make room for the HMAC, format 2 stores 48 bits of the sequence and takes boot_count from
// the BOOT and snapshot records (docs/adr/0010-boot-journal-record.md). Called by boot/journal, boot/core,
// publish (factory). Pure functions.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

inline constexpr std::size_t kRecordSize = 64;
inline constexpr std::size_t kJournalHalfMin = 2048;
inline constexpr std::uint64_t kSequenceMax = (1ULL << 48U) - 1;

enum class RecordTag : std::uint8_t {
  kNone = 0,
  kBoot = 0x11,          // value = boot_count; detail = reset cause
  kStagedSet = 0x21,     // digest = set digest             \  a group: applied
  kStagedInfo = 0x22,    // numbers: sequence, epoch, root   } when kStaged closes it
  kStaged = 0x23,        // digest, slot, attempt           /
  kAttemptToken = 0x31,  // digest = token (ports without a device secret), closed by kAttempt
  kAttempt = 0x32,       // digest, slot; detail = 1: forced trial; value = boot_count of the trial
  kConfirmed = 0x41,     // digest, slot; value = generation. Closes a trial.
  kTrialFailed = 0x42,   // digest, attempt; detail = reason; value = generation. Closes a trial, quarantines.
  kTrialInterrupted = 0x43,  // digest. Closes a trial.
  kAutoRevert = 0x44,        // digest = now confirmed; value = generation
  kSynced = 0x51,            // digest = confirmed
  kFloor = 0x52,             // numbers: floor, revoked; detail = 1: revoke_now; value = generation
  kBootHashImage = 0x61,     // digest = image digest, closed by kBootHash
  kBootHash = 0x62,          // digest = manifest digest, slot
  kSnapshotBegin = 0x71,     // value = boot_count
  kSnapshotItem = 0x72,      // detail = SnapshotItem
  kSnapshotCommit = 0x73,    // value = records in the group before this one
};

// Decoded record. `value`, `attempt`, `detail`, `slot` are the eight argument bytes that follow the digest.
struct Record {
  Record() { clear_object(*this); }
  Record(RecordTag record_tag, const Digest& record_digest);

  RecordTag tag = RecordTag::kNone;
  std::uint64_t sequence = 0;
  std::uint32_t boot_count = 0;  // format 2: not stored here, 0 after decoding
  Digest digest{};
  std::uint8_t slot = 0;
  std::uint8_t detail = 0;
  std::uint16_t attempt = 0;
  std::uint32_t value = 0;
};

struct RecordWire1 {
  Le8 tag;
  Le8 format;
  std::uint8_t reserved[2];
  Le32 boot_count;
  Le64 sequence;
  Digest digest;
  Le8 slot;
  Le8 detail;
  Le16 attempt;
  Le32 value;
  Le64 checksum;
};
static_assert(sizeof(RecordWire1) == kRecordSize && offsetof(RecordWire1, digest) == 16);
static_assert(offsetof(RecordWire1, slot) == 48 && offsetof(RecordWire1, checksum) == 56);

struct RecordWire2 {
  Le8 tag;
  Le8 format;
  std::uint8_t sequence[6];
  Digest digest;
  Le8 slot;
  Le8 detail;
  Le16 attempt;
  Le32 value;
  std::uint8_t mac[16];
};
static_assert(sizeof(RecordWire2) == kRecordSize && offsetof(RecordWire2, digest) == 8);
static_assert(offsetof(RecordWire2, slot) == 40 && offsetof(RecordWire2, mac) == 48);

// How a device seals its records: with the journal key (format 2) or, without a device secret, by checksum
// (format 1).
struct RecordSealer {
  Hasher* hasher = nullptr;  // needed for format 2 only
  bool keyed = false;
  Digest key{};
};

// Keys that boot derives from the device secret and locks before it jumps.
struct DerivedKeys {
  Digest journal{};
  Digest confirm{};
};
// The private key that signs boot reports: another one for other boot code, an open debug port, another life cycle.
Digest derive_report_key(Hasher& hasher, const Digest& device_secret, const Digest& boot_digest, ByteView debug_and_life_cycle);
DerivedKeys derive_keys(Hasher& hasher, const Digest& device_secret);

using RecordBytes = std::array<std::uint8_t, kRecordSize>;
RecordBytes encode_record(const RecordSealer& sealer, const Record& record);
void encode_record(const RecordSealer& sealer, const Record& record, RecordBytes& out);
// kNotFound: erased or burnt; any other error: torn or foreign. Total over all 64-byte strings.
Status decode_record(const RecordSealer& sealer, std::span<const std::uint8_t, kRecordSize> bytes,
                     Record& out);

}  // namespace aseptic::boot
