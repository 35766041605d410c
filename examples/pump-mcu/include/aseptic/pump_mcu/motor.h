// SPDX-License-Identifier: Apache-2.0
// The pump motor of the microcontroller, much simplified. No I/O; time comes in. Called by Firmware.
// INVARIANT: the motor moves in kInfusing only; begin() is called only with the interlock's consent.
#pragma once

#include <cstdint>

namespace aseptic::pump_mcu {

enum class MotorState : std::uint32_t { kIdle = 0, kInfusing = 1, kAlarm = 2 };

class Motor {
 public:
  static constexpr std::uint32_t kRateMlPerH = 60;
  static constexpr std::uint32_t kVolumeMl = 250;

  MotorState state() const { return state_; }
  std::uint32_t delivered_ul() const { return delivered_ul_; }

  bool begin(std::uint64_t now_ms);    // false in any state but kIdle
  void stop();                         // also ends an alarm
  void tick(std::uint64_t now_ms);     // delivers up to now; a volume that is through is an alarm

 private:
  MotorState state_ = MotorState::kIdle;
  std::uint64_t begun_ms_ = 0;
  std::uint32_t delivered_ul_ = 0;
};

// What a version believes about the mechanics, against the (simulated) flow sensor: 2 % are tolerated.
bool motor_self_test(std::uint32_t steps_per_ml);

}  // namespace aseptic::pump_mcu
