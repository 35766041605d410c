// SPDX-License-Identifier: Apache-2.0
// The therapy itself: a (much simplified) volumetric infusion pump. No I/O; time comes in.
// Called by: Therapy. Invariant: the motor moves in kInfusing only; begin() is called only with the
// interlock's consent.
#pragma once

#include <cstdint>
#include <string>

namespace aseptic::pump {

enum class InfusionState : std::uint8_t { kIdle, kProgramming, kInfusing, kAlarm };

const char* name_of(InfusionState state);

struct InfusionProgram {
  std::uint32_t rate_ml_per_h = 60;
  std::uint32_t volume_ml = 250;
};

inline constexpr std::uint32_t kRateMlPerHMax = 1200;  // limits of the device class, both ends are tested
inline constexpr std::uint32_t kVolumeMlMax = 9999;

class Infusion {
 public:
  InfusionState state() const { return state_; }
  const InfusionProgram& program() const { return program_; }
  const std::string& alarm() const { return alarm_; }
  std::uint64_t delivered_ul() const { return delivered_ul_; }

  /// Opens a programming session; false in any state but kIdle.
  bool begin_programming();
  /// Closes it. False when the values are outside the limits (nothing changes, the session stays open).
  bool end_programming(const InfusionProgram& program);

  /// The caller has the interlock's consent. False in any state but kIdle.
  bool begin(std::uint64_t now_ms);
  /// Ends an infusion, a programming session or an alarm.
  void stop(std::uint64_t now_ms);
  void raise_alarm(const std::string& why, std::uint64_t now_ms);
  /// Delivers up to `now_ms`; an infusion whose volume is through raises "infusion complete".
  void tick(std::uint64_t now_ms);

 private:
  InfusionState state_ = InfusionState::kIdle;
  InfusionProgram program_;
  std::string alarm_;
  std::uint64_t begun_ms_ = 0;
  std::uint64_t delivered_ul_ = 0;
};

/// Moves the simulated motor a known way and compares with the (simulated) flow sensor: 2 % are tolerated.
bool motor_self_test(unsigned steps_per_ml);

}  // namespace aseptic::pump
