// SPDX-License-Identifier: Apache-2.0
// The boot report that boot leaves in the mailbox before each run: what runs, what is confirmed, staged and
// quarantined, the one-time confirm token of an open trial, floor and revocations. The application reads,
// only boot writes. Format: docs/formats/boot_mailbox.md. Signature and alias key are zero on a port without a device
// secret; the checksum finds torn reports only.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

inline constexpr std::size_t kBootReportSize = 1024;
inline constexpr std::uint16_t kBootReportFormat = 1;
inline constexpr char kBootReportMagic[] = "ASPTMAIL";
inline constexpr std::size_t kReportEventsMax = 8;
inline constexpr std::size_t kAliasKeySize = 65;

enum class ResetCause : std::uint8_t {
  kUnknown = 0,
  kPowerOn = 1,
  kBrownOut = 2,
  kCommanded = 3,
  kWatchdog = 4,
  kLockUp = 5,
  kSoftware = 6,
};
enum class RunKind : std::uint8_t { kNone = 0, kConfirmed = 1, kTrial = 2, kForcedTrial = 3, kRecovery = 4 };
enum class ImagePlace : std::uint8_t { kSlotA = 0, kSlotB = 1, kRecovery = 2, kNone = 255 };
// Boot's own measurement of what runs, against the BOOTHASH record.
enum class BootHashVerdict : std::uint8_t { kNotRecorded = 0, kMatches = 1, kDiffers = 2 };
enum class RecoveryState : std::uint8_t { kAbsent = 0, kVerifies = 1, kDoesNotVerify = 2 };
enum class DebugPort : std::uint8_t { kUnknown = 0, kClosed = 1, kOpen = 2 };

struct ReportEvent {
  std::uint32_t code = 0;    // boot/core EventCode
  std::uint32_t detail = 0;  // a Status, a slot or a number, per code
};

struct BootReport {
  std::uint32_t boot_count = 0;
  std::uint32_t boot_version = 0;
  ResetCause reset_cause = ResetCause::kUnknown;
  LifeCycle life_cycle = LifeCycle::kDevelopment;
  DebugPort debug = DebugPort::kUnknown;
  bool emulated = false;
  RunKind run_kind = RunKind::kNone;
  ImagePlace place = ImagePlace::kNone;
  bool synced = false;
  BootHashVerdict boothash_verdict = BootHashVerdict::kNotRecorded;
  RecoveryState recovery = RecoveryState::kAbsent;
  std::uint32_t floor = 0;
  std::uint32_t revoked = 0;
  std::uint32_t generation = 0;
  std::uint32_t min_root_version = 0;  // of the confirmed image: the agent takes max(its cache, this)
  std::uint64_t running_sequence = 0;
  std::uint64_t confirmed_sequence = 0;
  Uuid device_id{};
  Digest boot_digest{};  // of the boot stage itself, zero where the port cannot measure it
  Digest running_manifest{};
  Digest running_image{};  // image digest as measured in this boot
  Digest running_set{};
  Digest confirmed_manifest{};  // zero = none
  Digest confirmed_set{};
  Digest previous_manifest{};
  Digest staged_manifest{};
  std::uint16_t staged_attempt = 0;
  Digest token{};      // zero outside a trial
  Digest challenge{};  // from REQ_CHALLENGE
  Digest log_head{};   // from REQ_CHALLENGE
  std::uint64_t log_count = 0;
  std::array<std::uint8_t, kAliasKeySize> alias_public_key{};
  std::uint16_t interrupted_trials = 0;
  std::uint16_t policy_delay_left = 0;  // boots until the policy delay is over
  std::uint8_t quarantine_count = 0;
  std::array<Quarantined, kQuarantineMax> quarantine{};
  std::uint8_t event_count = 0;  // of this boot, the first kReportEventsMax
  std::array<ReportEvent, kReportEventsMax> events{};
  std::array<std::uint8_t, 64> signature{};
};

struct ReportEventWire {
  Le32 code;
  Le32 detail;
};

struct BootReportWire {
  std::uint8_t magic[8];
  Le16 format;
  Le16 length;
  Le32 boot_count;
  Le32 boot_version;
  Le8 reset_cause;
  Le8 life_cycle;
  Le8 debug;
  Le8 emulated;
  Le8 run_kind;
  Le8 place;
  Le8 synced;
  Le8 boothash_verdict;
  Le8 recovery;
  Le8 quarantine_count;
  Le8 event_count;
  std::uint8_t reserved0;
  Le32 floor;
  Le32 revoked;
  Le32 generation;
  Le32 min_root_version;
  Le64 running_sequence;
  Le64 confirmed_sequence;
  Uuid device_id;
  Digest boot_digest;
  Digest running_manifest;
  Digest running_image;
  Digest running_set;
  Digest confirmed_manifest;
  Digest confirmed_set;
  Digest previous_manifest;
  Digest staged_manifest;
  Digest token;
  Digest challenge;
  Digest log_head;
  Le64 log_count;
  Le16 staged_attempt;
  Le16 interrupted_trials;
  Le16 policy_delay_left;
  std::uint8_t reserved1[2];
  std::uint8_t alias_public_key[kAliasKeySize];
  std::uint8_t reserved2[7];
  QuarantinedWire quarantine[kQuarantineMax];
  ReportEventWire events[kReportEventsMax];
  std::uint8_t reserved3[48];
  std::uint8_t signature[64];
  Le64 checksum;
};
static_assert(sizeof(BootReportWire) == kBootReportSize && alignof(BootReportWire) == 1);
static_assert(offsetof(BootReportWire, boot_count) == 12 && offsetof(BootReportWire, reset_cause) == 20);
static_assert(offsetof(BootReportWire, run_kind) == 24 && offsetof(BootReportWire, floor) == 32);
static_assert(offsetof(BootReportWire, running_sequence) == 48 && offsetof(BootReportWire, device_id) == 64);
static_assert(offsetof(BootReportWire, boot_digest) == 80 && offsetof(BootReportWire, token) == 336);
static_assert(offsetof(BootReportWire, log_count) == 432 &&
              offsetof(BootReportWire, alias_public_key) == 448);
static_assert(offsetof(BootReportWire, quarantine) == 520 && offsetof(BootReportWire, events) == 840);
static_assert(offsetof(BootReportWire, signature) == 952 && offsetof(BootReportWire, checksum) == 1016);

inline constexpr char kReportDomain[] = "aseptic-boot-report-v1";  // hashed with its terminating zero
// What the report's signature is made over: SHA-256(domain ‖ every byte before the signature).
Digest report_message_digest(Hasher& hasher, const BootReportWire& report);

// The key that signs until the next reset: its private half goes to what runs, its public half (x alone; y is even by
// rule, so whoever holds d and finds y odd signs with n - d) into the report. HMAC(report key, domain ‖ the report up to the running manifest's end), which holds the boot_count too.
inline constexpr char kAliasDomain[] = "aseptic-alias-v1";  // hashed with its terminating zero
inline Digest derive_alias_key(Hasher& hasher, const Digest& report_key, const BootReportWire& report) {
  return hmac(hasher, report_key, domain(kAliasDomain), bytes_of(report).first(offsetof(BootReportWire, running_image)));
}

// Completes a report whose fields are set: magic, format, length, checksum.
void seal_boot_report(BootReportWire& report);
void encode_boot_report(const BootReport& report, std::span<std::uint8_t, kBootReportSize> out);
Status decode_boot_report(std::span<const std::uint8_t, kBootReportSize> bytes, BootReport& out);

}  // namespace aseptic::boot
