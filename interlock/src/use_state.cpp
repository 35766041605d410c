// SPDX-License-Identifier: Apache-2.0
#include "aseptic/interlock/use_state.h"

namespace aseptic::interlock {

std::uint32_t blocking_conditions(const UseReport& report) {
  std::uint32_t known = 0;
  std::uint32_t blocking = 0;
  for (const BlockingRule& rule : kBlockingTable) {
    known |= bit(rule.condition);
    if ((report.conditions & bit(rule.condition)) != 0) blocking |= bit(rule.condition);
  }
  // A condition that this version does not know is a condition that it cannot judge: it blocks.
  blocking |= report.conditions & ~known;
  // SECURITY(T-66), SI-24: one stuck or cut wire must not read as "nobody is connected".
  const bool both_say_disconnected = report.patient_input_1 == PatientSignal::kDisconnected &&
                                     report.patient_input_2 == PatientSignal::kDisconnected;
  if (!both_say_disconnected) blocking |= bit(UseCondition::kPatientConnected);
  return blocking;
}

}  // namespace aseptic::interlock
