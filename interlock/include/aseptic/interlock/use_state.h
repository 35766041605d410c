// SPDX-License-Identifier: Apache-2.0
// Which clinical states block an update (SI-02), as data, and what the therapy application answers about
// itself. Called by: TherapyGuard (decides), therapy applications (report), documents (print the table).
// Invariants: an unknown condition blocks; "patient disconnected" needs two independent inputs that both say
// so (SI-24); there is no entry, flag or message that lifts a blocking state (SI-04).
#pragma once

#include <cstdint>

namespace aseptic::interlock {

/// Bits of UseReport::conditions. A bit outside this list blocks as well.
enum class UseCondition : std::uint32_t {
  kTherapyActive = 1u << 0,
  kPatientConnected = 1u << 1,
  kAlarmActive = 1u << 2,
  kAlarmRecording = 1u << 3,
  kMeasurementRunning = 1u << 4,
  kProgrammingSession = 1u << 5,
  kUnsentPatientData = 1u << 6,
  kUnattendedCycle = 1u << 7,  // sterilisation, dialysis, incubation: until the batch is released (SI-07)
};

struct BlockingRule {
  UseCondition condition;
  const char* name;
};

inline constexpr BlockingRule kBlockingTable[] = {
    {UseCondition::kTherapyActive, "therapy active"},
    {UseCondition::kPatientConnected, "patient connected, or not known to be disconnected"},
    {UseCondition::kAlarmActive, "alarm active"},
    {UseCondition::kAlarmRecording, "alarm recording"},
    {UseCondition::kMeasurementRunning, "measurement running"},
    {UseCondition::kProgrammingSession, "programming session"},
    {UseCondition::kUnsentPatientData, "patient data not yet sent"},
    {UseCondition::kUnattendedCycle, "unattended process cycle"},
};

/// One input's opinion. Anything but the exact word kDisconnected counts as connected.
enum class PatientSignal : std::uint32_t {
  kDisconnected = 0xa55a3cc3,
  kConnected = 0x5aa5c33c,
  kUnknown = 0x0ff05aa5,
};

/// The therapy application's answer to one challenge. `challenge` must be the number it was asked with: a
/// frozen application whose last report is still in memory is thereby told from one that answers now.
struct UseReport {
  std::uint32_t challenge = 0;
  std::uint32_t conditions = 0xffffffff;
  PatientSignal patient_input_1 = PatientSignal::kUnknown;
  PatientSignal patient_input_2 = PatientSignal::kUnknown;
};

inline constexpr std::uint32_t bit(UseCondition condition) {
  return static_cast<std::uint32_t>(condition);
}

/// Mask of everything in `report` that blocks; 0 means idle and safe.
std::uint32_t blocking_conditions(const UseReport& report);

}  // namespace aseptic::interlock
