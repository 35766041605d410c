// SPDX-License-Identifier: Apache-2.0
// What boot did in one power-up, as events: the host port prints them, the mailbox carries the first few,
// tests read them. Numbers are stable: append only.
#pragma once
#include "aseptic/boot/format/bytes.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/status.h"

namespace aseptic::boot {

#define ASEPTIC_BOOT_EVENT_LIST(X)             \
  X(kBoot, 1, "BOOT")                          \
  X(kJournalDiscarded, 2, "JOURNAL_DISCARDED") \
  X(kDefaultState, 3, "DEFAULT_STATE")         \
  X(kJournalDamaged, 4, "JOURNAL_DAMAGED")     \
  X(kDegraded, 5, "DEGRADED")                  \
  X(kConfirmed, 6, "CONFIRMED")                \
  X(kTrialFailed, 7, "TRIAL_FAILED")           \
  X(kTrialInterrupted, 8, "TRIAL_INTERRUPTED") \
  X(kStaged, 9, "STAGED")                      \
  X(kRequestRefused, 10, "REQUEST_REFUSED")    \
  X(kArmVoid, 11, "ARM_VOID")                  \
  X(kAttempt, 12, "ATTEMPT")                   \
  X(kAutoRevert, 13, "AUTO_REVERT")            \
  X(kSynced, 14, "SYNCED")                     \
  X(kFloorRaised, 15, "FLOOR_RAISED")          \
  X(kKeysRevoked, 16, "KEYS_REVOKED")          \
  X(kGenerationBurnt, 17, "GENERATION_BURNT")  \
  X(kRecoveryWritten, 18, "RECOVERY_WRITTEN")  \
  X(kImageRefused, 19, "IMAGE_REFUSED")        \
  X(kBootHash, 20, "BOOTHASH")                 \
  X(kLastResort, 21, "LAST_RESORT")            \
  X(kRun, 22, "RUN")                           \
  X(kNothingBoots, 23, "NOTHING_BOOTS")        \
  X(kDebugOpen, 24, "DEBUG_OPEN")

enum class EventCode : std::uint32_t {
#define ASEPTIC_BOOT_EVENT_ENUMERATOR(name, number, text) name = number,
  ASEPTIC_BOOT_EVENT_LIST(ASEPTIC_BOOT_EVENT_ENUMERATOR)
#undef ASEPTIC_BOOT_EVENT_ENUMERATOR
};

constexpr const char* event_name(EventCode code) {
  switch (code) {
#define ASEPTIC_BOOT_EVENT_NAME(name, number, text) \
  case EventCode::name:                             \
    return text;
    ASEPTIC_BOOT_EVENT_LIST(ASEPTIC_BOOT_EVENT_NAME)
#undef ASEPTIC_BOOT_EVENT_NAME
  }
  return "UNKNOWN";
}

// Why an arm was void (Event::value of kArmVoid).
enum class ArmVoid : std::uint32_t {
  kNoPermit = 1,
  kOtherBootCount = 2,
  kPermitOtherBootCount = 3,
  kResetCause = 4
};
// Why a trial failed (Event::value of kTrialFailed, Record::detail).
enum class TrialFailure : std::uint8_t { kReverted = 1, kReset = 2, kPowerLosses = 3 };

struct Event {
  EventCode code = EventCode::kBoot;
  ImagePlace place = ImagePlace::kNone;
  Status status = Status::kOk;
  std::uint32_t value =
      0;            // kBoot: boot_count; kFloorRaised: floor; kKeysRevoked: mask; else as the code says
  Digest digest{};  // manifest digest where one is concerned
};

class EventSink {
 public:
  virtual void event(const Event& event) = 0;

 protected:
  ~EventSink() = default;
};

}  // namespace aseptic::boot
