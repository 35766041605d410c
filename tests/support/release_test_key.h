// SPDX-License-Identifier: Apache-2.0
// The post-quantum half of a development pair, for tests that need images which really verify. Its private half is this file
// (seeds 00 01 .. 2f), so production refuses it: boot/format/publicly_known_keys.h. Deterministic signatures, remembered
// in the process. Any thread.
#pragma once

#include "aseptic/boot/format/manifest.h"
#include "aseptic/core/bytes.h"

namespace aseptic::test {

boot::PostQuantumKey release_test_key();

// Signs the region at the start of `slot` and puts the signature into its place in the signature block.
void put_release_signature(core::ByteSpan slot);

}  // namespace aseptic::test
