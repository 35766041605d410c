// SPDX-License-Identifier: Apache-2.0
// The boot report as boot itself signed it: the 1,024 bytes of the mailbox (docs/formats/boot_mailbox.md). Called where a
// device's report arrives and where a microcontroller's is checked.
// Security: says that boot code with this key's digest, debug and life-cycle state wrote exactly these bytes, and, with a certified
// key, that it is the boot stage of the device that the factory named. It says nothing about freshness: the caller compares
// challenge and boot_count, or asks for a proof by the alias key.
#pragma once

#include "aseptic/core/bytes.h"
#include "aseptic/core/result.h"
#include "aseptic/trust/boot_key.h"

namespace aseptic::trust {

// Refused with `trust.boot_key`: another key signed it, or what it says of its device, boot stage, life cycle or debug port is not
// what its key was certified for.
core::Result<void> verify_mailbox_report(core::ByteView report, const BootKey& boot_key);

// The key that signs for this start of the device until its next reset. Of a report that verified. `trust.alias_key`: it has none.
core::Result<core::PublicKey> alias_key_of(core::ByteView report);
// What holds the alias key answers a nonce (32 bytes): ECDSA P-256, r‖s, over "aseptic-alias-proof-v1\0" ‖ nonce ‖ boot_count (4,
// little-endian) ‖ running manifest digest, the last two as the report has them. SECURITY(T-56): so the report is of the start that
// goes on now, on the device that answers; a report of yesterday, or carried from another device, is `trust.alias_key`.
core::Result<void> verify_alias_proof(core::ByteView report, core::ByteView nonce, core::ByteView signature);

}  // namespace aseptic::trust
