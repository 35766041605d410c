// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/device_check.h"

#include <algorithm>

#include "aseptic/boot/format/mailbox.h"
#include "aseptic/core/hash.h"
#include "aseptic/core/uuid.h"
#include "aseptic/publish/codes.h"
#include "aseptic/trust/mailbox_report.h"

namespace aseptic::publish {
namespace {

using core::JsonArray;
using core::JsonObject;
using core::JsonValue;

JsonValue number(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::string hex(const boot::Digest& digest) { return boot::is_zero(digest) ? "" : core::Digest{digest}.hex(); }

std::string_view name_of(boot::LifeCycle value) { return value == boot::LifeCycle::kProduction ? "production" : "development"; }
std::string_view name_of(boot::DebugPort value) {
  return value == boot::DebugPort::kClosed ? "closed" : value == boot::DebugPort::kOpen ? "open" : "unknown";
}
std::string_view name_of(boot::RunKind value) {
  constexpr std::string_view kNames[] = {"none", "confirmed", "trial", "forced trial", "recovery"};
  return kNames[std::min<std::size_t>(static_cast<std::size_t>(value), 4)];
}
std::string_view name_of(boot::ResetCause value) {
  constexpr std::string_view kNames[] = {"unknown", "power-on", "brown-out", "commanded", "watchdog", "lock-up", "software"};
  return kNames[std::min<std::size_t>(static_cast<std::size_t>(value), 6)];
}
std::string_view name_of(boot::ImagePlace value) {
  return value == boot::ImagePlace::kSlotA ? "slot a" : value == boot::ImagePlace::kSlotB ? "slot b"
         : value == boot::ImagePlace::kRecovery ? "recovery" : "none";
}
std::string_view name_of(boot::BootHashVerdict value) {
  return value == boot::BootHashVerdict::kMatches ? "matches" : value == boot::BootHashVerdict::kDiffers ? "differs" : "not recorded";
}
std::string_view name_of(boot::RecoveryState value) {
  return value == boot::RecoveryState::kVerifies ? "verifies" : value == boot::RecoveryState::kAbsent ? "absent" : "does not verify";
}
std::string_view name_of(Severity value) {
  return value == Severity::kFailure ? "failure" : value == Severity::kWarning ? "warning" : "note";
}

JsonArray quarantine_of(const boot::BootReport& r) {
  JsonArray list;
  for (std::size_t i = 0; i < std::min<std::size_t>(r.quarantine_count, boot::kQuarantineMax); ++i)
    list.push_back(JsonObject{{"manifest", hex(r.quarantine[i].digest)}, {"attempt", number(r.quarantine[i].attempt)}});
  return list;
}

// Numbers as in boot/core/events.h.
JsonArray events_of(const boot::BootReport& r) {
  JsonArray list;
  for (std::size_t i = 0; i < std::min<std::size_t>(r.event_count, boot::kReportEventsMax); ++i)
    list.push_back(JsonObject{{"code", number(r.events[i].code)}, {"value", number(r.events[i].detail)}});
  return list;
}

JsonObject facts_of(const boot::BootReport& r) {
  return {{"device_id", core::Uuid{r.device_id}.text()},
          {"emulated", r.emulated},
          {"life_cycle", name_of(r.life_cycle)},
          {"debug_port", name_of(r.debug)},
          {"boot_version", number(r.boot_version)},
          {"boot_digest", hex(r.boot_digest)},
          {"boot_count", number(r.boot_count)},
          {"reset_cause", name_of(r.reset_cause)},
          {"runs", name_of(r.run_kind)},
          {"runs_from", name_of(r.place)},
          {"running_manifest", hex(r.running_manifest)},
          {"running_image", hex(r.running_image)},
          {"running_set", hex(r.running_set)},
          {"running_sequence", number(r.running_sequence)},
          {"confirmed_manifest", hex(r.confirmed_manifest)},
          {"confirmed_sequence", number(r.confirmed_sequence)},
          {"confirmed_set", hex(r.confirmed_set)},
          {"previous_manifest", hex(r.previous_manifest)},
          {"staged_manifest", hex(r.staged_manifest)},
          {"staged_attempt", number(r.staged_attempt)},
          {"boothash", name_of(r.boothash_verdict)},
          {"recovery", name_of(r.recovery)},
          {"both_slots_current", r.synced},
          {"security_floor", number(r.floor)},
          {"revoked_keys", number(r.revoked)},
          {"generation", number(r.generation)},
          {"min_root_version", number(r.min_root_version)},
          {"interrupted_trials", number(r.interrupted_trials)},
          {"policy_delay_left", number(r.policy_delay_left)},
          {"challenge", hex(r.challenge)},
          {"log_count", number(r.log_count)},
          {"log_head", hex(r.log_head)},
          {"events", events_of(r)},
          {"quarantine", quarantine_of(r)}};
}

void judge_debug(const boot::BootReport& r, std::vector<Finding>& out) {
  const bool is_production = r.life_cycle == boot::LifeCycle::kProduction;
  // SECURITY(T-49): anything but "closed" is open for a device that treats patients.
  if (is_production && r.debug == boot::DebugPort::kOpen)
    out.push_back({Severity::kFailure, "debug_open_in_production", "THE DEBUG PORT OF A PRODUCTION DEVICE IS OPEN: take it out of service."});
  else if (is_production && r.debug != boot::DebugPort::kClosed)
    out.push_back({Severity::kFailure, "debug_unknown_in_production", "This production device cannot say that its debug port is closed."});
  else if (r.debug != boot::DebugPort::kClosed)
    out.push_back({Severity::kNote, "debug_not_closed", "The debug port is not known to be closed; in production that is a failure."});
  if (!is_production)
    out.push_back({Severity::kNote, "development", "Development life cycle: such a device must not treat patients."});
}

std::vector<Finding> judge(const boot::BootReport& r) {
  std::vector<Finding> out;
  judge_debug(r, out);
  if (r.boothash_verdict == boot::BootHashVerdict::kDiffers)
    out.push_back({Severity::kFailure, "boothash_differs", "Boot measured another image than the one it has recorded as confirmed."});
  if (r.recovery == boot::RecoveryState::kDoesNotVerify)
    out.push_back({Severity::kWarning, "recovery_broken", "The recovery image does not verify; boot repairs it once both slots do."});
  if (r.run_kind != boot::RunKind::kConfirmed)
    out.push_back({Severity::kWarning, "not_confirmed", "The device does not run a confirmed image: " + std::string(name_of(r.run_kind)) + "."});
  if (r.quarantine_count != 0)
    out.push_back({Severity::kNote, "quarantine", "Images failed their trial on this device; see quarantine."});
  if (r.emulated) out.push_back({Severity::kNote, "emulated", "EMULATED hardware: nothing here says anything about a real device."});
  return out;
}

// SECURITY(T-22): an old report, genuine as it is, answers an old challenge.
core::Result<void> judge_challenge(const boot::BootReport& r, core::ByteView challenge, DeviceCheck& check) {
  if (challenge.size() != boot::kDigestSize || boot::all_bytes_are(challenge, 0))
    return core::Error(PublishCode::kInput, "a challenge has 32 bytes, 64 hexadecimal digits, and is not zero");
  const bool is_answered = std::ranges::equal(r.challenge, challenge);
  check.facts.insert_or_assign("challenge_answered", JsonValue(is_answered));
  if (!is_answered)
    check.findings.push_back({Severity::kFailure, "challenge_not_answered", "This report does not answer the challenge: it is not of the start that was asked for."});
  return {};
}

std::string shown(const JsonValue& value) {
  if (const auto* text = value.as_string()) return text->empty() ? "-" : *text;
  if (const auto* flag = value.as_bool()) return *flag ? "yes" : "no";
  if (const auto* integer = value.as_integer()) return std::to_string(*integer);
  const auto* list = value.as_array();
  return list == nullptr ? "-" : std::to_string(list->size()) + " entries";
}

}  // namespace

bool DeviceCheck::has_failed() const {
  return std::ranges::any_of(findings, [](const Finding& finding) { return finding.severity == Severity::kFailure; });
}

std::string DeviceCheck::text() const {
  std::string text;
  for (const auto& [name, value] : facts) text += "  " + name + std::string(name.size() < 22 ? 22 - name.size() : 1, ' ') + shown(value) + "\n";
  for (const Finding& finding : findings)
    text += std::string(finding.severity == Severity::kFailure ? "FAILURE" : name_of(finding.severity)) + ": " + finding.sentence + "\n";
  text += has_failed() ? "This device does not pass." : "No failure found.";
  return text;
}

JsonObject DeviceCheck::json() const {
  JsonArray list;
  for (const Finding& finding : findings)
    list.push_back(JsonObject{{"severity", name_of(finding.severity)}, {"name", finding.name}, {"text", finding.sentence}});
  return {{"facts", facts}, {"findings", std::move(list)}, {"passes", !has_failed()}};
}

core::Result<DeviceCheck> check_device(core::ByteView report, const CheckOptions& options) {
  if (report.size() != boot::kBootReportSize)
    return core::Error(PublishCode::kInput, "a boot report has 1024 bytes, this has " + std::to_string(report.size()));
  boot::BootReport decoded;
  const auto status = boot::decode_boot_report(report.first<boot::kBootReportSize>(), decoded);
  if (!boot::ok(status)) return core::Error(PublishCode::kInput, std::string("the boot report: ") + boot::describe(status).sentence);
  DeviceCheck check{facts_of(decoded), judge(decoded)};
  if (options.boot_key) {
    ASEPTIC_TRY_VOID(trust::verify_mailbox_report(report, *options.boot_key));
  } else {
    check.findings.push_back({Severity::kWarning, "signature_not_checked", "SIGNATURE NOT CHECKED: give the certified key of the device's boot with --boot-key."});
  }
  check.facts.insert_or_assign("signature_checked", JsonValue(options.boot_key.has_value()));
  check.facts.insert_or_assign("boot_key", !options.boot_key ? "not given" : options.boot_key->statement() ? "certified by the factory" : "given by the operator");
  if (options.challenge) ASEPTIC_TRY_VOID(judge_challenge(decoded, *options.challenge, check));
  return check;
}

}  // namespace aseptic::publish
