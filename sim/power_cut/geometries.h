// SPDX-License-Identifier: Apache-2.0
// The flash parts that boot_power_cut plays, after families of real ones (names say which rules they share,
// not that they are that part).
#pragma once

#include <vector>

#include "aseptic/sim/flash/nor_flash.h"

namespace aseptic::sim {

const std::vector<FlashGeometry>& geometries();

}  // namespace aseptic::sim
