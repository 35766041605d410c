// SPDX-License-Identifier: Apache-2.0
#include "aseptic/pump_mcu/motor.h"

namespace aseptic::pump_mcu {

bool Motor::begin(std::uint64_t now_ms) {
  if (state_ != MotorState::kIdle) return false;
  state_ = MotorState::kInfusing;
  begun_ms_ = now_ms;
  delivered_ul_ = 0;
  return true;
}

void Motor::stop() { state_ = MotorState::kIdle; }

void Motor::tick(std::uint64_t now_ms) {
  if (state_ != MotorState::kInfusing || now_ms < begun_ms_) return;
  constexpr std::uint64_t kWholeUl = std::uint64_t{kVolumeMl} * 1000;
  const std::uint64_t moved_ul = (now_ms - begun_ms_) * kRateMlPerH / 3600;  // ml/h = µl / 3.6 s
  delivered_ul_ = static_cast<std::uint32_t>(moved_ul < kWholeUl ? moved_ul : kWholeUl);
  if (moved_ul >= kWholeUl) state_ = MotorState::kAlarm;
}

bool motor_self_test(std::uint32_t steps_per_ml) {
  constexpr std::uint32_t kTrueStepsPerMl = 2000;
  constexpr std::uint32_t kWantedUl = 5000;
  const std::uint32_t measured_ul = 5 * steps_per_ml * 1000 / kTrueStepsPerMl;
  const std::uint32_t error_ul = measured_ul > kWantedUl ? measured_ul - kWantedUl : kWantedUl - measured_ul;
  return error_ul * 100 <= kWantedUl * 2;
}

}  // namespace aseptic::pump_mcu
