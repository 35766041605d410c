// SPDX-License-Identifier: Apache-2.0
// The interlock's name for one start of the device: the first 16 bytes of
// SHA-256("aseptic-boot-id-v1\0" || the 1,024 bytes of boot's mailbox report).
// Called by the agent and by the therapy application, which read the same file; another start, another report.
#pragma once

#include "aseptic/core/bytes.h"
#include "aseptic/interlock/types.h"

namespace aseptic::agent {

interlock::BootId boot_id_of(core::ByteView report);

}  // namespace aseptic::agent
