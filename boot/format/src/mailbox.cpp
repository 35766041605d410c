// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/format/mailbox.h"

#include "aseptic/boot/format/checksum.h"
#include "aseptic/boot/format/hash.h"

namespace aseptic::boot {
namespace {

template <class Enum>
bool at_most(Le8 field, Enum last) {
  return field.get() <= static_cast<std::uint8_t>(last);
}

bool enumerators_known(const BootReportWire& w) {
  const auto place = static_cast<ImagePlace>(w.place.get());
  return at_most(w.reset_cause, ResetCause::kSoftware) && at_most(w.run_kind, RunKind::kRecovery) &&
         (at_most(w.place, ImagePlace::kRecovery) || place == ImagePlace::kNone) &&
         at_most(w.boothash_verdict, BootHashVerdict::kDiffers) &&
         at_most(w.recovery, RecoveryState::kDoesNotVerify) && at_most(w.debug, DebugPort::kOpen) &&
         at_most(w.life_cycle, LifeCycle::kProduction) && w.life_cycle.get() != 0 && w.emulated.get() <= 1 &&
         w.synced.get() <= 1;
}

Status check_wire(const BootReportWire& w) {
  if (!equal(w.magic, domain(kBootReportMagic).first(8))) return Status::kBadMagic;
  if (w.format.get() != kBootReportFormat) return Status::kBadFormat;
  if (w.length.get() != kBootReportSize) return Status::kBadLength;
  if (!checksum_matches(bytes_of(w))) return Status::kBadChecksum;
  if (!enumerators_known(w)) return Status::kBadEnumerator;
  if (w.quarantine_count.get() > kQuarantineMax || w.event_count.get() > kReportEventsMax)
    return Status::kBadLength;
  return Status::kOk;
}

template <class Enum>
void put(Le8& field, Enum value) {
  field.set(static_cast<std::uint8_t>(value));
}

}  // namespace

Digest report_message_digest(Hasher& hasher, const BootReportWire& report) {
  return hash_of(hasher, domain(kReportDomain), bytes_of(report).first(offsetof(BootReportWire, signature)));
}

void seal_boot_report(BootReportWire& w) {
  copy_bytes(w.magic, domain(kBootReportMagic).first(8));
  w.format.set(kBootReportFormat);
  w.length.set(kBootReportSize);
  seal_checksum(mutable_bytes_of(w));
}

void encode_boot_report(const BootReport& r, std::span<std::uint8_t, kBootReportSize> out) {
  BootReportWire w{};
  w.boot_count.set(r.boot_count);
  w.boot_version.set(r.boot_version);
  put(w.reset_cause, r.reset_cause);
  put(w.life_cycle, r.life_cycle);
  put(w.debug, r.debug);
  put(w.emulated, r.emulated);
  put(w.run_kind, r.run_kind);
  put(w.place, r.place);
  put(w.synced, r.synced);
  put(w.boothash_verdict, r.boothash_verdict);
  put(w.recovery, r.recovery);
  w.quarantine_count.set(r.quarantine_count);
  w.event_count.set(r.event_count);
  w.floor.set(r.floor);
  w.revoked.set(r.revoked);
  w.generation.set(r.generation);
  w.min_root_version.set(r.min_root_version);
  w.running_sequence.set(r.running_sequence);
  w.confirmed_sequence.set(r.confirmed_sequence);
  w.device_id = r.device_id;
  w.boot_digest = r.boot_digest;
  w.running_manifest = r.running_manifest;
  w.running_image = r.running_image;
  w.running_set = r.running_set;
  w.confirmed_manifest = r.confirmed_manifest;
  w.confirmed_set = r.confirmed_set;
  w.previous_manifest = r.previous_manifest;
  w.staged_manifest = r.staged_manifest;
  w.token = r.token;
  w.challenge = r.challenge;
  w.log_head = r.log_head;
  w.log_count.set(r.log_count);
  w.staged_attempt.set(r.staged_attempt);
  w.interrupted_trials.set(r.interrupted_trials);
  w.policy_delay_left.set(r.policy_delay_left);
  copy_bytes(w.alias_public_key, r.alias_public_key);
  for (std::size_t i = 0; i < kQuarantineMax; ++i) {
    w.quarantine[i].digest = r.quarantine[i].digest;
    w.quarantine[i].attempt.set(r.quarantine[i].attempt);
  }
  for (std::size_t i = 0; i < kReportEventsMax; ++i) {
    w.events[i].code.set(r.events[i].code);
    w.events[i].detail.set(r.events[i].detail);
  }
  copy_bytes(w.signature, r.signature);
  seal_boot_report(w);
  copy_bytes(out, bytes_of(w));
}

Status decode_boot_report(std::span<const std::uint8_t, kBootReportSize> bytes, BootReport& out) {
  BootReportWire w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  ASEPTIC_BOOT_TRY(check_wire(w));
  BootReport r;
  r.boot_count = w.boot_count.get();
  r.boot_version = w.boot_version.get();
  r.reset_cause = static_cast<ResetCause>(w.reset_cause.get());
  r.life_cycle = static_cast<LifeCycle>(w.life_cycle.get());
  r.debug = static_cast<DebugPort>(w.debug.get());
  r.emulated = w.emulated.get() == 1;
  r.run_kind = static_cast<RunKind>(w.run_kind.get());
  r.place = static_cast<ImagePlace>(w.place.get());
  r.synced = w.synced.get() == 1;
  r.boothash_verdict = static_cast<BootHashVerdict>(w.boothash_verdict.get());
  r.recovery = static_cast<RecoveryState>(w.recovery.get());
  r.quarantine_count = w.quarantine_count.get();
  r.event_count = w.event_count.get();
  r.floor = w.floor.get();
  r.revoked = w.revoked.get();
  r.generation = w.generation.get();
  r.min_root_version = w.min_root_version.get();
  r.running_sequence = w.running_sequence.get();
  r.confirmed_sequence = w.confirmed_sequence.get();
  r.device_id = w.device_id;
  r.boot_digest = w.boot_digest;
  r.running_manifest = w.running_manifest;
  r.running_image = w.running_image;
  r.running_set = w.running_set;
  r.confirmed_manifest = w.confirmed_manifest;
  r.confirmed_set = w.confirmed_set;
  r.previous_manifest = w.previous_manifest;
  r.staged_manifest = w.staged_manifest;
  r.token = w.token;
  r.challenge = w.challenge;
  r.log_head = w.log_head;
  r.log_count = w.log_count.get();
  r.staged_attempt = w.staged_attempt.get();
  r.interrupted_trials = w.interrupted_trials.get();
  r.policy_delay_left = w.policy_delay_left.get();
  copy_bytes(r.alias_public_key, w.alias_public_key);
  for (std::size_t i = 0; i < kQuarantineMax; ++i)
    r.quarantine[i] = {w.quarantine[i].digest, w.quarantine[i].attempt.get()};
  for (std::size_t i = 0; i < kReportEventsMax; ++i)
    r.events[i] = {w.events[i].code.get(), w.events[i].detail.get()};
  copy_bytes(r.signature, w.signature);
  out = r;
  return Status::kOk;
}

}  // namespace aseptic::boot
