// SPDX-License-Identifier: Apache-2.0
// Boot of the an505: the shared text over this board.
#include "board.h"

#include "aseptic/boot/cortex_m/boot_main.h"
