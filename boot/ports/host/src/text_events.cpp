// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/host/text_events.h"

namespace aseptic::boot::host {
namespace {

std::string hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

const char* value_name(EventCode code) {
  switch (code) {
    case EventCode::kBoot:
      return "boot_count";
    case EventCode::kConfirmed:
      return "sequence";
    case EventCode::kStaged:
    case EventCode::kAttempt:
    case EventCode::kRequestRefused:
      return "attempt";
    case EventCode::kFloorRaised:
      return "floor";
    case EventCode::kKeysRevoked:
      return "revoked";
    case EventCode::kGenerationBurnt:
      return "generation";
    case EventCode::kJournalDamaged:
      return "records";
    case EventCode::kTrialInterrupted:
      return "interruptions";
    default:
      return "value";
  }
}

std::string reason(const Event& e) {
  if (e.code == EventCode::kArmVoid) {
    switch (static_cast<ArmVoid>(e.value)) {
      case ArmVoid::kNoPermit:
        return "no_permit";
      case ArmVoid::kOtherBootCount:
        return "arm_of_another_boot";
      case ArmVoid::kPermitOtherBootCount:
        return "permit_of_another_boot";
      case ArmVoid::kResetCause:
        return "reset_not_commanded";
    }
  }
  if (e.code == EventCode::kTrialFailed) {
    switch (static_cast<TrialFailure>(e.value)) {
      case TrialFailure::kReverted:
        return "reverted";
      case TrialFailure::kReset:
        return "reset_without_confirm";
      case TrialFailure::kPowerLosses:
        return "power_losses";
    }
  }
  if (e.code == EventCode::kJournalDiscarded)
    return e.value == 1   ? "unreadable"
           : e.value == 2 ? "generation_behind_store"
                          : "generation_ahead_of_store";
  if (e.code == EventCode::kRun) return run_kind_name(static_cast<RunKind>(e.value));
  return {};
}

}  // namespace

const char* place_name(ImagePlace place) {
  switch (place) {
    case ImagePlace::kSlotA:
      return "a";
    case ImagePlace::kSlotB:
      return "b";
    case ImagePlace::kRecovery:
      return "recovery";
    case ImagePlace::kNone:
      break;
  }
  return "none";
}

const char* run_kind_name(RunKind kind) {
  switch (kind) {
    case RunKind::kConfirmed:
      return "confirmed";
    case RunKind::kTrial:
      return "trial";
    case RunKind::kForcedTrial:
      return "forced_trial";
    case RunKind::kRecovery:
      return "recovery";
    case RunKind::kNone:
      break;
  }
  return "none";
}

const char* reset_cause_name(ResetCause cause) {
  switch (cause) {
    case ResetCause::kPowerOn:
      return "power_on";
    case ResetCause::kBrownOut:
      return "brown_out";
    case ResetCause::kCommanded:
      return "commanded";
    case ResetCause::kWatchdog:
      return "watchdog";
    case ResetCause::kLockUp:
      return "lock_up";
    case ResetCause::kSoftware:
      return "software";
    case ResetCause::kUnknown:
      break;
  }
  return "unknown";
}

void TextEvents::event(const Event& e) {
  const std::string why = reason(e);
  const bool has_digest = !is_zero(e.digest);
  const bool has_place = e.place != ImagePlace::kNone;
  if (format_ == EventFormat::kJson) {
    std::fprintf(out_,
                 "{\"boot\":\"%s\",\"place\":\"%s\",\"status\":\"%s\",\"%s\":%u,\"reason\":\"%s\",\"digest\":"
                 "\"%s\"}\n",
                 event_name(e.code), place_name(e.place), describe(e.status).name, value_name(e.code),
                 static_cast<unsigned>(e.value), why.c_str(), has_digest ? hex(e.digest).c_str() : "");
    return;
  }
  std::string line = std::string("boot: ") + event_name(e.code);
  if (has_place) line += std::string(" place=") + place_name(e.place);
  if (has_digest) line += " digest=" + hex(ByteView(e.digest).first(8));
  if (!why.empty()) {
    line += " " + why;
  } else if (e.value != 0) {
    line += std::string(" ") + value_name(e.code) + "=" + std::to_string(e.value);
  }
  if (!ok(e.status))
    line += std::string(" status=") + describe(e.status).name + " (" + describe(e.status).sentence + ")";
  std::fprintf(out_, "%s\n", line.c_str());
  std::fflush(out_);
}

void TextEvents::hardware(const std::string& name, const std::string& detail) {
  if (format_ == EventFormat::kJson)
    std::fprintf(out_, "{\"boot\":\"%s\",\"detail\":\"%s\"}\n", name.c_str(), detail.c_str());
  else
    std::fprintf(out_, "boot: %s %s\n", name.c_str(), detail.c_str());
  std::fflush(out_);
}

}  // namespace aseptic::boot::host
