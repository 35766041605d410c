// SPDX-License-Identifier: Apache-2.0
// What tells the pump's builds apart. One small file, so that two versions differ in little else.
#pragma once

namespace aseptic::pump {

extern const char* const kVersionName;  // "pump-v1"

// Steps of the (simulated) motor that move one millilitre, as this version believes. Build 3 has it wrong,
// and its self-test finds that out.
extern const unsigned kMotorStepsPerMl;

}  // namespace aseptic::pump
