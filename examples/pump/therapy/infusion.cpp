// SPDX-License-Identifier: Apache-2.0
#include "pump/therapy/infusion.h"

#include <algorithm>

namespace aseptic::pump {

const char* name_of(InfusionState state) {
  switch (state) {
    case InfusionState::kIdle:
      return "idle";
    case InfusionState::kProgramming:
      return "programming";
    case InfusionState::kInfusing:
      return "infusing";
    case InfusionState::kAlarm:
      return "alarm";
  }
  return "unknown";
}

bool Infusion::begin_programming() {
  if (state_ != InfusionState::kIdle) return false;
  state_ = InfusionState::kProgramming;
  return true;
}

bool Infusion::end_programming(const InfusionProgram& program) {
  const bool is_good = program.rate_ml_per_h >= 1 && program.rate_ml_per_h <= kRateMlPerHMax &&
                       program.volume_ml >= 1 && program.volume_ml <= kVolumeMlMax;
  if (state_ != InfusionState::kProgramming || !is_good) return false;
  program_ = program;
  state_ = InfusionState::kIdle;
  return true;
}

bool Infusion::begin(std::uint64_t now_ms) {
  if (state_ != InfusionState::kIdle) return false;
  state_ = InfusionState::kInfusing;
  begun_ms_ = now_ms;
  delivered_ul_ = 0;
  return true;
}

void Infusion::stop(std::uint64_t now_ms) {
  tick(now_ms);
  state_ = InfusionState::kIdle;
  alarm_.clear();
}

void Infusion::raise_alarm(const std::string& why, std::uint64_t now_ms) {
  tick(now_ms);
  state_ = InfusionState::kAlarm;
  alarm_ = why;
}

void Infusion::tick(std::uint64_t now_ms) {
  if (state_ != InfusionState::kInfusing || now_ms < begun_ms_) return;
  const std::uint64_t whole_ul = std::uint64_t{program_.volume_ml} * 1000;
  // ml/h = µl / 3.6 s
  const std::uint64_t moved_ul = (now_ms - begun_ms_) * program_.rate_ml_per_h / 3600;
  delivered_ul_ = std::min(whole_ul, moved_ul);
  if (delivered_ul_ < whole_ul) return;
  state_ = InfusionState::kAlarm;
  alarm_ = "infusion complete";
}

bool motor_self_test(unsigned steps_per_ml) {
  constexpr unsigned kTestMl = 5;
  constexpr unsigned kTrueStepsPerMl =
      2000;  // of the mechanics; a version that believes otherwise doses wrongly
  constexpr unsigned kTolerancePercent = 2;
  const unsigned measured_ul = kTestMl * steps_per_ml * 1000 / kTrueStepsPerMl;
  const unsigned wanted_ul = kTestMl * 1000;
  const unsigned error_ul = measured_ul > wanted_ul ? measured_ul - wanted_ul : wanted_ul - measured_ul;
  return error_ul * 100 <= wanted_ul * kTolerancePercent;
}

}  // namespace aseptic::pump
