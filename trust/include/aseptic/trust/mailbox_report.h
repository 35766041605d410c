// SPDX-License-Identifier: Apache-2.0
// The boot report as boot itself signed it: the 1,024 bytes of the mailbox (docs/formats/boot_mailbox.md). Called where a
// device's report arrives and where a microcontroller's is checked.
// Security: says that boot code with this key's digest, debug and life-cycle state wrote exactly these bytes, and, with a certified
// key, that it is the boot stage of the device that the factory named. It says nothing about freshness: the caller compares
// challenge and boot_count.
#pragma once

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"
#include "aseptic/trust/boot_key.h"

namespace aseptic::trust {

// Refused with `trust.boot_key`: another key signed it, or what it says of its device, boot stage, life cycle or debug port is not
// what its key was certified for.
core::Result<void> verify_mailbox_report(core::ByteView report, const BootKey& boot_key);

}  // namespace aseptic::trust
