// SPDX-License-Identifier: Apache-2.0
// The agent's state files, for those who test it from outside of this part (the fuzz target device_files).
#pragma once

#include "state/state_store.h"
