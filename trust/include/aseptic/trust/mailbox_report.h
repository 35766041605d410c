// SPDX-License-Identifier: Apache-2.0
// The boot report as boot itself signed it: the 1,024 bytes of the mailbox (docs/formats/boot_mailbox.md). Called where a
// device's report arrives and where a microcontroller's is checked.
// Security: says that boot code with this key's digest, debug and life-cycle state wrote exactly these bytes. It says
// nothing about freshness: the caller compares challenge and boot_count.
#pragma once

#include "aseptic/core/bytes.h"
#include "aseptic/core/public_key.h"
#include "aseptic/core/result.h"

namespace aseptic::trust {

// `boot_key` was certified when the device was provisioned.
core::Result<void> verify_mailbox_report(core::ByteView report, const core::PublicKey& boot_key);

}  // namespace aseptic::trust
