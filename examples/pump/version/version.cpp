// SPDX-License-Identifier: Apache-2.0
// Built once per version with -DASEPTIC_PUMP_VERSION=1|2|3.
#include "pump/version/version.h"

#ifndef ASEPTIC_PUMP_VERSION
#error "build with -DASEPTIC_PUMP_VERSION=1, 2 or 3"
#endif
#define ASEPTIC_PUMP_TEXT_OF(number) #number
#define ASEPTIC_PUMP_TEXT(number) ASEPTIC_PUMP_TEXT_OF(number)

namespace aseptic::pump {

const char* const kVersionName = "pump-v" ASEPTIC_PUMP_TEXT(ASEPTIC_PUMP_VERSION);
const unsigned kMotorStepsPerMl = ASEPTIC_PUMP_VERSION == 3 ? 1850 : 2000;

}  // namespace aseptic::pump
